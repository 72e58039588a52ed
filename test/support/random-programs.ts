/**
 * Random programs: ops applied to what earlier ones gave, each with the same computation in
 * hyper-dual float64 numbers. Every instruction is a few numbers that choose among what is possible
 * where it stands, so that any part of a program is a program too, and failures shrink.
 */
import * as fc from "fast-check";
import { concat } from "../../src/autograd/ops/join.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { max, mean, min, variance } from "../../src/autograd/ops/reduce.ts";
import { pad, reshape, slice, transpose } from "../../src/autograd/ops/shape.ts";
import { logSoftmax, logsumexp, softmax } from "../../src/autograd/ops/softmax.ts";
import { broadcastTo, sum } from "../../src/autograd/ops/sum.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { place, sizeOf } from "./host.ts";
import {
  exponential,
  fixed,
  gatherHyper,
  type Hyper,
  type HyperTensor,
  logarithm,
  mapHyper,
  plus,
  reduceHyper,
  scaled,
  times,
  total,
} from "./hyper.ts";
import { apart, BINARY, minus, negative, UNARY } from "./random-elementwise.ts";

/** Numbers that choose: the op, its operands, and what else it needs. */
export type Instruction = readonly [op: number, a: number, b: number, c: number];

export interface Draft {
  /** Shapes of the inputs. */
  readonly inputs: readonly (readonly number[])[];
  readonly instructions: readonly Instruction[];
}

export interface Statement {
  readonly text: string;
  readonly operands: readonly number[];
  readonly host: (x: readonly HyperTensor[]) => HyperTensor;
  readonly device: (x: readonly Tensor[]) => Tensor;
}

/** Values larger than this would let rounding decide the result. */
const LARGEST = 20;

type Build = (pool: readonly HyperTensor[], numbers: Instruction) => Statement | undefined;

const at = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
function broadcastShape(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let k = 0; k < rank; k++) {
    const [m, n] = [a[k - rank + a.length] ?? 1, b[k - rank + b.length] ?? 1];
    if (m !== n && m !== 1 && n !== 1) return undefined;
    shape.push(Math.max(m, n));
  }
  return shape;
}

const unary: Build = (pool, [, a, , c]) => {
  const operand = a % pool.length;
  const x = pool[operand] as HyperTensor;
  const [name, rule] = at(Object.entries(UNARY), c);
  const { allowed } = rule;
  if (allowed && !x.data.every((e) => allowed(e[0]))) return undefined;
  return {
    text: name,
    operands: [operand],
    host: ([t]) => mapHyper(x.shape, [t as HyperTensor], rule.host),
    device: ([t]) => rule.device(t as Tensor),
  };
};

const binary: Build = (pool, [, a, b, c]) => {
  const first = a % pool.length;
  const x = pool[first] as HyperTensor;
  const fitting = pool.flatMap((y, k) => (broadcastShape(x.shape, y.shape) ? [k] : []));
  const second = at(fitting, b);
  const y = pool[second] as HyperTensor;
  const shape = broadcastShape(x.shape, y.shape) as number[];
  const [name, rule] = at(Object.entries(BINARY), c);
  const { allowed } = rule;
  const pairs = mapHyper(shape, [x, y], (p, q) => [p[0], q[0], 0, 0]);
  if (allowed && !pairs.data.every(([p, q]) => allowed(p, q))) return undefined;
  return {
    text: name,
    operands: [first, second],
    host: ([t, u]) => mapHyper(shape, [t as HyperTensor, u as HyperTensor], rule.host),
    device: ([t, u]) => rule.device(t as Tensor, u as Tensor),
  };
};

type Reduce = (x: Tensor, axes: readonly number[], keep: boolean) => Tensor;

const average = (elements: readonly Hyper[]): Hyper => scaled(total(elements), 1 / elements.length);
const largestOf = (elements: readonly Hyper[]): Hyper =>
  elements.reduce((p, q) => (q[0] > p[0] ? q : p));
const logSum = (elements: readonly Hyper[]): Hyper => logarithm(total(elements.map(exponential)));

const REDUCE: Record<string, { host: (e: readonly Hyper[]) => Hyper; device: Reduce }> = {
  sum: { host: total, device: sum },
  mean: { host: average, device: mean },
  variance: {
    host: (e) => {
      const centre = negative(average(e));
      return average(e.map((p) => times(plus(p, centre), plus(p, centre))));
    },
    device: variance,
  },
  max: { host: largestOf, device: max },
  min: { host: (e) => negative(largestOf(e.map(negative))), device: min },
  logsumexp: { host: logSum, device: logsumexp },
};

/** Whether no two of the elements compete to be the largest or the smallest. */
function distinct(elements: readonly Hyper[]): boolean {
  const values = elements.map((e) => e[0]).sort((p, q) => p - q);
  return values.every((v, k) => k === 0 || apart(v, values[k - 1] as number));
}

const reduction: Build = (pool, [, a, b, c]) => {
  const operand = a % pool.length;
  const { shape, data } = pool[operand] as HyperTensor;
  const axes = shape.map((_, k) => k).filter((k) => ((b >> k) & 1) === 1);
  if (axes.length === 0) return undefined;
  const keep = (b & 16) === 16;
  const [name, rule] = at(Object.entries(REDUCE), c);
  if (name === "max" || name === "min") if (!distinct(data)) return undefined;
  const left = keep ? undefined : shape.filter((_, k) => !axes.includes(k));
  return {
    text: `${name} over ${axes}${keep ? ", kept" : ""}`,
    operands: [operand],
    host: ([t]) => {
      const y = reduceHyper(t as HyperTensor, axes, rule.host);
      return left ? { ...y, shape: left } : y;
    },
    device: ([t]) => rule.device(t as Tensor, axes, keep),
  };
};

const alongAxis: Build = (pool, [, a, b, c]) => {
  const operand = a % pool.length;
  const { shape } = pool[operand] as HyperTensor;
  if (shape.length === 0) return undefined;
  const axis = b % shape.length;
  const logarithmic = c % 2 === 1;
  const host = (x: HyperTensor): HyperTensor => {
    const normaliser = reduceHyper(x, [axis], logSum);
    return mapHyper(shape, [x, normaliser], (p, n) =>
      logarithmic ? minus(p, n) : exponential(minus(p, n)),
    );
  };
  return {
    text: `${logarithmic ? "logSoftmax" : "softmax"} along ${axis}`,
    operands: [operand],
    host: ([t]) => host(t as HyperTensor),
    device: ([t]) => (logarithmic ? logSoftmax : softmax)(t as Tensor, axis),
  };
};

const product: Build = (pool, [, a, b]) => {
  const matrices = pool.flatMap((x, k) => (x.shape.length === 2 ? [k] : []));
  if (matrices.length === 0) return undefined;
  const first = at(matrices, a);
  const [m, k] = (pool[first] as HyperTensor).shape as [number, number];
  const fitting = matrices.filter((i) => (pool[i] as HyperTensor).shape[0] === k);
  if (fitting.length === 0) return undefined;
  const second = at(fitting, b);
  const n = (pool[second] as HyperTensor).shape[1] as number;
  return {
    text: "matmul",
    operands: [first, second],
    host: ([x, y]) =>
      gatherHyper([m, n], ([i = 0, j = 0]) =>
        total(
          Array.from({ length: k }, (_, s) =>
            times(x?.data[i * k + s] as Hyper, y?.data[s * n + j] as Hyper),
          ),
        ),
      ),
    device: ([x, y]) => matmul(x as Tensor, y as Tensor),
  };
};

/** Ops that only move elements: the coordinates in the operand of each of the result's. */
function moved(
  text: string,
  operand: number,
  shape: readonly number[],
  from: (c: readonly number[]) => readonly number[] | undefined,
  device: (x: Tensor) => Tensor,
): Statement {
  return {
    text,
    operands: [operand],
    host: ([x]) =>
      gatherHyper(shape, (c) => {
        const source = from(c);
        const { shape: own, data } = x as HyperTensor;
        return source ? (data[place(own, source)] as Hyper) : fixed(0);
      }),
    device: ([x]) => device(x as Tensor),
  };
}

const shaping: Build = (pool, [, a, b, c]) => {
  const operand = a % pool.length;
  const { shape } = pool[operand] as HyperTensor;
  const rank = shape.length;
  const axis = rank === 0 ? 0 : b % rank;
  const length = shape[axis] ?? 1;
  switch (c % 6) {
    case 0: {
      // To one axis, with axes of length 1 put in or taken out.
      const flat = [
        [sizeOf(shape)],
        [1, ...shape],
        [...shape, 1],
        shape.filter((n) => n !== 1),
        rank === 2 ? [shape[1] as number, shape[0] as number] : [...shape],
      ];
      const to = at(flat, b);
      return {
        text: `reshape to [${to}]`,
        operands: [operand],
        host: ([x]) => ({ shape: to, data: (x as HyperTensor).data }),
        device: ([x]) => reshape(x as Tensor, to),
      };
    }
    case 1: {
      const order = shape.map((_, k) => (k + 1 + (b % Math.max(rank, 1))) % rank);
      const to = order.map((k) => shape[k] as number);
      const from = (coordinate: readonly number[]) => {
        const source = new Array<number>(rank).fill(0);
        for (const [k, n] of order.entries()) source[n] = coordinate[k] as number;
        return source;
      };
      return moved(`transpose by ${order}`, operand, to, from, (x) => transpose(x, order));
    }
    case 2: {
      const to = [[2, 3, ...shape], [2, ...shape], shape.map((n) => (n === 1 ? 3 : n))];
      const target = at(to, b);
      const from = (k: readonly number[]) => k.slice(target.length - rank);
      return moved(`broadcastTo [${target}]`, operand, target, from, (x) => broadcastTo(x, target));
    }
    case 3: {
      if (length < 2) return undefined;
      const begin = shape.map((_, k) => (k === axis ? 1 : 0));
      const size = shape.map((n, k) => (k === axis ? n - 1 : n));
      const from = (k: readonly number[]) => k.map((n, i) => n + (begin[i] as number));
      return moved(`slice along ${axis}`, operand, size, from, (x) => slice(x, begin, size));
    }
    case 4: {
      if (rank === 0) return undefined;
      const widths = shape.map((_, k) => (k === axis ? ([1, 2] as const) : ([0, 0] as const)));
      const to = shape.map((n, k) => (k === axis ? n + 3 : n));
      const from = (k: readonly number[]) => {
        const n = (k[axis] as number) - 1;
        return n >= 0 && n < length ? k.map((i, p) => (p === axis ? n : i)) : undefined;
      };
      return moved(`pad along ${axis}`, operand, to, from, (x) => pad(x, widths));
    }
    default: {
      if (rank === 0) return undefined;
      const to = shape.map((n, k) => (k === axis ? 2 * n : n));
      const from = (k: readonly number[]) => k.map((i, p) => (p === axis ? i % length : i));
      const twice = (x: Tensor) => concat([x, x], axis);
      return moved(`concat with itself along ${axis}`, operand, to, from, twice);
    }
  }
};

const BUILDS: readonly Build[] = [
  unary,
  unary,
  binary,
  binary,
  binary,
  reduction,
  reduction,
  alongAxis,
  product,
  shaping,
  shaping,
];

/** What an instruction does where it stands; undefined where that cannot be, or would not be stable. */
export function statementOf(
  pool: readonly HyperTensor[],
  instruction: Instruction,
): Statement | undefined {
  const statement = at(BUILDS, instruction[0])(pool, instruction);
  if (!statement) return undefined;
  const result = statement.host(statement.operands.map((k) => pool[k] as HyperTensor));
  const calm = result.data.every((e) => Math.abs(e[0]) < LARGEST);
  return calm && sizeOf(result.shape) <= 96 && result.shape.length <= 4 ? statement : undefined;
}

const lengths = fc.constantFrom(1, 1, 2, 3, 4);
const numbers = fc.nat(10_000);

/** Programs of two or three inputs with at most `longest` ops. */
export function drafts(longest: number): fc.Arbitrary<Draft> {
  return fc.record({
    inputs: fc.array(fc.array(lengths, { minLength: 1, maxLength: 3 }), {
      minLength: 2,
      maxLength: 3,
    }),
    instructions: fc.array(fc.tuple(numbers, numbers, numbers, numbers), {
      minLength: 3,
      maxLength: longest,
      size: "max",
    }),
  });
}

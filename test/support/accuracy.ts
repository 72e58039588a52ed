/**
 * How far the elementwise functions and sums may be off, each over a range, and what measures it
 * against float64. docs/numerics.md states the same bounds: test/project/numerics.host.test.ts
 * compares, test/kernels/accuracy.test.ts measures.
 */
import * as ops from "../../src/autograd/ops/elementwise.ts";
import { mean, variance } from "../../src/autograd/ops/reduce.ts";
import { slice } from "../../src/autograd/ops/shape.ts";
import { logSoftmax, logsumexp, softmax } from "../../src/autograd/ops/softmax.ts";
import { broadcastTo, sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Value } from "../../src/gpu/value.ts";
import { globalNormCall, gradientCheckCall, squareShares } from "../../src/kernels/optimiser.ts";
import { chunksOf, segmentsCall } from "../../src/kernels/segments.ts";
import { full, tensor, variable } from "../../src/tensor/create.ts";
import { scope } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { seeded } from "./expressions.ts";

/** To the result, or in itself. */
export type Measure = "relative" | "absolute";

export interface Bound {
  /** As the library names it. */
  readonly name: string;
  /** Of which arguments, in words. */
  readonly range: string;
  readonly measure: Measure;
  readonly bound: number;
  /** The largest error on a device. */
  readonly error: (device: Device) => Promise<number>;
}

const POINTS = 4096;

/** Arguments of either sign whose magnitudes spread evenly over the decades, and evenly over the range. */
function spread(low: number, high: number): Float32Array {
  const random = seeded(11);
  const most = Math.max(Math.abs(low), Math.abs(high));
  const least = low > 0 ? low : high < 0 ? -high : 1e-20;
  const points: number[] = [low, high].map(Math.fround).filter((x) => x >= low && x <= high);
  while (points.length < POINTS) {
    const even = low + (high - low) * random();
    const decades = least * (most / least) ** random() * (random() < 0.5 ? -1 : 1);
    const x = Math.fround(random() < 0.5 ? even : decades);
    if (x >= low && x <= high) points.push(x);
  }
  return Float32Array.from(points);
}

/** Smaller results may count as 0. */
const SMALLEST_NORMAL = 2 ** -126;

function errorOf(measure: Measure, got: Float32Array, want: readonly number[]): number {
  let largest = 0;
  for (const [i, w] of want.entries()) {
    if (measure === "relative" && Math.abs(w) < SMALLEST_NORMAL) continue;
    const off = Math.abs((got[i] as number) - w);
    const error = measure === "relative" ? (w === 0 ? off : off / Math.abs(w)) : off;
    largest = Math.max(largest, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  return largest;
}

async function read(device: Device, body: () => Tensor): Promise<Float32Array> {
  const y = scope(device, body);
  const data = await y.data();
  device.release(y.value);
  return data;
}

/** A function of one argument between two bounds. */
function unary(
  name: string,
  op: (x: Tensor) => Tensor,
  host: (x: number) => number,
  [low, high]: readonly [number, number],
  bound: number,
  measure: Measure = "relative",
  range = `${shown(low)} … ${shown(high)}`,
): Bound {
  const error = async (device: Device) => {
    const x = spread(low, high);
    const got = await read(device, () => op(tensor(device, x, [POINTS])));
    return errorOf(measure, got, Array.from(x, host));
  };
  return { name, range, measure, bound, error };
}

function shown(x: number): string {
  const size = Math.abs(x);
  if (size !== 0 && (size >= 1e4 || size < 1e-3)) {
    const [digits, power] = size.toExponential().split("e") as [string, string];
    const raised = [...String(Number(power))]
      .map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+c]))
      .join("");
    return `${x < 0 ? "−" : ""}${digits === "1" ? "" : `${digits}·`}10${raised}`;
  }
  return x < 0 ? `−${size}` : `${size}`;
}

/** A function of two arguments, each between two bounds. */
function binary(
  name: string,
  op: (x: Tensor, y: Tensor) => Tensor,
  host: (x: number, y: number) => number,
  [a, b]: readonly [readonly [number, number], readonly [number, number]],
  bound: number,
  measure: Measure = "relative",
): Bound {
  const range = `${shown(a[0])} … ${shown(a[1])}, ${shown(b[0])} … ${shown(b[1])}`;
  const error = async (device: Device) => {
    const [x, y] = [spread(...a), spread(...b).reverse()];
    const upload = (data: Float32Array) => tensor(device, data, [POINTS]);
    const got = await read(device, () => op(upload(x), upload(y)));
    return errorOf(
      measure,
      got,
      Array.from(x, (value, i) => host(value, y[i] as number)),
    );
  };
  return { name, range, measure, bound, error };
}

const LINES = 32;
const LENGTH = 40;

/** A function along lines of numbers up to 20 apart. */
function along(
  name: string,
  op: (x: Tensor) => Tensor,
  host: (line: readonly number[]) => readonly number[],
  bound: number,
): Bound {
  const error = async (device: Device) => {
    const random = seeded(5);
    // One element of a line leads by ever more.
    const x = Float32Array.from({ length: LINES * LENGTH }, (_, i) =>
      i % LENGTH === 7 ? (20 * Math.floor(i / LENGTH)) / LINES : -10 * random(),
    );
    const lines = Array.from({ length: LINES }, (_, k) => [
      ...x.slice(k * LENGTH, (k + 1) * LENGTH),
    ]);
    const got = await read(device, () => op(tensor(device, x, [LINES, LENGTH])));
    return errorOf("relative", got, lines.flatMap(host));
  };
  return { name, range: "lines of 40, at most 30 apart", measure: "relative", bound, error };
}

/** log Σ exp over a line as its largest element and the rest. */
function logShares(line: readonly number[]): { largest: number; rest: number } {
  const largest = Math.max(...line);
  const at = line.indexOf(largest);
  const others = line.reduce((s, x, k) => (k === at ? s : s + Math.exp(x - largest)), 0);
  return { largest, rest: Math.log1p(others) };
}

const COUNT = 10_000_000;
/** Numbers whose multiples round in different ways. */
const ADDENDS = [0.1, 1 / 3, Math.PI, 1.0000001].map(Math.fround);

/** A reduction of 10⁷ numbers, all of them x; `result` is each number that it gives, of one sign. */
function ofMany(
  name: string,
  op: (device: Device, x: number) => Tensor,
  result: (x: number) => number,
  range = "10⁷ equal numbers",
): Bound {
  const error = async (device: Device) => {
    let largest = 0;
    for (const x of ADDENDS)
      for (const got of await read(device, () => op(device, x)))
        largest = Math.max(largest, Math.abs(got - result(x)) / Math.abs(result(x)));
    return largest;
  };
  return { name, range, measure: "relative", bound: 1e-6, error };
}

/** x and 3x by turns: their variance is x². */
const alternating = (device: Device, x: number): Tensor =>
  broadcastTo(tensor(device, Float32Array.of(x, 3 * x), [1, 2]), [COUNT / 2, 2]);

/** The sums of a matrix's rows as those of many layers are merged: chunk by chunk, then the chunks'. */
function mergedSum(device: Device, x: number, columns: number): Tensor {
  const source = full(device, [COUNT], x).value;
  const out = emptyResult(device, "sum", [Math.ceil(columns / 4) * 4]);
  const fold = columns % 4 === 0 ? 1 : 4;
  const rows = COUNT / columns / fold;
  const long = { source, start: 0, rows, columns: columns * fold, chunk: 1024, at: 0 };
  const partial = new Value(device, "f32", chunksOf(long) * long.columns, "partial");
  const left = { start: 0, rows: chunksOf(long) * fold, columns, at: 0 };
  device.emit(segmentsCall("sum", [{ ...long, target: partial }]));
  const last = { ...left, source: partial, chunk: left.rows, target: out.value };
  device.emit(segmentsCall("sum", [last]));
  return slice(out, [0], [columns]);
}

/** The norm of so many gradients, as the optimisers take it. */
function gradientNorm(device: Device, x: number): Tensor {
  const gradients = full(device, [COUNT], x).value;
  const words = (name: string, n: number) => variable(device, Uint32Array.of(n), [1], name).value;
  const [step, flag] = [words("step", 1), words("flag", 0xffffffff)];
  const shares = new Value(device, "f32", squareShares(gradients), "shares");
  const control = emptyResult(device, "globalNorm", [2]);
  device.emit(gradientCheckCall({ gradients, step, flag }, [], shares));
  device.emit(globalNormCall(shares, 1, control.value));
  return slice(control, [1], [1]);
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const FEW = [-20, 20] as const;
const CIRCLE = [-Math.PI, Math.PI] as const;
/** Half a unit in the last place: as well as a float can be. */
const ROUNDED = 6e-8;

export const BOUNDS: readonly Bound[] = [
  binary("add", ops.add, (a, b) => a + b, [FEW, FEW], ROUNDED),
  binary("sub", ops.sub, (a, b) => a - b, [FEW, FEW], ROUNDED),
  binary("mul", ops.mul, (a, b) => a * b, [FEW, FEW], ROUNDED),
  binary("div", ops.div, (a, b) => a / b, [FEW, [1e-3, 20]], 3e-7),
  binary("maximum", ops.maximum, Math.max, [FEW, FEW], 0),
  binary("minimum", ops.minimum, Math.min, [FEW, FEW], 0),
  binary("greater", ops.greater, (a, b) => Number(a > b), [FEW, FEW], 0),
  binary("equal", ops.equal, (a, b) => Number(a === b), [FEW, FEW], 0),
  binary(
    "where",
    (a, b) => ops.where(ops.greater(a, 1), a, b),
    (a, b) => (a > 1 ? a : b),
    [FEW, FEW],
    0,
  ),
  binary(
    "pow",
    ops.pow,
    (a, b) => a ** b,
    [
      [0.1, 10],
      [-8, 8],
    ],
    1e-5,
  ),
  unary("neg", ops.neg, (x) => -x, FEW, 0),
  unary("abs", ops.abs, Math.abs, FEW, 0),
  unary("sign", ops.sign, Math.sign, FEW, 0),
  unary("floor", ops.floor, Math.floor, FEW, 0),
  unary("square", ops.square, (x) => x * x, [-1e15, 1e15], ROUNDED),
  unary(
    "clamp",
    (x) => ops.clamp(x, -1, 1),
    (x) => Math.min(Math.max(x, -1), 1),
    FEW,
    0,
  ),
  unary("relu", ops.relu, (x) => Math.max(x, 0), FEW, 0),
  unary(
    "leakyRelu",
    (x) => ops.leakyRelu(x, 0.25),
    (x) => (x > 0 ? x : 0.25 * x),
    FEW,
    ROUNDED,
  ),
  unary("reciprocal", ops.reciprocal, (x) => 1 / x, [1e-30, 1e30], 3e-7),
  unary("sqrt", ops.sqrt, Math.sqrt, [1e-30, 1e30], 3e-7),
  unary("rsqrt", ops.rsqrt, (x) => 1 / Math.sqrt(x), [1e-30, 1e30], 3e-7),
  unary("sin", ops.sin, Math.sin, CIRCLE, 2 ** -11, "absolute", "−π … π"),
  unary("cos", ops.cos, Math.cos, CIRCLE, 2 ** -11, "absolute", "−π … π"),
  unary("exp", ops.exp, Math.exp, FEW, 5e-6),
  unary("exp", ops.exp, Math.exp, [-87, 88], 2e-5),
  unary("log", ops.log, Math.log, [1e-30, 0.5], 1e-6),
  unary("log", ops.log, Math.log, [0.5, 2], 5e-7, "absolute"),
  unary("log", ops.log, Math.log, [2, 1e30], 1e-6),
  unary("expm1", ops.expm1, Math.expm1, FEW, 1e-6),
  unary("expm1", ops.expm1, Math.expm1, [-1e30, 88], 1e-6),
  unary("log1p", ops.log1p, Math.log1p, [-0.999999, 20], 1e-6),
  unary("log1p", ops.log1p, Math.log1p, [20, 1e30], 1e-6),
  unary("tanh", ops.tanh, Math.tanh, FEW, 1e-6),
  unary("tanh", ops.tanh, Math.tanh, [-1e30, 1e30], 1e-6),
  unary("sigmoid", ops.sigmoid, logistic, FEW, 1e-6),
  unary("sigmoid", ops.sigmoid, logistic, [-87, 1e30], 1e-6),
  unary("softplus", ops.softplus, softplus, FEW, 1e-6),
  unary("softplus", ops.softplus, softplus, [-87, 1e30], 1e-6),
  unary(
    "logisticLoss",
    (l) => ops.logisticLoss(l, 1),
    (l) => softplus(-l),
    [-20, 87],
    1e-6,
  ),
  along(
    "softmax",
    softmax,
    (line) => {
      const { largest, rest } = logShares(line);
      return line.map((x) => Math.exp(x - largest - rest));
    },
    2e-6,
  ),
  along(
    "logSoftmax",
    logSoftmax,
    (line) => {
      const { largest, rest } = logShares(line);
      return line.map((x) => x - largest - rest);
    },
    1e-6,
  ),
  along(
    "logsumexp",
    logsumexp,
    (line) => {
      const { largest, rest } = logShares(line);
      return [largest + rest];
    },
    1e-6,
  ),
  ofMany(
    "sum",
    (device, x) => sum(full(device, [COUNT], x)),
    (x) => COUNT * x,
  ),
  ofMany(
    "sum",
    (device, x) => sum(full(device, [COUNT / 8, 8], x), 0),
    (x) => (COUNT / 8) * x,
    "10⁷ equal numbers in 8 columns",
  ),
  ofMany(
    "sum, merged",
    (device, x) => mergedSum(device, x, 4),
    (x) => (COUNT / 4) * x,
    "10⁷ equal numbers in 4 columns",
  ),
  ofMany(
    "sum, merged",
    (device, x) => mergedSum(device, x, 5),
    (x) => (COUNT / 5) * x,
    "10⁷ equal numbers in 5 columns",
  ),
  ofMany(
    "mean",
    (device, x) => mean(full(device, [COUNT], x)),
    (x) => x,
  ),
  ofMany(
    "variance",
    (device, x) => variance(alternating(device, x)),
    (x) => x * x,
    "10⁷ numbers, x and 3x by turns",
  ),
  ofMany("norm of the gradients", gradientNorm, (x) => x * Math.sqrt(COUNT)),
];

export function numberText(x: number): string {
  return x === 0 ? "0" : x.toExponential(1).replace("-", "−");
}

/** Functions of one bound over one range, as the rows of a table. */
export function tableRows(): { readonly heads: string; readonly bounds: readonly Bound[] }[] {
  const groups: Bound[][] = [];
  const key = ({ range, measure, bound }: Bound) => `${range} | ${measure} | ${numberText(bound)}`;
  for (const b of BOUNDS) {
    const last = groups.at(-1);
    if (last?.[0] && key(last[0]) === key(b)) last.push(b);
    else groups.push([b]);
  }
  return groups.map((bounds) => {
    const names = bounds.map(({ name }) => `\`${name}\``).join(", ");
    return { heads: `| ${names} | ${key(bounds[0] as Bound)} |`, bounds };
  });
}

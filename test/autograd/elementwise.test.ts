import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import * as ops from "../../src/autograd/ops/elementwise.ts";
import { mean } from "../../src/autograd/ops/reduce.ts";
import { broadcastTo, sum, sumTo } from "../../src/autograd/ops/sum.ts";
import { grad, stopGradient, track } from "../../src/autograd/tape.ts";
import { DTypeError, LatentgradError, ShapeError } from "../../src/gpu/errors.ts";
import { bytes, empty, full, tensor, variable } from "../../src/tensor/create.ts";
import { record, scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import {
  assertClose,
  build,
  coordinates,
  forAll,
  place,
  randomHost,
  shapes,
  upload,
} from "../support/host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("elementwise ops");

interface Unary {
  readonly name: string;
  readonly op: (x: Tensor) => Tensor;
  readonly host: (x: number) => number;
  /** Where the function is defined and smooth enough for differences; default [−2, 2). */
  readonly domain?: (x: number) => number;
  /** Only the values: the derivative is 0 or jumps everywhere that differences look. */
  readonly flat?: boolean;
  /** WGSL permits an error of 2⁻¹¹. */
  readonly coarse?: boolean;
}

const positive = (x: number) => Math.abs(x) + 0.5;
/** At least 0.5 from the kink at 0. */
const away = (x: number) => x + (x < 0 ? -0.5 : 0.5);
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const unary: readonly Unary[] = [
  { name: "neg", op: ops.neg, host: (x) => -x },
  { name: "abs", op: ops.abs, host: Math.abs, domain: away },
  { name: "sign", op: ops.sign, host: Math.sign, flat: true },
  { name: "exp", op: ops.exp, host: Math.exp },
  { name: "log", op: ops.log, host: Math.log, domain: positive },
  { name: "expm1", op: ops.expm1, host: Math.expm1 },
  { name: "log1p", op: ops.log1p, host: Math.log1p, domain: positive },
  { name: "sqrt", op: ops.sqrt, host: Math.sqrt, domain: positive },
  { name: "rsqrt", op: ops.rsqrt, host: (x) => 1 / Math.sqrt(x), domain: positive },
  { name: "square", op: ops.square, host: (x) => x * x },
  { name: "reciprocal", op: ops.reciprocal, host: (x) => 1 / x, domain: positive },
  { name: "sin", op: ops.sin, host: Math.sin, coarse: true },
  { name: "cos", op: ops.cos, host: Math.cos, coarse: true },
  { name: "floor", op: ops.floor, host: Math.floor, flat: true },
  { name: "tanh", op: ops.tanh, host: Math.tanh },
  { name: "sigmoid", op: ops.sigmoid, host: (x) => 1 / (1 + Math.exp(-x)) },
  { name: "softplus", op: ops.softplus, host: softplus },
  {
    name: "logisticLoss",
    op: (x) => ops.logisticLoss(x, 0.25),
    host: (x) => softplus(x) - 0.25 * x,
  },
  { name: "relu", op: ops.relu, host: (x) => Math.max(x, 0), domain: away },
  {
    name: "leakyRelu",
    op: (x) => ops.leakyRelu(x, 0.1),
    host: (x) => (x > 0 ? x : 0.1 * x),
    domain: away,
  },
  {
    name: "clamp",
    op: (x) => ops.clamp(x, -1, 1),
    host: (x) => Math.min(Math.max(x, -1), 1),
    domain: (x) => (Math.abs(Math.abs(x) - 1) < 0.2 ? 0.4 * x : x),
  },
  { name: "cube", op: (x) => ops.pow(x, 3), host: (x) => x ** 3 },
  { name: "power of 1.5", op: (x) => ops.pow(x, 1.5), host: (x) => x ** 1.5, domain: positive },
  { name: "power of a number", op: (x) => ops.pow(1.7, x), host: (x) => 1.7 ** x },
  { name: "number − x", op: (x) => ops.sub(1, x), host: (x) => 1 - x },
  { name: "number / x", op: (x) => ops.div(2, x), host: (x) => 2 / x, domain: positive },
];

for (const { name, op, host, domain = (x: number) => x, flat, coarse } of unary)
  test(`${name}: values, first and second derivatives`, async () => {
    const steps = coarse ? { epsilon: 0.2, tolerance: 1e-2 } : {};
    for (const shape of [[3, 5], [8]]) {
      const x = build(shape, () => 0);
      const random = randomHost(shape, 3);
      const at = { shape, data: x.data.map((_, i) => Math.fround(domain(random.data[i]!))) };
      const data = await upload(at);
      await assertClose(
        op(data),
        { shape, data: at.data.map(host) },
        name,
        coarse ? 2 ** -11 : 2e-6,
      );
      if (!flat && shape.length === 2) await checkGradients(op, [data], { second: true, ...steps });
    }
  });

type Pair = readonly [
  name: string,
  op: (a: Tensor, b: Tensor) => Tensor,
  host: (a: number, b: number) => number,
];

const binary: readonly Pair[] = [
  ["add", ops.add, (a, b) => a + b],
  ["sub", ops.sub, (a, b) => a - b],
  ["mul", ops.mul, (a, b) => a * b],
  ["div", ops.div, (a, b) => a / b],
  ["maximum", ops.maximum, Math.max],
  ["minimum", ops.minimum, Math.min],
  ["pow", ops.pow, (a, b) => a ** b],
  ["greater", ops.greater, (a, b) => Number(a > b)],
  ["equal", ops.equal, (a, b) => Number(a === b)],
];

for (const [name, op, host] of binary)
  test(`${name} broadcasts like NumPy`, async () => {
    const pairs: [number[], number[]][] = [
      [[2, 3], [3]],
      [
        [4, 1, 2],
        [3, 1],
      ],
      [[], [5]],
      [[8], [1]],
      [
        [2, 8],
        [2, 8],
      ],
    ];
    for (const [left, right] of pairs) {
      // Positive numbers, a quarter of them shared by both, for equal.
      const a = {
        shape: left,
        data: randomHost(left, 4).data.map((v) => Math.round(4 * positive(v)) / 4),
      };
      const b = {
        shape: right,
        data: randomHost(right, 5).data.map((v) => Math.round(4 * positive(v)) / 4),
      };
      const shape = ops.broadcastShapes(name, [left, right]);
      const want = build(shape, (c) => host(a.data[place(left, c)]!, b.data[place(right, c)]!));
      const [x, y] = [await upload(a), await upload(b)];
      await assertClose(op(x, y), want, `${name} ${left}|${right}`, 4e-6);
    }
  });

const smooth: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  maximum: ops.maximum,
  minimum: ops.minimum,
};

for (const [name, op] of Object.entries(smooth))
  test(`${name}: derivatives of both operands, broadcast and not`, async () => {
    for (const [left, right] of [
      [
        [2, 3],
        [2, 3],
      ],
      [[4, 1], [3]],
      [[], [4]],
    ]) {
      // Interleaved grids: a and b are nowhere close, for the kinks of maximum and minimum.
      const grid = (shape: number[], shift: number) =>
        build(
          shape,
          (c) => 1 + ((3 * c.reduce((s, k, i) => s + k * (i + 1), 0)) % 5) * 0.4 + shift,
        );
      const a = await upload(grid(left!, 0));
      const b = await upload(grid(right!, 0.2));
      await checkGradients(op, [a, b], { second: true });
    }
  });

test("where: values, and derivatives of both branches", async () => {
  const device = await testDevice();
  const mask = tensor(device, [1, 0, 1, 0]);
  const a = await upload(randomHost([2, 4], 1));
  const b = await upload(randomHost([4], 2));
  const y = await ops.where(mask, a, b).data();
  const [da, db] = [await a.data(), await b.data()];
  for (let i = 0; i < 8; i++) assert.is(y[i], i % 2 === 0 ? da[i] : db[i % 4]);
  await checkGradients((p, q) => ops.where(mask, ops.square(p), ops.square(q)), [a, b], {
    second: true,
  });
});

test("large arguments neither overflow nor become NaN", async () => {
  const device = await testDevice();
  const x = tensor(device, [-1000, -100, -20, 0, 20, 100, 1000]);
  const host = [-1000, -100, -20, 0, 20, 100, 1000];
  const data = await Promise.all(
    [ops.tanh(x), ops.sigmoid(x), ops.softplus(x)].map((t) => t.data()),
  );
  for (const [i, v] of host.entries()) {
    assert.ok(Math.abs(data[0]![i]! - Math.tanh(v)) < 1e-6, `tanh ${v}: ${data[0]![i]}`);
    assert.ok(Math.abs(data[1]![i]! - 1 / (1 + Math.exp(-v))) < 1e-6, `sigmoid ${v}`);
    assert.ok(Math.abs(data[2]![i]! - softplus(v)) <= 1e-6 * Math.abs(v) + 1e-6, `softplus ${v}`);
  }
  const leaf = track(x);
  for (const f of [ops.tanh, ops.sigmoid, ops.softplus]) {
    const [g] = grad(sum(f(leaf)), [leaf]);
    assert.ok([...(await g!.data())].every(Number.isFinite));
  }
});

test("ties: maximum and minimum give the derivative to the first, relu at 0 nothing", async () => {
  const device = await testDevice();
  const of = async (f: (a: Tensor, b: Tensor) => Tensor) => {
    const [a, b] = [track(tensor(device, [1, 2])), track(tensor(device, [1, 3]))];
    const found = grad(sum(f(a, b)), [a, b]);
    return Promise.all(found.map(async (g) => [...(await g.data())]));
  };
  assert.equal(await of(ops.maximum), [
    [1, 0],
    [0, 1],
  ]);
  assert.equal(await of(ops.minimum), [
    [1, 1],
    [0, 0],
  ]);
  const zero = track(tensor(device, [0]));
  assert.equal([...(await grad(sum(ops.relu(zero)), [zero])[0]!.data())], [0]);
});

test("random shapes broadcast back and forth: sumTo is broadcastTo's adjoint", async () => {
  await forAll(
    shapes(),
    async (shape) => {
      const narrow = shape.map((n, i) => (i % 2 === 0 ? 1 : n)).slice(shape.length > 2 ? 1 : 0);
      const x = randomHost(narrow, 1);
      const w = randomHost(shape, 2);
      const wide = build(shape, (c) => x.data[place(narrow, c)]!);
      const [tx, tw] = [await upload(x), await upload(w)];
      await assertClose(broadcastTo(tx, shape), wide, "broadcastTo");
      const folded = { shape: narrow, data: new Float64Array(x.data.length) };
      for (const [i, v] of w.data.entries())
        folded.data[place(narrow, coordinates(shape, i))]! += v;
      await assertClose(sumTo(tw, narrow), folded, "sumTo");
    },
    8,
  );
  const x = await upload(randomHost([3, 1]));
  await checkGradients((t) => ops.square(broadcastTo(t, [2, 3, 4])), [x], { second: true });
  const y = await upload(randomHost([2, 3, 4]));
  await checkGradients((t) => ops.square(sumTo(t, [3, 1])), [y], { second: true });
});

test("derivatives of derivatives of compositions", async () => {
  const x = await upload(randomHost([3, 4], 6));
  const penalty = (t: Tensor) => {
    const leaf = t.tracked ? t : track(t);
    const [g] = grad(sum(ops.tanh(ops.mul(ops.square(leaf), 0.5))), [leaf], { createGraph: true });
    return ops.square(ops.sub(ops.sqrt(ops.add(sum(ops.square(g!), 1), 1e-3)), 1));
  };
  await checkGradients(penalty, [x]);
});

test("stopGradient cuts, and unused inputs are named", async () => {
  const device = await testDevice();
  const x = track(tensor(device, [2, 3]));
  const [g] = grad(sum(ops.mul(x, stopGradient(x))), [x]);
  assert.equal([...(await g!.data())], [2, 3]);
  const other = track(tensor(device, [1]));
  await rejects(
    () => grad(sum(x), [other]),
    ShapeError,
    /^grad: the output does not depend on wrt\[0\]/,
  );
  await rejects(() => grad(x, [x]), ShapeError, /grad: the output is \[2\]/);
});

test("the gradient checker finds a wrong rule", async () => {
  const x = await upload(randomHost([5], 7));
  const wrong = (t: Tensor) => ops.add(ops.square(t), ops.mul(stopGradient(t), 0.1));
  await rejects(() => checkGradients(wrong, [x]), LatentgradError, /derivative of input 0 \[5\]/);
  const wrongSecond = (t: Tensor) =>
    ops.mul(ops.square(t), ops.add(1, ops.mul(ops.sub(t, stopGradient(t)), 1)));
  await rejects(
    () => checkGradients(wrongSecond, [x], { second: true }),
    LatentgradError,
    /derivative/,
  );
});

test("a division by 0 is Inf, NaN or −Inf, eagerly and recorded", async () => {
  const device = await testDevice();
  const check = async (t: Tensor, what: string) => {
    const words = new Uint32Array(await device.read(t.value));
    assert.is(words[0], 0x7f800000, `${what}: 1 / 0`);
    assert.ok((words[1]! & 0x7fffffff) > 0x7f800000, `${what}: 0 / 0`);
    assert.is(words[2], 0xff800000, `${what}: -1 / 0`);
  };
  for (const host of [
    [1, 0, -1],
    [1, 0, -1, 5],
  ]) {
    const x = variable(device, Float32Array.from(host), [host.length], "x");
    // Work before it leaves something else than zeros in the memory that is used again.
    scope(device, () => ops.exp(x));
    await check(ops.div(x, 0), "a number");
    await check(ops.div(x, full(device, [], 0)), "a tensor");
    const { program, result } = await record(device, () => ({
      filled: ops.div(x, full(device, [host.length], 0)),
      number: ops.div(ops.mul(x, 2), 0),
    }));
    program.run();
    await check(result.filled, "recorded tensor");
    await check(result.number, "recorded number");
    program.release();
  }
});

test("the derivative of the power 0 is 0, also at 0", async () => {
  const device = await testDevice();
  const x = track(tensor(device, [0, -2, 3]));
  assert.equal([...(await grad(sum(ops.pow(x, 0)), [x])[0]!.data())].map(Math.abs), [0, 0, 0]);
  assert.equal([...(await grad(sum(ops.pow(x, 1)), [x])[0]!.data())], [1, 1, 1]);
});

test("wrong shapes and types are refused before anything runs", async () => {
  const device = await testDevice();
  const x = tensor(device, [1, 2, 3]);
  await rejects(
    () => ops.add(x, tensor(device, [1, 2])),
    ShapeError,
    /add: \[3\] and \[2\] do not broadcast/,
  );
  await rejects(
    () => broadcastTo(x, [2]),
    ShapeError,
    /broadcastTo: \[3\] does not broadcast to \[2\]/,
  );
  await rejects(
    () => ops.exp(bytes(device, new Uint8Array(4), [4]) as never),
    DTypeError,
    /^exp: x holds u8, wanted f32 or u32: bytes must be gathered/,
  );
  const before = device.dispatches;
  const missing = undefined as unknown as Tensor;
  const list = [1, 2, 3] as unknown as Tensor;
  const wanted = "wanted a tensor or a number$";
  for (const [run, pattern] of [
    [() => ops.add(x, missing), `^add: b is undefined, ${wanted}`],
    [() => ops.add(1, missing), `^add: b is undefined, ${wanted}`],
    [() => ops.mul(list, x), `^mul: a is an array, ${wanted}`],
    [() => ops.exp(missing), "^exp: x is undefined, wanted a tensor$"],
    [() => ops.sub(x, null as unknown as Tensor), `^sub: b is null, ${wanted}`],
    [() => ops.where(x, x, "1" as unknown as Tensor), `^where: b is a string, ${wanted}`],
  ] as const)
    await rejects(run, DTypeError, new RegExp(pattern));
  await rejects(
    () => ops.clamp(x, 2, -1),
    ShapeError,
    /^clamp: the bounds are 2 and -1, wanted low ≤ high$/,
  );
  await rejects(() => ops.clamp(x, Number.NaN, 1), ShapeError, /^clamp: the bounds are NaN and 1/);
  assert.is(device.dispatches, before);
  assert.equal([...(await ops.clamp(x, 2, 2).data())], [2, 2, 2]);
  assert.equal(ops.mul(empty(device, [0, 3]), x).shape, [0, 3]);
  assert.equal(mean(ops.add(x, 1)).shape, []);
});

test.run();

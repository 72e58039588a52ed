/** Elementwise functions at their edges: where they saturate, at 0, and beyond what they are defined for. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  apply,
  constant,
  type ElementFunction,
  evaluateExpression,
  input,
} from "../../src/kernels/expression.ts";
import { testDevice } from "../support/device.ts";
import { runMap } from "../support/run-map.ts";

const test = suite("elementwise functions");

/** Runs one function over columns of arguments. */
async function table(fn: ElementFunction, rows: readonly (readonly number[])[]): Promise<number[]> {
  const device = await testDevice();
  const columns = rows[0]!.map((_, k) => Float32Array.from(rows, (row) => row[k]!));
  const views = columns.map((data) => ({ data, offset: 0, strides: [1] }));
  const args = columns.map((_, k) => input(k));
  return [...(await runMap(device, [rows.length], views, [apply(fn, ...args)])).results[0]!];
}

const close = (got: number, want: number, tolerance: number, what: string) => {
  const error = Math.abs(got - want);
  if (!(error <= tolerance * (1 + Math.abs(want))))
    assert.unreachable(`${what}: ${got}, not ${want}`);
};

test("saturating functions hold at ±100 and beyond", async () => {
  const xs = [-1e4, -100, -50, -20, -15, -1, -1e-3, 0, 1e-3, 1, 15, 20, 50, 88, 100, 1e4];
  for (const fn of ["tanh", "sigmoid", "softplus"] as const)
    for (const [i, got] of (
      await table(
        fn,
        xs.map((x) => [x]),
      )
    ).entries()) {
      const want = evaluateExpression(apply(fn, input(0)), [xs[i]!]);
      close(got, want, 2e-6, `${fn}(${xs[i]})`);
    }
});

test("every function agrees with the host's", async () => {
  const some = [-3.5, -2, -1, -0.25, 0, 0.25, 1, 2, 3, 7.5];
  const positive = [1e-6, 0.01, 0.5, 1, 2, 10, 1e6];
  const pairs = (a: readonly number[], b: readonly number[]) =>
    a.flatMap((x) => b.map((y) => [x, y]));
  const single = (a: readonly number[]) => a.map((x) => [x]);
  const cases: Record<ElementFunction, readonly (readonly number[])[]> = {
    add: pairs(some, some),
    sub: pairs(some, some),
    mul: pairs(some, some),
    div: pairs(some, [-2, 0.5, 3]),
    neg: single(some),
    abs: single(some),
    sign: single(some),
    exp: single([...some, -80, 80]),
    expm1: single([...some, -80, 80]),
    log1p: single([0, ...positive]),
    log: single(positive),
    sqrt: single([0, ...positive]),
    rsqrt: single(positive),
    square: single(some),
    reciprocal: single([-2, 0.5, 3]),
    sin: single([-3, -1, 0, 1, 3]),
    cos: single([-3, -1, 0, 1, 3]),
    floor: single(some),
    tanh: single(some),
    sigmoid: single(some),
    softplus: single(some),
    logisticLoss: pairs(some, [0, 0.25, 1]),
    max: pairs(some, some),
    min: pairs(some, some),
    pow: [...pairs(positive, [-1, 0, 0.5, 2]), ...pairs([-2, -1, 0], [0, 1, 2, 3])],
    greater: pairs(some, some),
    equal: pairs(some, some),
    where: some.map((x) => [x > 0 ? 1 : 0, x, 7]),
    clamp: some.map((x) => [x, -1, 2]),
  };
  for (const [name, rows] of Object.entries(cases)) {
    const fn = name as ElementFunction;
    for (const [i, got] of (await table(fn, rows)).entries()) {
      const want = evaluateExpression(apply(fn, ...rows[i]!.map((_, k) => input(k))), rows[i]!);
      close(got, want, fn === "sin" || fn === "cos" ? 1e-3 : 2e-6, `${fn}(${rows[i]})`);
    }
  }
});

test("logarithms of negative numbers are NaN and that of 0 is −∞, by their bits", async () => {
  const device = await testDevice();
  for (const data of [
    Float32Array.of(-100, 0, -1e-30, 1),
    Float32Array.of(-100, 0, -1e-30, 1, 2),
  ]) {
    const view = { data, offset: 0, strides: [1] };
    const { results } = await runMap(device, [data.length], [view], [apply("log", input(0))]);
    const bits = new Uint32Array(results[0]!.buffer);
    assert.ok((bits[0]! & 0x7fffffff) > 0x7f800000, "log(-100)");
    assert.is(bits[1], 0xff800000, "log(0)");
    assert.ok((bits[2]! & 0x7fffffff) > 0x7f800000, "log(-1e-30)");
    assert.is(results[0]![3], 0);
  }
});

/** "nan", or the bits of an f32: arithmetic on the host must not decide. */
const bitsOf = (data: Float32Array): (string | number)[] =>
  [...new Uint32Array(data.buffer, data.byteOffset, data.length)].map((word) =>
    (word & 0x7fffffff) > 0x7f800000 ? "nan" : word,
  );
const [INFINITY, MINUS_INFINITY, ONE] = [0x7f800000, 0xff800000, 0x3f800000];

test("a division by a constant 0 is stored: Inf, NaN and −Inf by their bits", async () => {
  const device = await testDevice();
  const zero = constant(0);
  for (const data of [Float32Array.of(1, 0, -1), Float32Array.of(1, 0, -1, 2)]) {
    const view = { data, offset: 0, strides: [1] };
    const { results } = await runMap(
      device,
      [data.length],
      [view],
      [
        apply("div", input(0), zero),
        apply("add", apply("div", input(0), apply("mul", constant(3), zero)), zero),
        apply("div", input(0), constant(1e-50)),
        apply("div", input(0), constant(-0)),
      ],
    );
    for (const k of [0, 1, 2])
      assert.equal(bitsOf(results[k]!).slice(0, 3), [INFINITY, "nan", MINUS_INFINITY], `${k}`);
    assert.equal(bitsOf(results[3]!).slice(0, 3), [MINUS_INFINITY, "nan", INFINITY], "by −0");
  }
});

test("powers at 0 and below, by their bits", async () => {
  const rows = [
    [0, -1, INFINITY],
    [0, -0.5, INFINITY],
    [0, 0, ONE],
    [0, 0.5, 0],
    [0, 3, 0],
    [-8, 1 / 3, "nan"],
    [-1, 0.5, "nan"],
    [-2, -0.5, "nan"],
    [-7.25, 0, ONE],
    [1e30, 0, ONE],
  ] as const;
  const close = [
    [-2, 3, -8],
    [-2, -2, 0.25],
    [-2, -1, -0.5],
    [-1, 7, -1],
    [-1, 1e6, 1],
  ] as const;
  const device = await testDevice();
  const column = (k: 0 | 1) => Float32Array.from([...rows, ...close], (row) => row[k]);
  for (const pad of [0, 1]) {
    const views = ([0, 1] as const).map((k) => ({
      data: Float32Array.of(...column(k), ...new Float32Array(pad)),
      offset: 0,
      strides: [1],
    }));
    const { results } = await runMap(device, [rows.length + close.length + pad], views, [
      apply("pow", input(0), input(1)),
    ]);
    const bits = bitsOf(results[0]!);
    for (const [i, [a, b, want]] of rows.entries()) assert.is(bits[i], want, `pow(${a}, ${b})`);
    for (const [i, [a, b, want]] of close.entries()) {
      const got = results[0]![rows.length + i]!;
      assert.ok(Math.abs(got - want) <= 1e-5 * Math.abs(want), `pow(${a}, ${b}): ${got}`);
    }
  }
  // With a constant exponent, as users write it.
  const data = Float32Array.of(0, -8, -1, 4);
  const view = { data, offset: 0, strides: [1] };
  const constants = [-1, 0, 0.5].map((b) => apply("pow", input(0), constant(b)));
  const { results } = await runMap(device, [4], [view], constants);
  assert.is(bitsOf(results[0]!)[0], INFINITY);
  assert.equal(bitsOf(results[1]!), [ONE, ONE, ONE, ONE]);
  assert.equal(bitsOf(results[2]!).slice(0, 3), [0, "nan", "nan"]);
  assert.is(evaluateExpression(apply("pow", constant(-0), constant(-1)), []), Infinity);
});

test.run();

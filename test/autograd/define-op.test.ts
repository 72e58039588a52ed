import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { swish } from "../../docs/examples/swish.ts";
import { checkGradients } from "../../src/autograd/check.ts";
import { defineOp, type OpDefinition } from "../../src/autograd/define-op.ts";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import {
  DTypeError,
  GpuValidationError,
  LatentgradError,
  ShapeError,
  UsageError,
} from "../../src/gpu/errors.ts";
import { parameter, tensor, zeros } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { numbers } from "../support/products.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("defineOp");

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A shader of `inputs` f32 inputs, one thread for each of COUNT outputs. */
function shader(inputs: number, expression: string): string {
  const reads = Array.from(
    { length: inputs },
    (_, k) => `@group(0) @binding(${k}) var<storage, read> x${k}: array<f32>;`,
  );
  return `const COUNT = 1u;
${reads.join("\n")}
@group(0) @binding(${inputs}) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < COUNT) { y[i] = ${expression}; }
}`;
}

/** [rows, columns] → [columns, rows] */
const flip = defineOp({
  name: "flip",
  wgsl: shader(1, "x0[(i % 2u) * (COUNT / 2u) + i / 2u]"),
  shape: (x) => {
    if (x.length !== 2 || x[0] !== 2) throw new Error("two rows are needed");
    return [x[1]!, x[0]!];
  },
  constants: (x) => ({ COUNT: size(x) }),
  workgroups: (y) => Math.ceil(size(y) / 64),
});

/** x·y + y, of one shape. */
const definition: OpDefinition = {
  name: "mulAdd",
  wgsl: shader(2, "x0[i] * x1[i] + x1[i]"),
  shape: (a, b) => {
    if (`${a}` !== `${b}`) throw new Error("one shape is needed");
    return a;
  },
  constants: (a) => ({ COUNT: size(a) }),
  workgroups: (y) => Math.ceil(size(y) / 64),
  derivatives: [(dy, _, __, b) => mul(dy, b), (dy, _, a) => mul(dy, add(a, 1))],
};
const mulAdd = defineOp(definition);

test("computes, of random shapes", async () => {
  const device = await testDevice();
  const shape = fc.array(fc.constantFrom(1, 2, 3, 5, 8, 40), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(shape, async (s) => {
      const [a, b] = [numbers(size(s), 1), numbers(size(s), 2)];
      const y = mulAdd(tensor(device, a, s), tensor(device, b, s));
      assert.equal(y.shape, s);
      const got = await y.data();
      for (let i = 0; i < a.length; i++)
        assert.ok(Math.abs(got[i]! - (a[i]! * b[i]! + b[i]!)) < 1e-6);
    }),
    { seed: 5, numRuns: 12 },
  );
  const y = flip(
    tensor(device, [
      [1, 2, 3],
      [4, 5, 6],
    ]),
  );
  assert.equal(
    [y.shape, [...(await y.data())]],
    [
      [3, 2],
      [1, 4, 2, 5, 3, 6],
    ],
  );
  assert.equal(mulAdd(zeros(device, [0, 3]), zeros(device, [0, 3])).shape, [0, 3]);
});

test("has derivatives that the gradient checker approves, twice", async () => {
  const device = await testDevice();
  const points = (seed: number) => tensor(device, numbers(12, seed), [3, 4]);
  const checks = await checkGradients(mulAdd, [points(1), points(2)], { second: true });
  assert.ok(checks.length >= 8);
  const beta = tensor(device, 1.5);
  assert.ok((await checkGradients(swish, [points(3), beta], { second: true })).length >= 8);
  // The checker sees a derivative that is wrong.
  const wrong = defineOp({
    ...definition,
    derivatives: [(dy, _, a) => mul(dy, a), (dy, _, a) => mul(dy, add(a, 1))],
  });
  await rejects(
    () => checkGradients(wrong, [points(1), points(2)]),
    LatentgradError,
    /^derivative of input 0 \[3, 4\] is /,
  );
});

test("the example of the documents computes x·sigmoid(βx)", async () => {
  const device = await testDevice();
  const x = numbers(100, 4).map((v) => 5 * v);
  const y = await swish(tensor(device, x), tensor(device, -0.7)).data();
  for (const [i, v] of x.entries()) assert.ok(Math.abs(y[i]! - v / (1 + Math.exp(0.7 * v))) < 1e-5);
  await rejects(
    () => swish(tensor(device, x), tensor(device, [1, 2])),
    ShapeError,
    /^swish: \[100\] and \[2\]: β must be a single number, of shape \[\]$/,
  );
});

test("is recorded, left alone by fusion, and replayed", async () => {
  const device = await testDevice();
  const w = parameter(device, Float32Array.of(1, 2, 3), [3], "w");
  const b = tensor(device, [4, 5, 6]);
  const { program, result } = await record(device, () => {
    const y = mulAdd(exp(mul(w, 0.5)), mul(b, 2));
    return { y: add(mul(y, 3), 1), dw: grad(sum(y), [w])[0]! };
  });
  for (const start of [0, 1, 2]) {
    const values = [start, start + 1, start + 2];
    w.set(Float32Array.from(values));
    program.run();
    const [y, dw] = [await result.y.data(), await result.dw.data()];
    for (const [i, v] of values.entries()) {
      const [e, twice] = [Math.exp(v / 2), 2 * (4 + i)];
      assert.ok(Math.abs(y[i]! - (3 * (e * twice + twice) + 1)) < 1e-3);
      assert.ok(Math.abs(dw[i]! - 0.5 * e * twice) < 1e-3);
    }
  }
  const rows = await program.profile(1);
  assert.ok(rows.some((row) => row.name === "mulAdd 3" && row.calls === 1));
  program.release();
});

test("folds grids that are too wide for one row", async () => {
  const device = await testDevice();
  const count = 65_536;
  const places: Partial<OpDefinition> = {
    shape: () => [count],
    workgroups: () => count,
    constants: () => ({}),
  };
  const wgsl = `const GROUPS_X = 1u;
const GROUPS_XY = 1u;
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1, 1, 1)
fn main(@builtin(workgroup_id) group: vec3u) {
  let i = group.x + group.y * GROUPS_X + group.z * GROUPS_XY;
  y[i] = f32(i) + x[0];
}`;
  const wide = defineOp({ ...definition, ...places, name: "wide", wgsl, derivatives: [undefined] });
  const y = await wide(tensor(device, [0.5])).data();
  assert.equal([y[0], y[32768], y[count - 1]], [0.5, 32768.5, count - 0.5]);
  const unaware = wgsl
    .replace(/const GROUPS_XY? = 1u;\n/g, "")
    .replace("group.y * GROUPS_X + group.z * GROUPS_XY", "0u");
  const narrow = defineOp({
    ...definition,
    ...places,
    name: "narrow",
    wgsl: unaware,
    derivatives: [undefined],
  });
  await rejects(
    () => narrow(tensor(device, [0.5])),
    GpuValidationError,
    /^narrow: 65536 workgroups must be folded: the shader needs const GROUPS_X and GROUPS_XY$/,
  );
});

test("sets constants wherever they are declared, and counts operations", async () => {
  const device = await testDevice();
  const scaled = defineOp({
    name: "scaled",
    wgsl: `
      const COUNT = 1u; const FACTOR = 1.0; const ROUNDS: u32 = 1u; // const FACTOR = 9.0;
      @group(0) @binding(0) var<storage, read> x: array<f32>;
      @group(0) @binding(1) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        if (id.x >= COUNT) { return; }
        var sum = 0.0;
        //@unroll
        for (var r = 0u; r < ROUNDS; r++) {
          sum += FACTOR * x[id.x];
        }
        y[id.x] = sum;
      }`,
    shape: (x) => x,
    constants: (x) => ({ COUNT: size(x), FACTOR: 2.5, ROUNDS: 2 }),
    workgroups: () => 1,
    flops: (x) => 4 * size(x),
  });
  const x = tensor(device, [1, 2, 3]);
  assert.equal([...(await scaled(x).data())], [5, 10, 15]);
  const { program } = await record(device, () => scaled(x));
  assert.is(program.statistics.flops, 12);
  const [row] = await program.profile(1);
  // Stamps may be too coarse for a kernel of three elements.
  const gflops = row && row.micros > 0 ? 12 / row.micros / 1e3 : 0;
  assert.ok(row && Math.abs(row.gflops - gflops) < 1e-9);
  program.release();
  const wrong = defineOp({ ...scaled.definition, flops: () => Number.NaN });
  await rejects(
    () => wrong(x),
    LatentgradError,
    /^scaled: flops gives NaN, wanted a number from 0/,
  );
});

test("a definition with names that are not known, or without those it needs, is refused at once", async () => {
  const make = (change: object) => () => defineOp({ ...definition, ...change });
  await rejects(
    make({ constant: () => ({}) }),
    UsageError,
    /^defineOp: unknown option "constant" \(did you mean constants\?\)$/,
  );
  await rejects(
    make({ workgroups: undefined }),
    UsageError,
    /^defineOp: the option "workgroups" is missing, wanted a function$/,
  );
  await rejects(
    make({ wgsl: 1 }),
    UsageError,
    /^defineOp: the option "wgsl" is a number, wanted a text$/,
  );
});

test("vectors of four, and whole numbers", async () => {
  const device = await testDevice();
  const double = defineOp({
    name: "double",
    wgsl: `@group(0) @binding(0) var<storage> x: array<vec4u>; // read is the default
@binding(1) @group(0) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  y[id.x] = vec4f(x[id.x] * 2u);
}`,
    shape: (x) => x,
    workgroups: (y) => [size(y) / 4, 1, 1],
  });
  const y = double(tensor(device, Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8)));
  assert.equal([...(await y.data())], [2, 4, 6, 8, 10, 12, 14, 16]);
  await rejects(
    () => double(tensor(device, Uint32Array.of(1, 2, 3))),
    ShapeError,
    /^double: input 0 is \[3\]: its kernel takes four elements at a time/,
  );
  await rejects(
    () => double(zeros(device, [4])),
    DTypeError,
    /^double: input 0 holds f32, wanted u32$/,
  );
});

test("tensors that do not fit are refused before anything runs", async () => {
  const device = await testDevice();
  const [a, b] = [zeros(device, [2, 3]), zeros(device, [3, 2])];
  const before = device.dispatches;
  await rejects(
    () => mulAdd(a, b),
    ShapeError,
    /^mulAdd: \[2, 3\] and \[3, 2\]: one shape is needed$/,
  );
  await rejects(() => mulAdd(a), ShapeError, /^mulAdd: takes 2 tensors, not 1$/);
  await rejects(() => mulAdd(a, a, a), ShapeError, /^mulAdd: takes 2 tensors, not 3$/);
  await rejects(() => mulAdd(), ShapeError, /^mulAdd: takes 2 tensors, not 0$/);
  const odd = defineOp({ ...definition, shape: () => [1.5] });
  await rejects(() => odd(a, a), ShapeError, /^mulAdd: \[1.5\] is no shape/);
  assert.is(device.dispatches, before);
  const misshapen = defineOp({ ...definition, derivatives: [(dy) => sum(dy), undefined] });
  await rejects(
    () => {
      const x = track(a);
      return grad(sum(misshapen(x, a)), [x]);
    },
    ShapeError,
    /^mulAdd: derivative 0 is \[\], its input \[2, 3\]$/,
  );
  const without = defineOp({
    name: "bare",
    wgsl: definition.wgsl,
    shape: definition.shape,
    workgroups: () => 1,
  });
  await rejects(
    () => {
      const x = track(a);
      return grad(sum(without(x, a)), [x]);
    },
    ShapeError,
    /^grad: the output is not on the tape/,
  );
});

test("a shader whose bindings are wrong is refused at once", async () => {
  const make = (change: (wgsl: string) => string) => () =>
    defineOp({ ...definition, wgsl: change(definition.wgsl) });
  const cases: [(wgsl: string) => string, RegExp][] = [
    [(s) => s.replace("fn main", "fn start"), /^mulAdd: the shader has no entry point/],
    [(s) => s.replace("@compute", ""), /no entry point/],
    [(s) => s.replace("@binding(1)", "@binding(3)"), /bindings 0, 2, 3 instead of 0 to 2$/],
    [(s) => s.replace("@binding(1)", "@binding(0)"), /binding 0 of group 0 is there twice$/],
    [
      (s) => s.replace("@group(0) @binding(1)", "@group(1) @binding(1)"),
      /all bindings are in group 0$/,
    ],
    [
      (s) => s.replace("read> x1", "read_write> x1"),
      /binding 1 is an input: it must be var<storage, read>/,
    ],
    [
      (s) => s.replace("read_write> y", "read> y"),
      /binding 2, the last, is the output: it must be var<storage, read_write>$/,
    ],
    [
      (s) => s.replace("<storage, read> x0: array<f32>", "<uniform> x0: vec4f"),
      /binding 0 of group 0 is var<uniform> of vec4f; it must be/,
    ],
    [(s) => s.replace("x1: array<f32>", "x1: array<mat2x2f>"), /array<mat2x2f>/],
    [(s) => s.replace(/@group.*\n/g, ""), /needs bindings for at least one input/],
  ];
  for (const [change, pattern] of cases) await rejects(make(change), GpuValidationError, pattern);
  await rejects(
    () => defineOp({ ...definition, derivatives: [undefined] }),
    LatentgradError,
    /^mulAdd: 1 derivatives for 2 inputs/,
  );
});

test("a shader that does not compile, or a constant it lacks, is an error of the op", async () => {
  const device = await testDevice();
  const a = zeros(device, [4]);
  await device.finish();
  const broken = defineOp({
    ...definition,
    wgsl: definition.wgsl.replace("x0[i] *", "x0[i] * nonsense *"),
  });
  await rejects(
    () => broken(a, a).data(),
    GpuValidationError,
    /^mulAdd: .*does not compile.*nonsense/,
  );
  await rejects(
    () => record(device, () => broken(a, a)),
    GpuValidationError,
    /^mulAdd: .*does not compile.*nonsense/,
  );
  const constants = () => ({ ROWS: 3 });
  await rejects(
    () => defineOp({ ...definition, constants })(a, a),
    GpuValidationError,
    /^mulAdd: the shader has no constant ROWS$/,
  );
  assert.equal([...(await mulAdd(a, a).data())], [0, 0, 0, 0]);
});

test.run();

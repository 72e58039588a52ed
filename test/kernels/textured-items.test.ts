/** Kernels of all kinds that read their inputs through textures or buffers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defineOp } from "../../src/autograd/define-op.ts";
import { add, exp, mul, relu, square } from "../../src/autograd/ops/elementwise.ts";
import { gather, scatterAdd } from "../../src/autograd/ops/indexing.ts";
import { concat } from "../../src/autograd/ops/join.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { avgPool2d, maxPool2d } from "../../src/autograd/ops/pool.ts";
import { argmax, max, mean, variance } from "../../src/autograd/ops/reduce.ts";
import { pad, slice, transpose } from "../../src/autograd/ops/shape.ts";
import { logsumexp, softmax } from "../../src/autograd/ops/softmax.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import type { ReadCosts } from "../../src/gpu/target.ts";
import type { DType } from "../../src/gpu/value.ts";
import { sizeOf } from "../../src/kernels/view.ts";
import { Adam, AdamW } from "../../src/optim/adam.ts";
import type { Optimiser } from "../../src/optim/optimiser.ts";
import { RmsProp } from "../../src/optim/rmsprop.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { WeightAverage } from "../../src/optim/weight-average.ts";
import { assign, parameter, tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { numbers } from "../support/products.ts";
import { FREE, textureReads, withCosts } from "../support/read-costs.ts";

const test = suite("inputs through textures and buffers");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

const value = (...shape: number[]): Tensor =>
  variable(device, numbers(sizeOf(shape), sizeOf(shape) + shape.length), shape, "operand");
const indices = (...numbers: number[]): Tensor<"u32"> =>
  variable(device, Uint32Array.from(numbers), [numbers.length], "indices");

async function bitsOf(tensors: readonly Tensor<DType>[]): Promise<number[][]> {
  const data = await Promise.all(tensors.map((t) => t.data()));
  return data.map((d) => [...new Uint32Array(d.buffer)]);
}

/** Bits of what a recording gives, and what its dispatches read through textures. */
async function computed(
  costs: ReadCosts | undefined,
  body: () => readonly Tensor<DType>[],
  changes = false,
) {
  const { program, result } = await withCosts(device, costs, () => record(device, body));
  program.run();
  const bits = await bitsOf(result);
  if (!changes) {
    program.runEager();
    assert.equal(await bitsOf(result), bits, "run eagerly");
  }
  const reads = textureReads(program.steps);
  const { dispatches } = program.statistics;
  program.release();
  return { bits, reads, dispatches };
}

/** Each family with rows of whole texels and without, and how many elements it reads of textures at least. */
const families: Readonly<Record<string, readonly [number, () => Tensor<DType>[]]>> = {
  "maps of fours": [48, () => [exp(mul(value(6, 8), value(8)))]],
  "maps of single numbers": [35, () => [exp(mul(value(5, 7), value(7)))]],
  "transposed and sliced maps": [
    60,
    () => [add(transpose(value(5, 12)), 1), slice(value(5, 12), [1, 3], [3, 6])],
  ],
  "padded maps": [
    20,
    () => [
      mul(
        pad(value(4, 5), [
          [1, 2],
          [0, 3],
        ] as const),
        2,
      ),
    ],
  ],
  "sums along kept and reduced axes": [
    96,
    () => [sum(square(value(12, 8)), 0), sum(value(12, 8), 1), max(value(9, 5), 0), mean(value(7))],
  ],
  "sums with a map behind them": [
    40,
    () => [mul(sum(value(8, 5), 1), value(8)), variance(value(16, 4), 0)],
  ],
  "a product's epilogue": [
    96,
    () => [mul(relu(matmul(value(12, 20), value(20, 8))), value(12, 8))],
  ],
  pooling: [
    98,
    () => [
      maxPool2d(value(1, 7, 7, 2), { window: 2 }),
      avgPool2d(value(1, 8, 8, 4), { window: 2 }),
    ],
  ],
  "softmax and largest numbers": [
    24,
    () => [softmax(value(6, 4)), logsumexp(value(3, 5)), argmax(value(3, 7))],
  ],
  "rows by their numbers": [
    24,
    () => [
      gather(value(6, 4), indices(5, 0, 3)),
      gather(value(6, 3), indices(2, 2)),
      scatterAdd(value(3, 4), indices(1, 1, 0), 2),
    ],
  ],
  "tensors behind each other": [12, () => [concat([value(3, 4), value(3, 8)])]],
};

for (const [name, [least, body]] of Object.entries(families))
  test(`${name}: the same bits both ways, in as many dispatches`, async () => {
    const plain = await computed(undefined, body);
    const textured = await computed(FREE, body);
    assert.ok(plain.bits.every((bits) => bits.length > 0));
    assert.equal(textured.bits, plain.bits);
    assert.is(textured.dispatches, plain.dispatches);
    assert.ok(
      textured.reads.flat().some((n) => n >= least),
      `reads ${textured.reads.join(" ")}`,
    );
  });

const rate = { learningRate: 0.05 };
const optimisers: Readonly<Record<string, (weights: Tensor[]) => Optimiser>> = {
  adam: (w) => new Adam(device, w, { ...rate, weightDecay: 0.01 }),
  adamw: (w) => new AdamW(device, w, { ...rate, weightDecay: 0.1, clipNorm: 1 }),
  "sgd with momentum": (w) => new Sgd(device, w, { ...rate, momentum: 0.9, nesterov: true }),
  rmsprop: (w) => new RmsProp(device, w, { ...rate, momentum: 0.5 }),
};

for (const [name, make] of Object.entries(optimisers))
  test(`${name}, its check and the weights' average: the same bits after three steps`, async () => {
    const trained = async (costs: ReadCosts | undefined) => {
      const weights = [
        parameter(device, numbers(60, 1), [12, 5], "w"),
        parameter(device, numbers(5, 2), [5], "b"),
      ];
      const optimiser = make(weights);
      const average = new WeightAverage(optimiser, 0.9);
      const x = tensor(device, numbers(48, 3), [4, 12]);
      const { program } = await withCosts(device, costs, () =>
        record(device, () => {
          const [w, b] = weights.map(track) as [Tensor, Tensor];
          const loss = sum(square(relu(add(matmul(x, w), b))));
          optimiser.step(grad(loss, [w, b]));
          average.update();
        }),
      );
      for (let step = 1; step <= 3; step++) {
        optimiser.setStep(step);
        program.run();
      }
      const reads = textureReads(program.steps);
      const bits = await bitsOf([optimiser.arena, average.arena, optimiser.clipping]);
      program.release();
      return { bits, reads, size: optimiser.arena.size };
    };
    const plain = await trained(undefined);
    const textured = await trained(FREE);
    assert.equal(textured.bits, plain.bits);
    const { size, reads } = textured;
    const whole = reads.map((read) => read.filter((n) => n === size).length);
    // The gradients, the parameters and what the rule keeps; then the check, and the average.
    assert.ok(
      whole.some((n) => n >= 3),
      `reads ${reads.join(" ")}`,
    );
    assert.is(whole.filter((n) => n > 0).length, 3);
  });

test("what is written between two readers is copied again", async () => {
  const body = (x: Tensor) => () => {
    const first = exp(mul(x, 0.1));
    assign(x, add(first, 1));
    const second = exp(x);
    assign(x, mul(second, 0.25));
    return [first, second, sum(x)];
  };
  const run = (costs: ReadCosts | undefined) => computed(costs, body(value(8, 4)), true);
  const [plain, textured] = [await run(undefined), await run(FREE)];
  assert.equal(textured.bits, plain.bits);
  assert.ok(textured.reads.flat().filter((n) => n === 32).length >= 3);
});

/** Elements that are copied to textures before each dispatch. */
function copies(program: Program): number[][] {
  return program.steps.flatMap((step) =>
    step.kind === "dispatch" ? [step.fills.map(({ from }) => from.bytes / 4)] : [],
  );
}

/** A load through a texture gains 3 for four elements; a copy costs 60, a pass 300. */
const COSTS: ReadCosts = {
  ...FREE,
  vector: 4,
  texel: 1,
  channel: 1,
  number: 2,
  fill: 60,
  pass: 300,
};

test("a texture is read where its readers together gain more than the copy costs", async () => {
  const readers = (size: number, count: number) => () => {
    const x = value(size);
    // Transposed and reduced otherwise, so that no two become one kernel.
    return Array.from({ length: count }, (_, k) => sum(square(x), k > 0 ? 0 : undefined, k > 1));
  };
  const textures = async (size: number, count: number) =>
    (await computed(COSTS, readers(size, count))).reads.flat().includes(size);
  assert.not.ok(await textures(80, 1), "80 / 4 · 3 = 60 is no gain");
  assert.ok(await textures(84, 1));
  assert.ok(await textures(48, 2), "two readers share the copy");
});

test("copies end a pass only where that pays, and then all together", async () => {
  const body = (size: number) => () => {
    const [a, b] = [value(size), value(size)].map((x) => exp(x)) as [Tensor, Tensor];
    return [a, b, sum(mul(a, b), 0, true), sum(add(a, b))];
  };
  const program = async (size: number) => {
    const { program } = await withCosts(device, COSTS, () => record(device, body(size)));
    const made = copies(program);
    program.release();
    return made;
  };
  const small = await program(100);
  assert.equal(small.slice(1).flat(), [], "what the first kernels made stays in buffers");
  const large = await program(1600);
  assert.ok(large.filter((fills) => fills.length > 0).length <= 3, `${JSON.stringify(large)}`);
  assert.ok(large.slice(1).flat().length >= 2);
});

test("ops of users' own are left as they were written", async () => {
  const op = defineOp({
    name: "double",
    wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&y)) { y[id.x] = 2.0 * x[id.x]; }
}`,
    shape: (x) => x,
    workgroups: (x) => [Math.ceil(sizeOf(x) / 64), 1, 1],
  });
  const { reads } = await computed(FREE, () => [op(value(64))]);
  assert.equal(reads.flat(), []);
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, maximum, mul, square, tanh } from "../../src/autograd/ops/elementwise.ts";
import { type MatmulOptions, matmul } from "../../src/autograd/ops/matmul.ts";
import { reshape } from "../../src/autograd/ops/shape.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { DTypeError, ShapeError } from "../../src/gpu/errors.ts";
import { empty, ones, tensor, variable, zeros } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertDerivatives } from "../support/differences.ts";
import { numbers } from "../support/products.ts";
import { assertRecordedEqualsEager } from "../support/recorded.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("matmul");
readTextures(test);

const flags = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];

/** Shapes of the operands of an m × k by k × n product. */
function shapes(
  options: MatmulOptions,
  [m, k, n]: readonly [number, number, number],
  leadA: readonly number[] = [],
  leadB: readonly number[] = [],
): [number[], number[]] {
  return [
    [...leadA, ...(options.transposeA ? [k, m] : [m, k])],
    [...leadB, ...(options.transposeB ? [n, k] : [k, n])],
  ];
}

/** Σ y² w with fixed weights w: every element counts differently. */
function weigh(y: Tensor): Tensor {
  return sum(mul(y, tensor(y.device, numbers(y.size, 9), y.shape)));
}

test("multiplies matrices", async () => {
  const device = await testDevice();
  const a = tensor(device, [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  const b = tensor(device, [
    [1, 0],
    [2, 1],
    [0, 3],
  ]);
  const c = matmul(a, b);
  assert.equal(c.shape, [2, 2]);
  assert.equal([...(await c.data())], [5, 11, 14, 23]);
  const d = matmul(a, a, { transposeB: true });
  assert.equal([...(await d.data())], [14, 32, 32, 77]);
});

test("leading axes are a batch; an operand without them serves all", async () => {
  const device = await testDevice();
  const a = tensor(device, numbers(24, 1), [2, 2, 2, 3]);
  const b = tensor(device, numbers(12, 2), [3, 4]);
  const batched = matmul(a, b);
  assert.equal(batched.shape, [2, 2, 2, 4]);
  const flat = matmul(reshape(a, [8, 3]), b);
  assert.equal(await batched.data(), await flat.data());
  const left = matmul(b, a, { transposeA: true, transposeB: true });
  assert.equal(left.shape, [2, 2, 4, 2]);
  const [all, turned] = [await batched.data(), await left.data()];
  for (let m = 0; m < 4; m++)
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 4; j++)
        assert.ok(Math.abs(all[m * 8 + i * 4 + j]! - turned[m * 8 + j * 2 + i]!) < 1e-6);
});

test("an empty sum is zero, an empty result dispatches nothing", async () => {
  const device = await testDevice();
  const c = matmul(empty(device, [2, 0]), empty(device, [0, 3]));
  assert.equal(c.shape, [2, 3]);
  assert.equal([...(await c.data())], [0, 0, 0, 0, 0, 0]);
  const before = device.dispatches;
  const b = zeros(device, [0, 3]);
  for (const [x, y, shape] of [
    [empty(device, [0, 4]), empty(device, [4, 0]), [0, 0]],
    [empty(device, [5, 0]), empty(device, [0, 0]), [5, 0]],
    [empty(device, [0, 4, 2]), empty(device, [0, 2, 3]), [0, 4, 3]],
  ] as const)
    assert.equal(matmul(x, y).shape, shape);
  assert.is(device.dispatches, before);
  assert.equal(b.shape, [0, 3]);
});

test("derivatives through empty sums have the operands' shapes", async () => {
  const device = await testDevice();
  const a = track(empty(device, [2, 0]));
  const b = track(empty(device, [0, 3]));
  const [da, db] = grad(sum(matmul(a, b)), [a, b]);
  assert.equal(da!.shape, [2, 0]);
  assert.equal(db!.shape, [0, 3]);
});

for (const options of flags) {
  const name = `${options.transposeA ? "Aᵀ" : "A"}·${options.transposeB ? "Bᵀ" : "B"}`;

  test(`${name} has the derivatives that differences give`, async () => {
    const product = ([a, b]: readonly Tensor[]) => weigh(matmul(a!, b!, options));
    await assertDerivatives(name, shapes(options, [3, 5, 4]), product);
    await assertDerivatives(`${name} batched`, shapes(options, [3, 2, 4], [2], [2]), product);
    await assertDerivatives(`${name} B shared`, shapes(options, [3, 2, 4], [2, 2]), product);
    await assertDerivatives(`${name} A shared`, shapes(options, [3, 2, 4], [], [3]), product);
  });

  test(`${name} can be differentiated twice`, async () => {
    // The penalty on the gradient of a function that is not linear in either operand.
    const penalty = ([a, b]: readonly Tensor[]) => {
      const y = sum(square(matmul(a!, b!, options)));
      const gradients = grad(y, [a!, b!], { createGraph: true });
      return add(sum(square(gradients[0]!)), sum(square(gradients[1]!)));
    };
    const settings = { step: 0.01, tolerance: 2e-3 };
    await assertDerivatives(name, shapes(options, [3, 4, 2]), penalty, settings);
    await assertDerivatives(`${name} shared`, shapes(options, [2, 3, 4], [2]), penalty, settings);
  });
}

test("the derivative of one operand alone leaves the other's out", async () => {
  const device = await testDevice();
  const a = tensor(device, numbers(6, 1), [2, 3]);
  const b = track(tensor(device, numbers(12, 2), [3, 4]));
  const y = sum(matmul(a, b));
  const before = device.dispatches;
  grad(y, [b]);
  // The cotangent of the sum, spread over the product, times Aᵀ.
  assert.ok(device.dispatches - before <= 3, `${device.dispatches - before} dispatches`);
});

const operands = (lead: readonly number[], m: number, k: number, n: number) => [
  { shape: [...lead, m, k] },
  { shape: [...lead, k, n] },
];

test("a recorded product takes its bias, activation and residual along", async () => {
  for (const [m, k, n, variant] of [
    [7, 5, 8, "registers"],
    [6, 9, 5, "registers"],
    [65, 8, 68, "registers"],
    [65, 8, 68, "tiled"],
  ] as const)
    await assertRecordedEqualsEager(
      [{ shape: [m, k] }, { shape: [k, n] }, { shape: [n] }, { shape: [m, n] }],
      ([a, b, bias, residual]) =>
        maximum(add(add(matmul(a!, b!, { variant }), bias!), residual!), 0),
      { dispatches: 1 },
    );
});

test("an epilogue may read a column, and see the result in another shape", async () => {
  // 6 × 8 results seen as rows of 3: four neighbours straddle two rows.
  await assertRecordedEqualsEager(
    [...operands([], 6, 5, 8), { shape: [3] }, { shape: [6, 1] }],
    ([a, b, row, column]) => tanh(add(reshape(add(matmul(a!, b!), column!), [16, 3]), row!)),
    {},
  );
  await assertRecordedEqualsEager(
    [...operands([], 6, 5, 8), { shape: [6, 1] }],
    ([a, b, column]) => mul(matmul(a!, b!), column!),
    { dispatches: 1 },
  );
  await assertRecordedEqualsEager(
    [...operands([2], 6, 5, 8), { shape: [6] }],
    ([a, b, row]) => add(reshape(matmul(a!, b!), [16, 6]), row!),
    { dispatches: 1 },
  );
});

test("a split sum takes its epilogue into the sum of the shares", async () => {
  await assertRecordedEqualsEager(
    [...operands([], 8, 1024, 8), { shape: [8] }],
    ([a, b, bias]) => tanh(add(matmul(a!, b!), bias!)),
    { dispatches: 2 },
  );
});

test("a recorded product sees a variable's new values", async () => {
  const device = await testDevice();
  const a = variable(device, new Float32Array([1, 2, 3, 4]), [2, 2], "a");
  const { program, result } = await record(device, () => matmul(a, a));
  program.run();
  assert.equal([...(await result.data())], [7, 10, 15, 22]);
  device.write(a.value, new Float32Array([1, 0, 0, 2]));
  program.run();
  assert.equal([...(await result.data())], [1, 0, 0, 4]);
  program.release();
});

test("mistakes are named before anything is dispatched", async () => {
  const device = await testDevice();
  const a = ones(device, [2, 3]);
  const vector = ones(device, [3]);
  const batch = ones(device, [2, 3, 4]);
  const other = ones(device, [5, 3, 4]);
  const integers = tensor(device, new Uint32Array(6), [2, 3]);
  const before = device.dispatches;
  await rejects(
    () => matmul(a, a),
    ShapeError,
    /matmul: \[2, 3\] and \[2, 3\]: the summed lengths are 3 and 2/,
  );
  await rejects(() => matmul(a, vector), ShapeError, /matmul: \[2, 3\] and \[3\]: both must have/);
  await rejects(
    () => matmul(batch, other, { transposeB: true }),
    ShapeError,
    /\[2, 3, 4\] and \[5, 3, 4\]: the leading axes differ/,
  );
  await rejects(
    () => matmul(integers as never, a, { transposeB: true }),
    DTypeError,
    /^matmul: a holds u32, wanted f32$/,
  );
  assert.is(device.dispatches, before);
});

test("a result beyond all memory is refused", async () => {
  const device = await testDevice();
  const tall = zeros(device, [100_000, 1]);
  const wide = zeros(device, [1, 100_000]);
  const before = device.dispatches;
  await rejects(
    () => matmul(tall, wide),
    ShapeError,
    /matmul: \[100000, 100000\] has more than 2\^30/,
  );
  assert.is(device.dispatches, before);
});

test.run();

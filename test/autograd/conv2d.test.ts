import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Conv2dOptions,
  conv2d,
  conv2dWeightGradient,
  convTranspose2d,
} from "../../src/autograd/ops/conv2d.ts";
import { add, maximum, mul, square, tanh } from "../../src/autograd/ops/elementwise.ts";
import { reshape } from "../../src/autograd/ops/shape.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { DTypeError, ShapeError } from "../../src/gpu/errors.ts";
import { empty, ones, tensor, zeros } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertDerivatives } from "../support/differences.ts";
import { numbers } from "../support/products.ts";
import { assertRecordedEqualsEager } from "../support/recorded.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("conv2d");
readTextures(test);

/** Σ y w with fixed weights w: every element counts differently. */
function weigh(y: Tensor): Tensor {
  return sum(mul(y, tensor(y.device, numbers(y.size, 9), y.shape)));
}

/** A row of pixels as an image, and a row of weights as a kernel of one channel. */
const row = (device: Tensor["device"], data: number[]) =>
  tensor(device, data, [1, 1, data.length, 1]);
const taps = (device: Tensor["device"], data: number[]) =>
  tensor(device, data, [1, data.length, 1, 1]);

test("correlates: the kernel is not flipped", async () => {
  const device = await testDevice();
  const x = tensor(device, [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
  const w = tensor(device, [1, 10, 100, 1000], [2, 2, 1, 1]);
  const y = conv2d(x, w, { padding: "valid" });
  assert.equal(y.shape, [1, 2, 2, 1]);
  assert.equal([...(await y.data())], [5421, 6532, 8754, 9865]);
});

test("sums over the input channels for each output channel", async () => {
  const device = await testDevice();
  const x = tensor(device, [1, 2, 3], [1, 1, 1, 3]);
  const w = tensor(device, [1, 2, 10, 20, 100, 200], [1, 1, 3, 2]);
  assert.equal([...(await conv2d(x, w).data())], [321, 642]);
});

test('"same" has TensorFlow\'s sizes and puts the odd zero behind', async () => {
  const device = await testDevice();
  const ramp = [1, 2, 3, 4, 5, 6];
  // tf.nn.conv2d([1..6], [1, 10, 100], stride 1): one zero on either side.
  const odd = taps(device, [1, 10, 100]);
  const dense = conv2d(row(device, ramp), odd);
  assert.equal([...(await dense.data())], [210, 321, 432, 543, 654, 65]);
  // Stride 2 on an even length needs one zero only: it stands behind.
  const strided = conv2d(row(device, ramp), odd, { stride: 2 });
  assert.equal([...(await strided.data())], [321, 543, 65]);
  // On an odd length it is one on either side again.
  const uneven = conv2d(row(device, ramp.slice(0, 5)), odd, { stride: 2 });
  assert.equal([...(await uneven.data())], [210, 432, 54]);
  // A kernel of 4 has three zeros: one in front, two behind.
  const even = conv2d(row(device, ramp.slice(0, 4)), taps(device, [1, 10, 100, 1000]));
  assert.equal([...(await even.data())], [3210, 4321, 432, 43]);
  // A kernel shorter than the stride has none.
  const sparse = conv2d(row(device, ramp), taps(device, [1]), { stride: 4 });
  assert.equal([...(await sparse.data())], [1, 5]);
});

test('a transposed convolution with "same" multiplies the size by the stride', async () => {
  const device = await testDevice();
  const y = convTranspose2d(row(device, [1, 2, 3]), taps(device, [1, 10, 100]), { stride: [1, 2] });
  // tf.nn.conv2d_transpose([1, 2, 3], [1, 10, 100], [1, 1, 6, 1], stride 2)
  assert.equal([...(await y.data())], [1, 10, 102, 20, 203, 30]);
  const same = convTranspose2d(row(device, [1, 2, 3]), taps(device, [1, 10, 100]));
  assert.equal([...(await same.data())], [12, 123, 230]);
  // A kernel of 4 with stride 2: one zero less in front and one behind.
  const even = convTranspose2d(row(device, [1, 2]), taps(device, [1, 10, 100, 1000]), {
    stride: [1, 2],
  });
  assert.equal([...(await even.data())], [10, 102, 1020, 200]);
});

test("other paddings of a transposed convolution", async () => {
  const device = await testDevice();
  const y = row(device, [1, 2]);
  const w = taps(device, [1, 10, 100]);
  const valid = convTranspose2d(y, w, { stride: [1, 2], padding: "valid" });
  assert.equal([...(await valid.data())], [1, 10, 102, 20, 200]);
  const uneven = { top: 0, bottom: 0, left: 1, right: 0 };
  const cut = convTranspose2d(y, w, { stride: [1, 2], padding: uneven });
  assert.equal([...(await cut.data())], [10, 102, 20, 200]);
  // As torch's output_padding: an image one larger has the same convolution.
  const larger = convTranspose2d(y, w, { stride: [1, 2], padding: "valid", outputSize: [1, 6] });
  assert.equal([...(await larger.data())], [1, 10, 102, 20, 200, 0]);
  const smaller = convTranspose2d(y, w, { stride: [1, 2], outputSize: [1, 3] });
  assert.equal([...(await smaller.data())], [10, 102, 20]);
});

interface Case {
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly options: Conv2dOptions;
}

const cases: Record<string, Case> = {
  "odd channels, same": { x: [2, 5, 4, 3], w: [3, 3, 3, 5], options: { stride: 2 } },
  "fours of channels, stride 2": { x: [2, 6, 6, 4], w: [3, 3, 4, 8], options: { stride: 2 } },
  "unequal everything": {
    x: [1, 7, 9, 2],
    w: [2, 5, 2, 4],
    options: { stride: [3, 2], padding: { top: 1, bottom: 0, left: 0, right: 3 } },
  },
  "stride larger than the kernel": {
    x: [1, 9, 7, 4],
    w: [1, 2, 4, 3],
    options: { stride: [4, 3], padding: "valid" },
  },
};

for (const [name, { x, w, options }] of Object.entries(cases)) {
  test(`⟨conv(x, w), y⟩ = ⟨x, convT(y, w)⟩: ${name}`, async () => {
    const device = await testDevice();
    const image = tensor(device, numbers(sizeOf(x), 1), x);
    const weights = tensor(device, numbers(sizeOf(w), 2), w);
    const there = conv2d(image, weights, options);
    const y = tensor(device, numbers(there.size, 3), there.shape);
    const back = convTranspose2d(y, weights, { ...options, outputSize: [x[1], x[2]] });
    assert.equal(back.shape, x);
    const kernel = [w[0], w[1]] as const;
    const dw = conv2dWeightGradient(image, y, kernel, options);
    const products = [mul(there, y), mul(image, back), mul(weights, dw)].map((p) => sum(p));
    const [a, b, c] = await Promise.all(products.map((p) => p.item()));
    assert.ok(Math.abs(a! - b!) < 1e-4 * (1 + Math.abs(a!)), `${a} and ${b}`);
    assert.ok(Math.abs(a! - c!) < 1e-4 * (1 + Math.abs(a!)), `${a} and ${c}`);
  });

  test(`derivatives agree with differences: ${name}`, async () => {
    await assertDerivatives(`conv2d ${name}`, [x, w], ([image, weights]) =>
      weigh(conv2d(image!, weights!, options)),
    );
    const out = conv2d(zeros(await testDevice(), x), zeros(await testDevice(), w), options).shape;
    const size = [x[1], x[2]] as const;
    await assertDerivatives(`convTranspose2d ${name}`, [out, w], ([y, weights]) =>
      weigh(convTranspose2d(y!, weights!, { ...options, outputSize: size })),
    );
    const kernel = [w[0], w[1]] as const;
    await assertDerivatives(`conv2dWeightGradient ${name}`, [x, out], ([image, dy]) =>
      weigh(conv2dWeightGradient(image!, dy!, kernel, options)),
    );
  });
}

for (const [name, op, shapes] of [
  [
    "conv2d",
    conv2d,
    [
      [1, 4, 4, 2],
      [3, 3, 2, 3],
    ],
  ],
  [
    "convTranspose2d",
    convTranspose2d,
    [
      [1, 2, 3, 3],
      [3, 3, 2, 3],
    ],
  ],
] as const) {
  test(`${name} can be differentiated twice: a gradient penalty`, async () => {
    await assertDerivatives(
      name,
      shapes,
      ([x, w]) => {
        const critic = sum(square(tanh(op(x!, w!, { stride: 2 }))));
        const [dx] = grad(critic, [x!], { createGraph: true });
        return sum(square(dx!));
      },
      { step: 0.01, tolerance: 5e-3 },
    );
  });
}

test("the weight gradient can be differentiated twice", async () => {
  await assertDerivatives(
    "conv2dWeightGradient",
    [
      [1, 4, 4, 2],
      [1, 2, 2, 3],
    ],
    ([x, dy]) => {
      const y = sum(square(conv2dWeightGradient(x!, dy!, [3, 3], { stride: 2 })));
      const [dx, ddy] = grad(y, [x!, dy!], { createGraph: true });
      return add(sum(square(dx!)), sum(square(ddy!)));
    },
    { step: 0.005, tolerance: 5e-3 },
  );
});

test("parameters alone can be differentiated", async () => {
  const device = await testDevice();
  const x = tensor(device, numbers(32, 1), [1, 4, 4, 2]);
  const w = track(tensor(device, numbers(18, 2), [3, 3, 2, 1]));
  const y = sum(conv2d(x, w));
  const before = device.dispatches;
  const [dw] = grad(y, [w]);
  assert.equal(dw!.shape, [3, 3, 2, 1]);
  // The cotangent of the sum, spread over the image, and the weight gradient in at most two passes.
  assert.ok(device.dispatches - before <= 4, `${device.dispatches - before} dispatches`);
});

test("an empty batch gives an empty image and zero weight gradients, dispatching nothing", async () => {
  const device = await testDevice();
  const w = track(tensor(device, numbers(18, 2), [3, 3, 2, 1]));
  const before = device.dispatches;
  const y = conv2d(empty(device, [0, 4, 4, 2]), w, { stride: 2 });
  assert.equal(y.shape, [0, 2, 2, 1]);
  assert.equal(convTranspose2d(empty(device, [0, 4, 4, 1]), w, { stride: 2 }).shape, [0, 8, 8, 2]);
  assert.is(device.dispatches, before);
  const [dw] = grad(sum(y), [w]);
  assert.equal([...(await dw!.data())], new Array(18).fill(0));
});

test("no input channels sum to zero", async () => {
  const device = await testDevice();
  const y = conv2d(empty(device, [1, 2, 2, 0]), empty(device, [3, 3, 0, 2]));
  assert.equal(y.shape, [1, 2, 2, 2]);
  assert.equal([...(await y.data())], new Array(8).fill(0));
});

const layers = [
  ["conv2d", conv2d, [2, 6, 5, 3], [3, 3, 3, 8], [2, 3, 3, 8]],
  ["conv2d of odd channels", conv2d, [2, 6, 5, 4], [3, 3, 4, 5], [2, 3, 3, 5]],
  ["convTranspose2d", convTranspose2d, [2, 3, 3, 4], [3, 3, 8, 4], [2, 6, 6, 8]],
  ["convTranspose2d of odd channels", convTranspose2d, [2, 3, 3, 4], [3, 3, 3, 4], [2, 6, 6, 3]],
] as const;

for (const [name, op, x, w, out] of layers) {
  const channels = out[3];
  const size = sizeOf(out);

  test(`a recorded ${name} takes its bias, activation and residual along`, async () => {
    await assertRecordedEqualsEager(
      [{ shape: x }, { shape: w }, { shape: [channels] }, { shape: out }],
      ([image, weights, bias, residual]) =>
        maximum(add(add(op(image!, weights!, { stride: 2 }), bias!), residual!), 0),
      { dispatches: 1 },
    );
  });

  test(`the epilogue of a recorded ${name} may see the result in another shape`, async () => {
    // Rows of 3 or 9 elements: four neighbours straddle two of them.
    const rows = size % 9 === 0 ? 9 : 3;
    await assertRecordedEqualsEager(
      [{ shape: x }, { shape: w }, { shape: [rows] }, { shape: [size / rows, 1] }],
      ([image, weights, line, column]) =>
        add(mul(reshape(op(image!, weights!, { stride: 2 }), [size / rows, rows]), line!), column!),
      { dispatches: 1 },
    );
    // Broadcast of a column of each image.
    await assertRecordedEqualsEager(
      [{ shape: x }, { shape: w }, { shape: [out[0], out[1], 1, 1] }],
      ([image, weights, lines]) => add(op(image!, weights!, { stride: 2 }), lines!),
      { dispatches: 1 },
    );
  });
}

test("a recorded weight gradient takes what follows along", async () => {
  await assertRecordedEqualsEager(
    [{ shape: [8, 8, 8, 4] }, { shape: [8, 8, 8, 4] }, { shape: [3, 3, 4, 4] }],
    ([x, dy, w]) => add(mul(conv2dWeightGradient(x!, dy!, [3, 3]), 0.5), w!),
    {},
  );
});

test("mistakes are named before anything is dispatched", async () => {
  const device = await testDevice();
  const x = ones(device, [1, 4, 4, 2]);
  const w = ones(device, [3, 3, 2, 1]);
  const flat = ones(device, [4, 4]);
  const integers = tensor(device, new Uint32Array(18), [3, 3, 2, 1]);
  const big = ones(device, [7, 7, 2, 1]);
  const twice = ones(device, [3, 3, 2, 2]);
  const before = device.dispatches;
  const expect = (run: () => unknown, pattern: RegExp) => rejects(run, ShapeError, pattern);
  await expect(() => conv2d(flat, w), /conv2d: x \[4, 4\], w \[3, 3, 2, 1\]: x must be \[batch/);
  await expect(() => conv2d(x, flat), /conv2d: x \[1, 4, 4, 2\], w \[4, 4\]: w must be \[kernelH/);
  await expect(
    () => conv2d(x, x),
    /x \[1, 4, 4, 2\], w \[1, 4, 4, 2\]: the image has 2 channels, the weights take 4/,
  );
  await expect(() => conv2d(x, big, { padding: "valid" }), /a 7×7 kernel does not fit/);
  await expect(
    () => conv2d(x, w, { stride: 0 }),
    /stride is 0, wanted a whole number from 1 to 65535/,
  );
  await expect(
    () => conv2d(x, w, { stride: [1, 1.5] }),
    /stride is \[1, 1\.5\], wanted a whole number/,
  );
  await expect(() => conv2d(x, w, { padding: -1 }), /padding -1 is no whole number/);
  for (const [given, text] of [
    ["smae", '"smae"'],
    [[1, 2], "\\[1,2\\]"],
    [null, "null"],
    [{ top: 1 }, '{"top":1}'],
  ] as const) {
    const padding = given as unknown as "same";
    const forms = `padding ${text} is none of "same", "valid", a number, { top, bottom, left, right }$`;
    await expect(() => conv2d(x, w, { padding }), new RegExp(`^conv2d: ${forms}`));
    await expect(
      () => convTranspose2d(x, twice, { padding }),
      new RegExp(`^convTranspose2d: ${forms}`),
    );
  }
  await expect(() => convTranspose2d(x, w), /convTranspose2d: y \[1, 4, 4, 2\], w \[3, 3, 2, 1\]/);
  await expect(
    () => convTranspose2d(ones(device, [1, 4, 4, 1]), w, { stride: 2, outputSize: [9, 8] }),
    /an output of 9×8 would come from 5×4, not 4×4/,
  );
  await expect(
    () => conv2dWeightGradient(x, x, [3, 3], { stride: 2 }),
    /conv2dWeightGradient: dy is \[1, 4, 4, 2\], wanted \[1, 2, 2, 2\]/,
  );
  await rejects(
    () => conv2d(x, integers as never),
    DTypeError,
    /^conv2d: w holds u32, wanted f32$/,
  );
  assert.ok(device.dispatches - before <= 1, "none but the one that fills an operand");
});

test("absurd sizes are refused", async () => {
  const device = await testDevice();
  const x = zeros(device, [1, 1, 1, 1]);
  const w = zeros(device, [1, 1, 1, 1]);
  const before = device.dispatches;
  const refuse = (run: () => unknown, pattern: RegExp) => rejects(run, ShapeError, pattern);
  await refuse(() => conv2d(x, w, { padding: 60_000 }), /conv2d: .* has more than 2\^30 elements/);
  await refuse(() => conv2d(x, w, { padding: 1e18 }), /conv2d: padding 1000000000000000000 is/);
  await refuse(() => conv2d(x, w, { stride: Number.MAX_VALUE }), /conv2d: options\.stride is/);
  await refuse(() => convTranspose2d(x, w, { stride: 60_000 }), /convTranspose2d: .*2\^30/);
  await refuse(
    () => convTranspose2d(x, w, { outputSize: [Number.NaN, 1] }),
    /convTranspose2d: y .* an output of NaN×1 has no pixels/,
  );
  assert.is(device.dispatches, before);
});

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

test.run();

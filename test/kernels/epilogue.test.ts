/** Epilogues of kernels whose threads compute several rows: what is read once for a column of theirs. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import conv2dShader from "../../shaders/conv2d.wgsl";
import { conv2d, convTranspose2d } from "../../src/autograd/ops/conv2d.ts";
import { add, mul } from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Value } from "../../src/gpu/value.ts";
import { writeEpilogue } from "../../src/kernels/epilogue.ts";
import { apply, type Expression, input } from "../../src/kernels/expression.ts";
import { contiguousView, sizeOf, type View } from "../../src/kernels/view.ts";
import { variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { checkFused } from "../support/fused.ts";
import { numbers } from "../support/products.ts";

const test = suite("epilogues of tiles");
readTextures(test);

let device: Device;
test.before(async () => {
  device = await testDevice();
});

/** The names of the inputs that a result [2, 3, 3, 8] reads once for a column. */
function readAlike(...strides: readonly (readonly number[])[]): string[] {
  const shape = [2, 3, 3, 8];
  const hole = new Value(device, "f32", sizeOf(shape), "hole");
  const output = new Value(device, "f32", sizeOf(shape), "output");
  const inputs: View[] = [contiguousView(hole, shape)];
  let expression: Expression = input(0);
  for (const [k, own] of strides.entries()) {
    const last = own.reduce((at, stride, axis) => at + stride * ((shape[axis] as number) - 1), 0);
    const value = new Value(device, "f32", last + 1, "input");
    inputs.push({ value, strides: own, offset: 0 });
    expression = apply("add", expression, input(k + 1));
  }
  const epilogue = { shape, inputs, hole, expression, output };
  const { text } = writeEpilogue(conv2dShader, epilogue, 4, 2, 8);
  const [, column = ""] = text.match(/^fn columnAt\([\s\S]*?\{\n([\s\S]*?)^\}/m) ?? [];
  const [, rest = ""] = text.match(/^fn epilogue\([\s\S]*?\{\n([\s\S]*?)^\}/m) ?? [];
  const loaded = (body: string) => [...body.matchAll(/let (x\d+) = .*in\d+\[/g)].map((m) => m[1]);
  assert.is(loaded(column).length + loaded(rest).length, strides.length, text);
  return loaded(column) as string[];
}

test("inputs that are the same for all rows are read once for a column", () => {
  const [whole, bias, scalar] = [
    [72, 24, 8, 1],
    [0, 0, 0, 1],
    [0, 0, 0, 0],
  ] as const;
  assert.equal(readAlike(bias), ["x1"]);
  assert.equal(readAlike(scalar), ["x1"]);
  assert.equal(readAlike(whole, bias, scalar), ["x2", "x3"]);
  assert.equal(readAlike([0, 0, 8, 1]), [], "other numbers for each column of an image");
  assert.equal(readAlike([1, 0, 0, 0]), [], "a number for each image");
  assert.equal(readAlike([9, 3, 1, 0]), [], "a number for each pixel");
});

function random(shape: readonly number[], seed: number): Tensor {
  return variable(device, numbers(sizeOf(shape), seed), shape, `x${seed}`);
}

/** A product, and behind it what its epilogue reads in every way. */
async function check(name: string, shape: readonly number[], product: () => Tensor): Promise<void> {
  const channels = shape.at(-1) as number;
  const [bias, scale] = [random([channels], 11), random([1], 12)];
  const [plane, each] = [random(shape.slice(-2), 13), random(shape, 14)];
  const sum = () => add(mul(add(product(), bias), scale), add(plane, each));
  await checkFused(device, name, sum, 1);
}

// No tile's columns divide 12 or 9 channels; 9 are stored one by one.
for (const channels of [4, 9, 12, 32]) {
  test(`a matrix product of ${channels} columns`, async () => {
    const [a, b] = [random([37, 5], 1), random([5, channels], 2)];
    await check("matmul", [37, channels], () => matmul(a, b));
  });

  test(`a convolution to ${channels} channels`, async () => {
    const [x, w] = [random([2, 5, 5, 4], 3), random([3, 3, 4, channels], 4)];
    await check("conv2d", [2, 5, 5, channels], () => conv2d(x, w));
  });

  test(`a transposed convolution to ${channels} channels`, async () => {
    const [y, w] = [random([2, 3, 3, 4], 5), random([3, 3, channels, 4], 6)];
    const product = () => convTranspose2d(y, w, { stride: 2 });
    await check("convTranspose2d", [2, 6, 6, channels], product);
  });
}

test.run();

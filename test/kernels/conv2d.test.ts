import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../src/kernels/conv2d.ts";
import { conv2dWeightGradientCalls } from "../../src/kernels/conv2d-weight-gradient.ts";
import { geometries, same } from "../support/conv-cases.ts";
import { readTextures, testDevice } from "../support/device.ts";
import {
  assertSums,
  compute,
  convReference,
  imageSize,
  inputGradientReference,
  numbers,
  resultSize,
  upload,
  weightGradientReference,
  weightSize,
} from "../support/products.ts";

const test = suite("conv2d kernels");
readTextures(test);

async function checkForward(g: ConvGeometry): Promise<void> {
  const device = await testDevice();
  const x = numbers(imageSize(g), 3);
  const w = numbers(weightSize(g), 4);
  const values = [upload(device, x), upload(device, w)] as const;
  const y = await compute(device, resultSize(g), (out) => conv2dCalls("conv2d", ...values, g, out));
  assertSums(y, convReference(x, w, g), `forward ${JSON.stringify(g)}`);
}

async function checkInputGradient(g: ConvGeometry): Promise<void> {
  const device = await testDevice();
  const dy = numbers(resultSize(g), 5);
  const w = numbers(weightSize(g), 6);
  const values = [upload(device, dy), upload(device, w)] as const;
  const dx = await compute(device, imageSize(g), (out) =>
    conv2dInputGradientCalls("conv2d", ...values, g, out),
  );
  assertSums(dx, inputGradientReference(dy, w, g), `input gradient ${JSON.stringify(g)}`);
}

async function checkWeightGradient(g: ConvGeometry): Promise<void> {
  const device = await testDevice();
  const x = numbers(imageSize(g), 7);
  const dy = numbers(resultSize(g), 8);
  const values = [upload(device, x), upload(device, dy)] as const;
  const dw = await compute(device, weightSize(g), (out) =>
    conv2dWeightGradientCalls("conv2d", ...values, g, out),
  );
  assertSums(dw, weightGradientReference(x, dy, g), `weight gradient ${JSON.stringify(g)}`);
}

const directions = {
  forward: checkForward,
  "input gradient": checkInputGradient,
  "weight gradient": checkWeightGradient,
};

for (const [name, check] of Object.entries(directions)) {
  test(`the ${name} agrees with float64 for random geometries`, async () => {
    await fc.assert(fc.asyncProperty(geometries, check), { seed: 43, numRuns: 16 });
  });

  test(`the ${name} of layers as models have them`, async () => {
    for (const [inC, outC, stride] of [
      [1, 8, 2],
      [8, 16, 2],
      [16, 1, 1],
      [3, 5, 3],
    ] as const)
      await check(same(2, 9, inC, outC, 3, stride));
  });

  test(`the ${name} where kernels are smaller than strides`, async () => {
    // Pixels between the windows are read by none, and their gradient is zero.
    await check(same(2, 10, 4, 4, 1, 3));
    await check({ ...same(1, 11, 3, 8, 2, 4), kernelW: 1 });
  });

  test(`the ${name} where the padding is larger than the image`, async () => {
    const g = { ...same(1, 2, 4, 3, 3, 1), outH: 9, outW: 8, padTop: 5, padLeft: 3 };
    await check(g);
  });
}

test("the weight gradient of a large batch splits its sum", async () => {
  const device = await testDevice();
  const dummy = upload(device, numbers(4));
  for (const g of [same(16, 12, 1, 4, 3, 1), same(16, 12, 4, 5, 3, 2)]) {
    const calls = conv2dWeightGradientCalls("conv2d", dummy, dummy, g, dummy);
    assert.is(calls.length, 2, "the shares and their sum");
    await checkWeightGradient(g);
  }
});

test("large grids are folded", async () => {
  const device = await testDevice();
  const dummy = upload(device, numbers(4));
  const g = same(200_000, 28, 4, 512, 3, 1);
  const calls = [
    ...conv2dCalls("conv2d", dummy, dummy, g, dummy),
    ...conv2dInputGradientCalls("conv2d", dummy, dummy, g, dummy),
  ];
  for (const call of calls) {
    const { workgroups } = call.kernel();
    assert.ok(workgroups[1] > 1, "more than one row of workgroups");
    assert.ok(workgroups.every((n) => n <= 65_535));
  }
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { GpuValidationError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import type { ConvDirection, ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../src/kernels/conv2d.ts";
import {
  conv2dSubgroupsCalls,
  conv2dSubgroupsVariants,
} from "../../src/kernels/conv2d-subgroups.ts";
import { conv2dWeightGradientCalls } from "../../src/kernels/conv2d-weight-gradient.ts";
import { apply, input } from "../../src/kernels/expression.ts";
import { facetOf } from "../../src/kernels/facets.ts";
import { formatVariant, type Variant } from "../../src/kernels/variants.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { same } from "../support/conv-cases.ts";
import { directions } from "../support/conv-tiled.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertSums, compute, numbers, upload } from "../support/products.ts";
import { madeSubgroups, type Rewrite, rewritten, withSubgroups } from "../support/subgroups.ts";

const test = suite("conv2d kernels with subgroups");
readTextures(test);

let opened: Promise<Device> | undefined;

async function subgroupsDevice(): Promise<Device | undefined> {
  opened ??= openDevice({ features: ["subgroups"] });
  return withSubgroups(await opened);
}

test.after(async () => {
  (await opened)?.close();
});

const variantOf = (rows: number, cols: number, splits = 1): Variant => ({
  ...{ family: "subgroups", rows, cols, splits, half: false },
});

async function check(
  device: Device,
  direction: ConvDirection,
  g: ConvGeometry,
  variant: Variant,
  rewrite: Rewrite = (code) => code,
): Promise<void> {
  const { sizes, reference } = directions[direction]!;
  const [sizeA, sizeB, size] = sizes(g);
  const [a, b] = [numbers(sizeA, 3), numbers(sizeB, 4)];
  const [valueA, valueB] = [upload(device, a), upload(device, b)];
  const got = await compute(device, size, (out) => {
    const calls = conv2dSubgroupsCalls("conv2d", direction, valueA, valueB, g, out, variant);
    return calls.map((call, i) => (i === 0 ? rewritten(call, rewrite) : call));
  });
  for (const value of [valueA, valueB]) device.release(value);
  assertSums(got, reference(a, b, g), `${direction} ${JSON.stringify(g)}`);
}

/** Padding on both sides that differs; columns on both sides of a workgroup's 64. */
const geometries: readonly ConvGeometry[] = [
  same(2, 7, 5, 33, 3, 2),
  same(1, 6, 70, 3, 3, 1),
  { ...same(2, 9, 3, 66, 3, 2), outH: 5, outW: 4, kernelW: 2, strideW: 3, padTop: 2, padLeft: 0 },
];

for (const direction of ["forward", "input gradient", "weight gradient"] as const) {
  test(`the ${direction} agrees with float64`, async () => {
    const device = await subgroupsDevice();
    if (!device) return;
    for (const g of geometries) await check(device, direction, g, variantOf(8, 1));
    await check(device, direction, same(3, 5, 68, 68, 2, 1), variantOf(16, 2));
  });

  test(`the ${direction} is right whatever the size of a subgroup`, async () => {
    const device = await testDevice();
    const [first, second] = geometries as [ConvGeometry, ConvGeometry];
    // One lane has no other to ask; with a gap lanes load for themselves.
    await check(device, direction, first, variantOf(4, 1), madeSubgroups(1));
    await check(device, direction, second, variantOf(4, 1), madeSubgroups(16));
    await check(device, direction, first, variantOf(8, 2), madeSubgroups(64));
    await check(device, direction, second, variantOf(4, 1), madeSubgroups(8, 24, 32));
  });
}

test("the sum of a weight gradient is split into shares, which may be empty", async () => {
  const device = await testDevice();
  const g = same(1, 5, 4, 40, 3, 1);
  for (const splits of [3, 20])
    await check(device, "weight gradient", g, variantOf(4, 1, splits), madeSubgroups(4));
  const value = upload(device, numbers(4));
  for (const direction of ["forward", "input gradient"] as const)
    assert.throws(
      () => conv2dSubgroupsCalls("conv2d", direction, value, value, g, value, variantOf(4, 1, 2)),
      (e: unknown) => e instanceof GpuValidationError && /is not split/.test(e.message),
    );
  device.release(value);
});

test("stores its results through an epilogue", async () => {
  const device = await testDevice();
  const g = same(1, 5, 3, 70, 3, 2);
  const { sizes, reference } = directions.forward!;
  const [sizeX, sizeW, size] = sizes(g);
  const [x, w, bias] = [numbers(sizeX, 5), numbers(sizeW, 6), numbers(g.outC, 7)];
  const values = [x, w, bias].map((data) => upload(device, data));
  const got = await compute(device, size, (output) => {
    const hole = device.allocate("f32", size, "never written");
    const [call] = conv2dSubgroupsCalls(
      ...(["conv2d", "forward", values[0]!, values[1]!, g, hole, variantOf(4, 1)] as const),
    );
    const facet = facetOf(call!);
    if (facet?.kind !== "kernel" || !facet.withEpilogue) return assert.unreachable() as never;
    const shape = [size / g.outC, g.outC];
    const views = [contiguousView(hole, shape), { value: values[2]!, strides: [0, 1], offset: 0 }];
    const expression = apply("add", input(0), input(1));
    const fused = facet.withEpilogue({ shape, inputs: views, hole, expression, output });
    return [rewritten(fused, madeSubgroups(4))];
  });
  const want = reference(x, w, g);
  for (let i = 0; i < size; i++) {
    want.sum[i] = want.sum[i]! + bias[i % g.outC]!;
    want.size[i] = want.size[i]! + Math.abs(bias[i % g.outC]!);
  }
  assertSums(got, want, "bias");
});

test("is a candidate where the device has subgroups and a workgroup enough columns", async () => {
  const device = await testDevice();
  const { target } = device;
  const posing = { ...target, has: { ...target.has, subgroups: true } };
  const g = same(128, 28, 32, 64, 3, 2);
  for (const direction of ["forward", "input gradient", "weight gradient"] as const) {
    const few = { ...g, inC: 8, outC: 8 };
    assert.equal(conv2dSubgroupsVariants(posing, direction, few), []);
    assert.equal(
      conv2dSubgroupsVariants(target, direction, g).length,
      device.has.subgroups ? 1 : 0,
    );
    const [variant] = conv2dSubgroupsVariants(posing, direction, g);
    assert.match(formatVariant(variant!), /^subgroups \d+x\d/);
    assert.is(variant!.splits > 1, direction === "weight gradient");
  }
  const value = upload(device, numbers(4));
  const take = variantOf(4, 1);
  for (const [call] of [
    conv2dCalls("conv2d", value, value, g, value, take),
    conv2dInputGradientCalls("conv2d", value, value, g, value, take),
    conv2dWeightGradientCalls("conv2d", value, value, g, value, take),
  ])
    assert.match(call!.kernel().code, /subgroupShuffle/);
  device.release(value);
});

test.run();

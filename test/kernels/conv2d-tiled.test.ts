import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import type { ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import { conv2dTiledCalls, conv2dTiledVariants } from "../../src/kernels/conv2d-tiled.ts";
import { apply, input } from "../../src/kernels/expression.ts";
import { facetOf } from "../../src/kernels/facets.ts";
import { formatVariant } from "../../src/kernels/variants.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { same } from "../support/conv-cases.ts";
import { type Direction, directions } from "../support/conv-tiled.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertSums, compute, numbers, upload, weightSize } from "../support/products.ts";

const test = suite("conv2d kernels in workgroup memory");
readTextures(test);

async function check(name: string, direction: Direction, g: ConvGeometry): Promise<void> {
  const device = await testDevice();
  const [sizeA, sizeB, size] = direction.sizes(g);
  const [a, b] = [numbers(sizeA, 3), numbers(sizeB, 4)];
  const [valueA, valueB] = [upload(device, a), upload(device, b)];
  const got = await compute(device, size, (out) => direction.calls(valueA, valueB, g, out));
  for (const value of [valueA, valueB]) device.release(value);
  assertSums(got, direction.reference(a, b, g), `${name} ${JSON.stringify(g)}`);
}

/** One axis with padding on both sides that differs, kernels that strides need not divide. */
const axis = fc.record({
  size: fc.constantFrom(5, 6, 9),
  kernel: fc.constantFrom(1, 2, 3, 5),
  stride: fc.constantFrom(1, 2, 3),
  before: fc.constantFrom(0, 1, 2),
  after: fc.constantFrom(0, 1, 3),
});
const channels = fc.constantFrom(1, 3, 5, 32);
const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({ batch: fc.constantFrom(1, 3), h: axis, w: axis, inC: channels, outC: channels })
  .map(({ batch, h, w, inC, outC }) => ({
    batch,
    inH: h.size,
    inW: w.size,
    inC,
    outH: Math.floor((h.size + h.before + h.after - h.kernel) / h.stride) + 1,
    outW: Math.floor((w.size + w.before + w.after - w.kernel) / w.stride) + 1,
    outC,
    kernelH: h.kernel,
    kernelW: w.kernel,
    strideH: h.stride,
    strideW: w.stride,
    padTop: h.before,
    padLeft: w.before,
  }));

for (const [name, direction] of Object.entries(directions)) {
  test(`the ${name} agrees with float64 for random geometries`, async () => {
    const property = (g: ConvGeometry) => check(name, direction, g);
    await fc.assert(fc.asyncProperty(geometries, property), { seed: 44, numRuns: 4 });
  });

  test(`the ${name} of tiles of every width`, async () => {
    // Tiles of 8, 16, 32 and 64 columns, in each direction some that no tile divides.
    for (const [inC, outC] of [
      [1, 68],
      [68, 2],
      [16, 16],
      [9, 33],
    ] as const)
      await check(name, direction, same(3, 10, inC, outC, 3, 1));
  });

  test(`the ${name} where kernels are smaller than strides`, async () => {
    // Pixels between the windows are read by none, and their gradient is zero.
    await check(name, direction, same(2, 10, 4, 4, 1, 3));
    await check(name, direction, { ...same(1, 11, 3, 8, 2, 3), kernelW: 1 });
  });

  test(`the ${name} where the padding is larger than the image`, async () => {
    const g = { ...same(1, 2, 4, 3, 3, 1), outH: 9, outW: 8, padTop: 5, padLeft: 3 };
    await check(name, direction, g);
  });
}

/** The result of a direction whose only call computes `result · scale + bias` as it stores. */
async function checkEpilogue(device: Device, direction: Direction, g: ConvGeometry): Promise<void> {
  const [sizeA, sizeB, size] = direction.sizes(g);
  const columns = direction.columns(g);
  const [a, b] = [numbers(sizeA, 5), numbers(sizeB, 6)];
  const [scale, bias] = [numbers(size, 7), numbers(columns, 8)];
  const values = [a, b, scale, bias].map((data) => upload(device, data));
  const result = await compute(device, size, (output) => {
    const hole = device.allocate("f32", size, "never written");
    const [call, ...more] = direction.calls(values[0]!, values[1]!, g, hole);
    assert.is(more.length, 0);
    const facet = facetOf(call!);
    assert.is(facet?.kind, "kernel");
    if (facet?.kind !== "kernel" || !facet.withEpilogue) return assert.unreachable() as never;
    const shape = [size / columns, columns];
    const views = [hole, values[2]!].map((value) => contiguousView(value, shape));
    const broadcast = { value: values[3]!, strides: [0, 1], offset: 0 };
    const expression = apply("add", apply("mul", input(0), input(1)), input(2));
    return [facet.withEpilogue({ shape, inputs: [...views, broadcast], hole, expression, output })];
  });
  const want = direction.reference(a, b, g);
  for (let i = 0; i < size; i++) {
    const offset = bias[i % columns]!;
    want.sum[i] = want.sum[i]! * scale[i]! + offset;
    want.size[i] = want.size[i]! * Math.abs(scale[i]!) + Math.abs(offset);
  }
  assertSums(result, want, `epilogue ${JSON.stringify(g)}`);
}

for (const name of ["forward", "input gradient", "weight gradient"])
  test(`the ${name} computes an epilogue on what it stores`, async () => {
    const device = await testDevice();
    // Results stored by fours, and one by one.
    await checkEpilogue(device, directions[name]!, same(2, 7, 32, 32, 3, 2));
    await checkEpilogue(device, directions[name]!, same(1, 7, 5, 3, 2, 2));
  });

test("shares of a weight gradient take no epilogue, and may be empty", async () => {
  const device = await testDevice();
  const g = same(1, 10, 4, 4, 3, 1); // 100 pixels are 13 slices of 8
  for (const splits of [8, 40]) {
    const tile = { family: "tiled", rows: 32, cols: 8, splits, half: false } as const;
    const direction: Direction = {
      ...directions["weight gradient"]!,
      calls: (x, dy, g, dw) => conv2dTiledCalls("conv2d", "weight gradient", x, dy, g, dw, tile),
    };
    const value = device.allocate("f32", weightSize(g), "operand");
    const [product] = direction.calls(value, value, g, value);
    const facet = facetOf(product!);
    assert.is(facet?.kind === "kernel" && facet.withEpilogue, undefined);
    assert.is(product!.outputs[0]!.size, splits * value.size);
    device.release(value);
    await check(`weight gradient of ${splits} shares`, direction, g);
  }
});

test("the candidates hold the heuristic's tile once, and split sums over many pixels only", async () => {
  const device = await testDevice();
  for (const g of [same(1, 4, 1, 1, 3, 1), same(128, 28, 32, 64, 3, 2)])
    for (const direction of ["forward", "input gradient", "weight gradient"] as const) {
      const variants = conv2dTiledVariants(device.target, direction, g);
      const names = variants.map(formatVariant);
      assert.is(new Set(names).size, names.length, names.join(", "));
      const split = direction === "weight gradient" && g.batch > 1;
      assert.is(variants[0]!.splits > 1, split, names.join(", "));
    }
});

test("large grids are folded", async () => {
  const device = await testDevice();
  const value = device.allocate("f32", 4, "operand");
  const g = same(20_000, 28, 4, 512, 3, 1);
  for (const name of ["forward", "input gradient"]) {
    const [call] = directions[name]!.calls(value, value, g, value);
    const { workgroups, code } = call!.kernel();
    assert.ok(workgroups[1] > 1, "more than one row of workgroups");
    assert.ok(workgroups.every((n) => n <= 65_535));
    assert.match(code, `const GROUPS_X = ${workgroups[0]}u;`);
  }
  device.release(value);
});

test.run();

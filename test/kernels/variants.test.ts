import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Value } from "../../src/gpu/value.ts";
import { VariantTable } from "../../src/gpu/variant-table.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../src/kernels/conv2d.ts";
import { conv2dWeightGradientCalls } from "../../src/kernels/conv2d-weight-gradient.ts";
import { matmulCalls } from "../../src/kernels/matmul.ts";
import {
  formatVariant,
  onTunableKernel,
  parseVariant,
  type TunableKernel,
  type Variant,
} from "../../src/kernels/variants.ts";
import { same } from "../support/conv-cases.ts";
import { readTextures, testDevice } from "../support/device.ts";
import {
  assertSums,
  compute,
  convReference,
  imageSize,
  inputGradientReference,
  matmulReference,
  numbers,
  resultSize,
  type Sums,
  upload,
  weightGradientReference,
  weightSize,
} from "../support/products.ts";

const test = suite("kernel variants");
readTextures(test);

const variant: Variant = { family: "registers", rows: 8, cols: 16, splits: 4, half: false };

test("are written as texts that say all of them", () => {
  for (const v of [
    variant,
    { ...variant, splits: 1 },
    { ...variant, family: "tiled", half: true } as const,
  ])
    assert.equal(parseVariant(formatVariant(v)), v);
  assert.is(formatVariant(variant), "registers 8x16 splits 4");
  for (const text of ["", "registers", "waves 8x16", "registers 8x16 splits", "registers 8x16 x"])
    assert.is(parseVariant(text), undefined);
});

test("follow the table where it knows a candidate, else the heuristic", () => {
  const table = new VariantTable();
  const wanted = {
    kernel: "matmul",
    shape: "8×8×8",
    candidates: ["registers 4x4", "registers 8x8"],
  };
  assert.is(table.lookUp(wanted), "registers 4x4");
  table.insert({ "matmul 8×8×8": "registers 8x8", "matmul 16×8×8": "registers 4x4" });
  assert.is(table.lookUp(wanted), "registers 8x8");
  table.insert({ "matmul 8×8×8": "registers 2x2" }); // no candidate any more
  assert.is(table.lookUp(wanted), "registers 4x4");
  assert.equal(table.used(), { "matmul 8×8×8": "registers 8x8" });
});

/** The candidates of the kernel that `ask` makes the device look up. */
function candidates(device: Device, ask: () => void): Variant[] {
  let heard: TunableKernel | undefined;
  const end = onTunableKernel(device.variants, (kernel) => {
    heard = kernel;
  });
  try {
    ask();
  } finally {
    end();
  }
  return (heard?.candidates ?? []).map((text) => parseVariant(text) as Variant);
}

/** Checks every variant that the tuner would try for one kernel of one shape. */
async function checkAll(
  name: string,
  operands: readonly [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>],
  size: number,
  reference: Sums,
  calls: (a: Value, b: Value, out: Value, variant?: Variant) => readonly Call[],
): Promise<void> {
  const device = await testDevice();
  const [a, b] = [upload(device, operands[0]), upload(device, operands[1])];
  const nowhere = new Value(device, "f32", size, "nowhere");
  const all = candidates(device, () => calls(a, b, nowhere));
  assert.ok(all.length > 1, `${name} has a choice`);
  // SwiftShader compiles a kernel for a second: there the last tile of registers stands for all. Tiles in
  // workgroup memory have tests of their own.
  const registers = all.filter(({ family }) => family === "registers");
  const tried = device.adapter.kind === "swiftshader" ? registers.slice(-1) : all;
  for (const v of tried) {
    const result = await compute(device, size, (out) => calls(a, b, out, v));
    assertSums(result, reference, `${name}, ${formatVariant(v)}`);
  }
}

// Ragged in every direction, with channels that are loaded by fours and one by one.
for (const g of [same(3, 7, 8, 12, 3, 2), same(2, 9, 5, 6, 3, 1), same(5, 8, 1, 32, 3, 1)]) {
  const shape = `${g.inC} to ${g.outC} channels`;
  const x = numbers(imageSize(g), 3);
  const w = numbers(weightSize(g), 4);
  const dy = numbers(resultSize(g), 5);

  test(`of conv2d are all right, ${shape}`, () =>
    checkAll("conv2d", [x, w], resultSize(g), convReference(x, w, g), (a, b, out, v) =>
      conv2dCalls("conv2d", a, b, g, out, v),
    ));

  test(`of its input gradient are all right, ${shape}`, () =>
    checkAll("gradient", [dy, w], imageSize(g), inputGradientReference(dy, w, g), (a, b, out, v) =>
      conv2dInputGradientCalls("conv2d", a, b, g, out, v),
    ));

  test(`of its weight gradient are all right, ${shape}`, () =>
    checkAll("weights", [x, dy], weightSize(g), weightGradientReference(x, dy, g), (a, b, out, v) =>
      conv2dWeightGradientCalls("conv2d", a, b, g, out, v),
    ));
}

for (const [m, n, k] of [
  [37, 20, 300],
  [24, 13, 261],
] as const)
  for (const transposeA of [false, true])
    for (const transposeB of [false, true]) {
      const g = { batch: 2, m, n, k, transposeA, transposeB };
      test(`of matmul are all right, ${JSON.stringify(g)}`, () => {
        const a = numbers(g.batch * m * k, 1);
        const b = numbers(g.batch * k * n, 2);
        return checkAll(
          "matmul",
          [a, b],
          g.batch * m * n,
          matmulReference(a, b, g),
          (p, q, out, v) => matmulCalls("matmul", p, q, g, out, v),
        );
      });
    }

test.run();

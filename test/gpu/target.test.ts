/** What a device is good at can be stated otherwise: kernels ask nobody else. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { conv2d } from "../../src/autograd/ops/conv2d.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import type { Device } from "../../src/gpu/device.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { targetOf } from "../../src/gpu/target.ts";
import { parseVariant } from "../../src/kernels/variants.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { numbers } from "../support/products.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("what a device is good at");
const none = { f16: false, subgroups: false };

test("software adapters are told from others, and what is stated replaces what the kind says", () => {
  const kinds = ["gpu", "llvmpipe", "swiftshader", "other"] as const;
  assert.equal(
    kinds.filter((kind) => targetOf(kind, none).software),
    ["llvmpipe", "swiftshader"],
  );
  for (const kind of kinds) {
    const usual = targetOf(kind, none);
    const lowered = targetOf(kind, none, { tiles: { accumulators: 16 } });
    assert.equal(lowered.tiles, { ...usual.tiles, accumulators: 16 });
    const { variants: _, tiles: __, ...rest } = lowered;
    for (const [name, value] of Object.entries(rest))
      assert.equal(value, usual[name as keyof typeof usual], name);
  }
});

/** Accumulators of the tiles that a product and a convolution take, and what they compute. */
async function products(device: Device): Promise<{ tiles: number[]; data: Float32Array[] }> {
  const value = (...shape: number[]) =>
    variable(
      device,
      numbers(
        shape.reduce((a, b) => a * b),
        shape.length,
      ),
      shape,
      "operand",
    );
  const { program, result } = await record(device, () => [
    matmul(value(64, 48), value(48, 64)),
    conv2d(value(2, 12, 12, 4), value(3, 3, 4, 32)),
  ]);
  program.run();
  const tiles = program.steps.flatMap((step) => {
    const variant = step.kind === "dispatch" ? parseVariant(step.source.variant ?? "") : undefined;
    return variant ? [variant.rows * variant.cols] : [];
  });
  return { tiles, data: await Promise.all(result.map((tensor) => tensor.data())) };
}

test("a lowered budget makes small tiles, with the same results within rounding", async () => {
  const small = await openDevice({ target: { tiles: { accumulators: 16 } } });
  const usual = await openDevice();
  try {
    const [lowered, plain] = [await products(small), await products(usual)];
    assert.is(lowered.tiles.length, 2);
    assert.ok(
      lowered.tiles.every((n) => n <= 16),
      `${lowered.tiles}`,
    );
    for (const [i, data] of lowered.data.entries())
      for (const [k, x] of data.entries()) assert.ok(Math.abs(x - plain.data[i]![k]!) < 1e-4);
  } finally {
    small.close();
    usual.close();
  }
});

test("LATENTGRAD_ACCUMULATORS lowers it for all devices of a process", async () => {
  const holder = globalThis as { LATENTGRAD_ENV?: Readonly<Record<string, string>> };
  const kept = holder.LATENTGRAD_ENV as Readonly<Record<string, string>>; // the harness sets it
  const open = async (text: string, options = {}) => {
    holder.LATENTGRAD_ENV = { ...kept, LATENTGRAD_ACCUMULATORS: text };
    try {
      const device = await openDevice(options);
      device.close();
      return device.target.tiles;
    } finally {
      holder.LATENTGRAD_ENV = kept;
    }
  };
  const lowered = await open("16");
  assert.is(lowered.accumulators, 16);
  assert.is(lowered.largest, 64, "the tuner tries somewhat larger ones, too");
  assert.is((await open("16", { target: { tiles: { accumulators: 8 } } })).accumulators, 8);
  for (const text of ["0", "1.5"])
    await rejects(() => open(text), UsageError, /^a tile has 1 accumulator or more, not /);
});

test.run();

/** Products that read their operands through textures or buffers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { conv2d, conv2dWeightGradient, convTranspose2d } from "../../src/autograd/ops/conv2d.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import type { Step } from "../../src/gpu/step.ts";
import { sizeOf } from "../../src/kernels/view.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { numbers } from "../support/products.ts";
import { skip } from "../support/skip.ts";

const test = suite("products through textures and buffers");

let device: Device;
test.before(async () => {
  device = await openDevice();
});
test.after(() => device.close());

const readsTextures = (step: Step) => step.kind === "dispatch" && step.textures.length > 0;

/** The result of a product, and whether its kernel reads textures, with another bound. */
async function computed(
  leastLoads: number,
  body: () => Tensor,
): Promise<{ textures: boolean; data: Float32Array }> {
  const usual = device.target.textures.leastLoads;
  device.target.textures.leastLoads = leastLoads;
  const { program, result } = await record(device, body).finally(() => {
    device.target.textures.leastLoads = usual;
  });
  program.run();
  const data = (await result.data()) as Float32Array;
  const textures = program.steps.some(readsTextures);
  program.release();
  return { textures, data };
}

const options = { stride: 2, padding: 1 } as const;
const value = (...shape: number[]) =>
  variable(device, numbers(sizeOf(shape), sizeOf(shape)), shape, "operand");
/** Products whose rows are whole texels, and not. */
const products: Readonly<Record<string, () => Tensor>> = {
  "matmul 12×20×8": () => matmul(value(12, 20), value(20, 8)),
  "matmul 5×7×9 Aᵀ": () => matmul(value(7, 5), value(7, 9), { transposeA: true }),
  "matmul 12×20×8 Bᵀ": () => matmul(value(12, 20), value(8, 20), { transposeB: true }),
  "conv2d to 8 channels": () => conv2d(value(2, 9, 9, 4), value(3, 3, 4, 8), options),
  "conv2d to 3 channels": () => conv2d(value(2, 9, 9, 1), value(3, 3, 1, 3), options),
  "convTranspose2d to 4 channels": () =>
    convTranspose2d(value(2, 5, 5, 8), value(3, 3, 4, 8), options),
  "weight gradient": () =>
    conv2dWeightGradient(value(2, 9, 9, 4), value(2, 5, 5, 8), [3, 3], options),
};

for (const [name, product] of Object.entries(products))
  test(`${name}: the same bits both ways`, async () => {
    const through = await computed(0, product);
    const past = await computed(Number.POSITIVE_INFINITY, product);
    assert.ok(through.data.some((x) => x !== 0));
    assert.equal([...through.data], [...past.data]);
    assert.not.ok(past.textures);
    if (!device.target.textures.wholeTexels) assert.ok(through.textures);
  });

test("on llvmpipe textures are read where many elements are loaded", async () => {
  if (device.adapter.kind !== "llvmpipe") return skip("the adapter is not llvmpipe");
  const { leastLoads } = device.target.textures;
  const side = (n: number) => async () =>
    (await computed(leastLoads, () => matmul(value(n, n), value(n, n)))).textures;
  assert.not.ok(await side(16)(), "at most 2 · 16³ loads");
  assert.ok(await side(256)(), "at least 256³ / 8 loads");
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DeviceImages } from "../../src/data/loader.ts";
import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { TrainingRun } from "../../src/train/training-run.ts";
import { countCreates } from "../support/count-creates.ts";

const test = suite("cost of a step");

const image = { height: 28, width: 28, channels: 1 };

/**
 * The training step of a VAE at batch 128, as wide as it is published; where the compiler is slow, a quarter
 * of that, which changes no kernel but its lengths.
 */
async function recorded(device: Device, network: "conv" | "dense"): Promise<TrainingRun> {
  const random = new HostRandom(1);
  const width = device.adapter.kind === "swiftshader" ? 0.25 : 1;
  const vae = new Vae(device, random, image, { network, latent: 2, beta: 1, width });
  const images = Uint8Array.from(random.uniform(256 * 784), (u) => Math.floor(u * 256));
  const split = { images, labels: new Uint8Array(256), count: 256 };
  const data = new DeviceImages(device, split, image);
  return TrainingRun.create(vae, data, { batch: 128, seed: [1, 0] });
}

/** Dispatches by the kind of adapter: they differ in which products they split. */
const costs = {
  conv: { llvmpipe: 35, swiftshader: 35 },
  dense: { llvmpipe: 22, swiftshader: 20 },
} as const;

for (const network of ["conv", "dense"] as const)
  test(`the ${network} VAE: few dispatches, no copies, one submit, and nothing made or uploaded`, async () => {
    const device = await openDevice();
    try {
      const run = await recorded(device, network);
      const { statistics } = run.program;
      const { kind } = device.adapter;
      if (kind === "llvmpipe" || kind === "swiftshader")
        assert.is(statistics.dispatches, costs[network][kind]);
      else assert.ok(statistics.dispatches <= 40, `${statistics.dispatches} dispatches`);
      assert.is(statistics.copies, 0);
      run.runStep(1);
      await device.finish();
      const counts = countCreates(device);
      run.runStep(2);
      const { submits, ...made } = counts;
      assert.is(submits, 1);
      for (const [what, count] of Object.entries(made)) assert.is(count, 0, what);
      await device.finish();
    } finally {
      device.close();
    }
  });

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { type LossRow, TrainingRun } from "../../src/train/training-run.ts";
import { testDevice } from "../support/device.ts";
import golden from "./golden-curve.json";

const test = suite("golden training curve");

/** Runtimes and adapters round differently; 24 steps let that grow to a few parts in ten thousand. */
const TOLERANCE = 2e-3;

/** A quarter-width convolutional VAE on 256 glyphs: 3 epochs of 8 steps. */
async function curve(): Promise<number[]> {
  const device = await testDevice();
  const glyphs = loadGlyphs(256, 10);
  const options = { network: "conv", latent: 2, beta: 1, width: 0.25, learningRate: 3e-3 } as const;
  const vae = new Vae(device, new HostRandom(1), glyphs, options);
  const images = new DeviceImages(device, glyphs.train, glyphs);
  const run = await TrainingRun.create(vae, images, {
    batch: 32,
    seed: [1, 0],
  });
  const losses: number[] = [];
  await run.advance(0, 3 * run.steps, {
    rows: (_first, rows: readonly LossRow[]) => {
      for (const { loss } of rows) losses.push(loss as number);
    },
  });
  return losses;
}

let first: Promise<number[]> | undefined;

/** The curve, computed once for all tests. */
function sharedCurve(): Promise<number[]> {
  first ??= curve();
  return first;
}

test("every runtime follows the saved curve", async () => {
  const losses = await sharedCurve();
  const off = losses.findIndex(
    (loss, i) => !(Math.abs(loss / (golden[i] as number) - 1) < TOLERANCE),
  );
  const rounded = JSON.stringify(losses.map((l) => Number(l.toPrecision(7))));
  assert.is(off, -1, `step ${off + 1} is off; the whole curve was ${rounded}`);
  assert.is(losses.length, golden.length);
});

test("the same seed gives the same bits again", async () => {
  assert.equal(await curve(), await sharedCurve());
});

test("it learns", async () => {
  const losses = await sharedCurve();
  assert.ok((losses.at(-1) as number) < 0.7 * (losses[0] as number));
});

test.run();

/** Which kernels read through textures is measured: a training's bits must not depend on it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import type { ReadCosts } from "../../src/gpu/target.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { kernelsOf } from "../../src/train/step-kernels.ts";
import { TrainingRun } from "../../src/train/training-run.ts";
import { testDevice } from "../support/device.ts";
import { FREE, textureReads, withCosts } from "../support/read-costs.ts";

const test = suite("training through textures");

const STEPS = 3;

/** Bits of the weights after a few steps; elements that dispatches read through textures; dispatches. */
async function trained(costs: ReadCosts | undefined) {
  const device = await testDevice();
  const glyphs = loadGlyphs(32, 10);
  const options = {
    network: "conv",
    latent: 2,
    beta: 1,
    width: 0.125,
    learningRate: 3e-3,
  } as const;
  const vae = new Vae(device, new HostRandom(1), glyphs, options);
  const images = new DeviceImages(device, glyphs.train, glyphs);
  const { program, run } = await withCosts(device, costs, async () => {
    const run = await TrainingRun.create(vae, images, { batch: 8, seed: [1, 0] });
    return { program: run.program, run };
  });
  for (let step = 1; step <= STEPS; step++) run.runStep(step);
  const data = await Promise.all(vae.parameters().map(({ tensor }) => tensor.data()));
  return {
    bits: data.map((d) => [...new Uint32Array(d.buffer)]),
    reads: textureReads(program.steps).flat().length,
    dispatches: program.statistics.dispatches,
    kernels: await kernelsOf(run),
  };
}

test("a VAE has the same weights, bit for bit, and as many dispatches", async () => {
  const plain = await trained(undefined);
  const textured = await trained(FREE);
  assert.ok(textured.reads > plain.reads + 10, `${textured.reads} and ${plain.reads} reads`);
  assert.equal(textured.bits, plain.bits);
  assert.is(textured.dispatches, plain.dispatches);
  assert.equal(textured.kernels, plain.kernels, "a run that goes on elsewhere finds its kernels");
});

test.run();

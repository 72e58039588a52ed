import { suite } from "uvu";
import * as assert from "uvu/assert";
import { maximum, sub } from "../../src/autograd/ops/elementwise.ts";
import { reshape } from "../../src/autograd/ops/shape.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Batch } from "../../src/data/batch.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import { selectImages } from "../../src/data/splits.ts";
import { InfoVae } from "../../src/models/info-vae.ts";
import { pairwiseSquaredDistances } from "../../src/models/losses.ts";
import type { Model } from "../../src/models/model.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { variable } from "../../src/tensor/create.ts";
import { Evaluation, meansOf } from "../../src/train/evaluation.ts";
import { testDevice } from "../support/device.ts";

const test = suite("evaluation");

/** A model, and 12 images with the KL term of each, which depends on no random number. */
async function prepare() {
  const device = await testDevice();
  const glyphs = loadGlyphs(12, 10);
  const network = { network: "dense", latent: 2, beta: 1, width: 0.05 } as const;
  const vae = new Vae(device, new HostRandom(3), glyphs, network);
  const images = new DeviceImages(device, glyphs.train, glyphs);
  const evaluate = (batch: number) => Evaluation.create(vae, images, batch, [1, 0]);
  const each: number[] = [];
  for (let i = 0; i < 12; i++) {
    const row = selectImages(glyphs.train, Uint32Array.of(i));
    const one = new DeviceImages(device, row, glyphs);
    const terms = await (await Evaluation.create(vae, one, 1, [1, 0])).run();
    each.push(terms!.kl!.mean);
  }
  return { evaluate, each };
}

const close = (a: number, b: number, what: string) =>
  assert.ok(Math.abs(a - b) <= 1e-5 * Math.abs(b), `${what}: ${a} and ${b}`);

test("every image counts once, whatever the batch", async () => {
  const { evaluate, each } = await prepare();
  const mean = each.reduce((a, b) => a + b) / 12;
  const sd = Math.sqrt(each.reduce((sum, kl) => sum + (kl - mean) ** 2, 0) / 12);
  assert.ok(sd > 0.01 * mean, "the images differ");
  for (const batch of [12, 5, 1, 7, 20]) {
    const { kl, loss, reconstruction } = (await (await evaluate(batch)).run())!;
    close(kl!.mean, mean, `mean, batch ${batch}`);
    assert.ok(Math.abs(kl!.sd - sd) <= 1e-3 * sd, `sd, batch ${batch}: ${kl!.sd} and ${sd}`);
    close(loss!.mean, reconstruction!.mean + kl!.mean, `loss, batch ${batch}`);
  }
});

test("the same numbers at every evaluation, and none once it is told to stop", async () => {
  const { evaluate } = await prepare();
  const evaluation = await evaluate(5);
  const first = meansOf((await evaluation.run())!);
  assert.equal(meansOf((await evaluation.run())!), first);
  let asked = 0;
  assert.is(await evaluation.run(() => ++asked === 2), undefined);
  assert.is(asked, 2);
});

test("no batch holds an image twice, none is small, and all images are seen", async () => {
  const device = await testDevice();
  const shape = { height: 1, width: 1, channels: 1 };
  for (const [count, most, sizes] of [
    [65, 64, [33, 32]],
    [10, 4, [4, 3, 3]],
    [8, 4, [4, 4]],
    [3, 64, [3]],
  ] as const) {
    const numbers = Float32Array.from({ length: count }, (_, i) => i);
    const split = { count, images: numbers, labels: new Uint8Array(count) };
    const seen: number[] = [];
    const model = {
      training: false,
      train: () => undefined,
      terms: ({ x }: Batch) => {
        const rows = reshape(x, [-1, 1]);
        seen.push(rows.shape[0]!);
        const alike = maximum(sub(1, pairwiseSquaredDistances(rows, rows)), 0);
        return { loss: reshape(x, [-1]), alike: sum(alike, 1) };
      },
    } as unknown as Model;
    const images = new DeviceImages(device, split, shape);
    const evaluation = await Evaluation.create(model, images, most, [1, 0]);
    const { loss, alike } = (await evaluation.run())!;
    assert.equal(seen, [...new Set(sizes)], "one program for each size");
    assert.equal([loss!.mean, alike!.mean, alike!.sd], [(count - 1) / 2, 1, 0]);
  }
});

test("a term that compares the images of a batch sees each once", async () => {
  const device = await testDevice();
  const glyphs = loadGlyphs(65, 10);
  const network = { network: "dense", latent: 2, beta: 1, width: 0.05 } as const;
  const options = { ...network, alpha: 0, lambda: 10 };
  const vae = new InfoVae(device, new HostRandom(3), glyphs, options);
  const images = new DeviceImages(device, glyphs.train, glyphs);
  const found = meansOf((await (await Evaluation.create(vae, images, 64, [1, 0])).run())!);
  const expected: Record<string, number> = {};
  for (const [number, [start, size]] of (
    [
      [0, 33],
      [33, 32],
    ] as const
  ).entries()) {
    const rows = Uint32Array.from({ length: size }, (_, i) => start + i);
    const step = variable(device, Uint32Array.of(number), [1], "step");
    const batch = images.take(variable(device, rows, [size], "rows"));
    const terms = vae.terms(batch, { seed: [1, 0], step, stream: 1000 });
    for (const [name, tensor] of Object.entries(terms))
      for (const value of await tensor.data())
        expected[name] = (expected[name] ?? 0) + value / glyphs.train.count;
  }
  for (const [name, value] of Object.entries(expected)) close(found[name]!, value, name);
  assert.ok(Math.abs(expected.mmd!) < 0.3, `${expected.mmd}: copies would bring it to 2`);
});

test.run();

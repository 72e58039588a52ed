import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/datasets.ts";
import { DeviceImages } from "../../src/data/loader.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
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
    const rows = { ...glyphs.train, images: glyphs.train.images.slice(i * 784, (i + 1) * 784) };
    const one = new DeviceImages(
      device,
      { ...rows, labels: rows.labels.slice(0, 1), count: 1 },
      glyphs,
    );
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

test.run();

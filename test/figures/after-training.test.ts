import { suite } from "uvu";
import * as assert from "uvu/assert";
import { figuresAfterTraining, trainingPictures } from "../../src/figures/after-training.ts";
import { pngFacts } from "../../src/formats/png-facts.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { testDevice } from "../support/device.ts";
import { checkAccessible, parseMarkup } from "../support/markup.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { fallingRun, runFolder } from "../support/run-records.ts";

const test = suite("figures after training");

const image = { height: 8, width: 8, channels: 3 };

/** A finished training with so many test images; RGB, so that colours pass, too. */
async function trained(latent: number, count: number) {
  const host = new MemoryHost();
  const folder = await runFolder(fallingRun(2), {}, host);
  const device = await testDevice();
  const options = { network: "dense", latent, beta: 1, width: 0.05 } as const;
  const model = new Vae(device, new HostRandom(1), image, options);
  const split = {
    images: Uint8Array.from({ length: count * 192 }, (_, i) => i % 256),
    labels: Uint8Array.from({ length: count }, (_, i) => i % 3),
    count,
  };
  const classNames = ["a", "b", "c"];
  const dataset = { name: "set", train: split, test: split, ...image, classes: 3, classNames };
  return { host, of: { device, model, dataset, folder, seed: 1, watched: dataset.train } };
}

for (const [latent, count, expected] of [
  [
    1,
    30,
    [
      "curves.svg",
      "interpolation.png",
      "latent.svg",
      "reconstructions.png",
      "samples.png",
      "traversal.png",
    ],
  ],
  [
    2,
    30,
    [
      "curves.svg",
      "interpolation.png",
      "latent.svg",
      "manifold.png",
      "reconstructions.png",
      "samples.png",
    ],
  ],
  [5, 1, ["curves.svg", "latent.svg", "reconstructions.png", "samples.png", "traversal.png"]],
] as const) {
  test(`${latent} latent dimensions, ${count} test images`, async () => {
    const { host, of } = await trained(latent, count);
    const paths = await figuresAfterTraining(of);
    assert.equal(paths.map((path) => path.replace("r/figures/", "")).sort(), [...expected]);
    for (const path of paths) {
      if (path.endsWith(".svg")) {
        checkAccessible(parseMarkup(host.text(path)));
        continue;
      }
      const { description } = pngFacts(host.files.get(path)!)!;
      assert.match(description!, /Weights: last checkpoint, epoch 2, step 8\.$/);
    }
  });
}

test("pictures for TensorBoard are the same for the same weights", async () => {
  const { of } = await trained(2, 30);
  const first = await trainingPictures(of);
  assert.equal(Object.keys(first).sort(), ["reconstructions", "samples"]);
  assert.equal(await trainingPictures(of), first);
  const { width, height } = pngFacts(first.samples!.png)!;
  assert.equal([first.samples!.width, first.samples!.height], [width, height]);
});

test.run();

/** What models refuse, in one line, before anything is trained. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import { ConditionalVae } from "../../src/models/cvae.ts";
import { DualAae, type DualAaeOptions } from "../../src/models/dual-aae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { type Texts, trainInMemory } from "../support/training.ts";

const test = suite("what models refuse");

for (const [model, settings, texts, pattern] of [
  ["cvae", {}, { data: "synthetic-8" }, /^cvae learns from classes, and synthetic-8 has none$/],
  ["classifier", {}, { data: "synthetic-16" }, /^classifier learns from classes/],
  [
    "ae",
    {},
    { data: "synthetic-8" },
    /^network=conv is for images; vectors take dense, or mlp in models that have it$/,
  ],
  [
    "vae",
    { network: "dense", likelihood: "bernoulli" },
    { data: "synthetic-8" },
    /^likelihood=bernoulli is for images; vectors take gaussian or learned$/,
  ],
  [
    "vae",
    { network: "dense" },
    { data: "synthetic-8", binarise: "static" },
    /^--binarise: vectors have no pixels to binarise$/,
  ],
  [
    "vae",
    { network: "dense" },
    { data: "synthetic-8", binarise: "dynamic" },
    /^--binarise: vectors have no pixels to binarise$/,
  ],
  ["lambda-hot", { latent: "9" }, {}, /^lambda-hot: latent is 9, below the 10 classes$/],
  ["aae", { latent: "0" }, {}, /latent=0: expected a whole number from 1 to 1024/],
  ["dual-aae", { content: "0" }, {}, /content=0: expected a whole number from 1 to 1024/],
  ["dual-aae", { skip: "yes" }, {}, /skip=yes: expected true or false/],
  ["flow-vae", { flow: "iaf", latent: "1", network: "dense" }, {}, /^flow=iaf: a single latent/],
  [
    "flex-ae-sr",
    { network: "dense", width: "0.05" },
    { data: "synthetic-8" },
    /^flex-ae-sr: its image critic is for images/,
  ],
  [
    "factor-vae",
    { network: "dense", width: "0.05", latent: "10" },
    { batch: "8" },
    /^factor-vae: batches of 8 are smaller than the 10 latent dimensions that are shuffled/,
  ],
  ["wae-mmd", { beta: "2" }, {}, /^--set beta: wae-mmd has no such setting/],
  ["wae-mmd", {}, { batch: "1" }, /^wae-mmd compares the images of a batch, and there is one$/],
  ["info-vae", {}, { overfit: "1" }, /^info-vae compares the images of a batch, and there is one$/],
  ["mask-aae", {}, { "beta-schedule": "linear:3" }, /^--beta-schedule: mask-aae has no beta$/],
] as const satisfies readonly (readonly [string, Record<string, string>, Texts, RegExp])[])
  test(`${model} ${JSON.stringify({ ...settings, ...texts })}`, async () => {
    const host = new MemoryHost();
    await rejects(() => trainInMemory(host, texts, {}, settings, model), UsageError, pattern);
    assert.equal(host.paths(), []);
  });

test("more classes than a convolutional cvae has planes for; a dense one takes them", async () => {
  const device = await testDevice();
  const build = async (classes: number, network: "conv" | "dense") => {
    const data = { height: 8, width: 8, channels: 1, classes };
    return new ConditionalVae(device, new HostRandom(1), data, { network, width: 0.05 });
  };
  await rejects(
    () => build(257, "conv"),
    UsageError,
    /^cvae: 257 classes are too many planes for network=conv \(256 at most\); take --set network=dense$/,
  );
  await build(256, "conv");
  await build(257, "dense");
});

test("dual-aae for a set without styles, unless it is told to do without", async () => {
  const device = await testDevice();
  const build = async (settings: DualAaeOptions) => {
    const data = { height: 8, width: 8, channels: 1, classes: 3 };
    return new DualAae(device, new HostRandom(1), data, { width: 0.05, ...settings });
  };
  await rejects(() => build({}), UsageError, /^dual-aae learns from the style of each image/);
  const model = await build({ styleWeight: 0 });
  const names = model.parameters().map(({ name }) => name);
  assert.not(names.some((name) => name.startsWith("styleClassifier")));
  assert.ok(names.some((name) => name.startsWith("styleHead")));
});

test.run();

/** What models refuse, in one line, before anything is trained. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { type Texts, trainInMemory } from "../support/training.ts";

const test = suite("what models refuse");

for (const [model, settings, texts, pattern] of [
  ["cvae", {}, { data: "synthetic-8" }, /^cvae learns from classes, and synthetic-8 has none$/],
  ["classifier", {}, { data: "synthetic-16" }, /^classifier learns from classes/],
  ["ae", {}, { data: "synthetic-8" }, /^network=conv is for images; vectors take dense or mlp$/],
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
  ["wae-mmd", { beta: "2" }, {}, /^--set beta: wae-mmd has no such setting/],
  ["mask-aae", {}, { "beta-schedule": "linear:3" }, /^--beta-schedule: mask-aae has no beta$/],
] as const satisfies readonly (readonly [string, Record<string, string>, Texts, RegExp])[])
  test(`${model} ${JSON.stringify({ ...settings, ...texts })}`, async () => {
    const host = new MemoryHost();
    await rejects(() => trainInMemory(host, texts, {}, settings, model), UsageError, pattern);
    assert.equal(host.paths(), []);
  });

test.run();

/**
 * Every model, trained for a moment on glyphs: its reconstructions get better, and a run that is broken
 * off in the middle and goes on has the bits of one that is not.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { InterruptedError, Interruption } from "../../src/host/interruption.ts";
import { models } from "../../src/models/registry.ts";
import type { TrainHooks } from "../../src/train/train.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { metricsOf, type Texts, trace, trainInMemory } from "../support/training.ts";

const test = suite("every model");

interface Case {
  readonly settings: Record<string, string>;
  readonly texts?: Texts;
  /** Which terms fall, and to what share of their first value at most. Default reconstruction, 0.6. */
  readonly falls?: Readonly<Record<string, number>>;
}

const dense = { network: "dense", width: "0.25" };
const wide = { ...dense, latent: "20" };

/** At least one for each model. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  vae: [{ settings: wide }],
  cvae: [{ settings: { ...dense, latent: "4" } }],
  "lambda-hot": [{ settings: wide }, { settings: { ...wide, movable: "true" } }],
  "kmeans-vae": [{ settings: wide }],
  "info-vae": [{ settings: wide }],
  "factor-vae": [{ settings: { ...wide, width: "0.1", "learning-rate": "0.003" } }],
  "flow-vae": [{ settings: wide }, { settings: { ...wide, flow: "iaf", steps: "2" } }],
  "two-stage": [
    {
      settings: { ...wide, likelihood: "bernoulli", "learning-rate": "0.003", first: "0.6" },
      falls: { reconstruction: 0.6, "second-reconstruction": 0.95 },
    },
  ],
  "wae-mmd": [{ settings: { ...wide, network: "wae", width: "0.03", latent: "8" } }],
  "wae-gan": [{ settings: wide }],
  ae: [{ settings: wide }],
  aae: [{ settings: wide, texts: { ema: "0.9", clip: "100", "lr-schedule": "cosine" } }],
  "dual-aae": [
    {
      settings: { width: "0.125", content: "12", style: "6", "learning-rate": "0.002" },
      texts: { overfit: "320", batch: "32" },
    },
    {
      settings: {
        width: "0.125",
        "learning-rate": "0.002",
        content: "12",
        style: "6",
        deeper: "true",
        skip: "true",
        "contrastive-weight": "1",
        "adversarial-weight": "0.1",
      },
      texts: { overfit: "320", batch: "32" },
    },
  ],
  "mask-aae": [
    { settings: { width: "0.06", latent: "16", "learning-rate": "0.003" } },
    { settings: { width: "0.06", latent: "16", "learning-rate": "0.003", mask: "false" } },
  ],
  "flex-ae": [{ settings: { ...dense, width: "0.1", "learning-rate": "0.003" } }],
  "flex-ae-sr": [
    {
      settings: { width: "0.03", "learning-rate": "0.003" },
      texts: { overfit: "320", batch: "32" },
    },
  ],
  classifier: [{ settings: { width: "0.1", "learning-rate": "0.002" }, falls: { error: 0.6 } }],
};

const training: Texts = { batch: "64", overfit: "640", epochs: "16", "save-every": "7" };

/** Enough for a run to be broken off in two places. */
const few: Texts = { epochs: "4" };
const BREAKS = 2;

test("none is left out", () => {
  assert.equal(Object.keys(cases).sort(), models.map(({ name }) => name).sort());
});

for (const [model, variants] of Object.entries(cases))
  for (const { settings, texts, falls = { reconstruction: 0.6 } } of variants) {
    const name = Object.entries(settings)
      .map(([key, value]) => `${key}=${value}`)
      .join(" ");
    const train = (host: MemoryHost, more: Texts, hooks: TrainHooks = {}) =>
      trainInMemory(host, { ...training, ...texts, ...more }, hooks, settings, model);

    test(`${model} (${name}) learns`, async () => {
      const host = new MemoryHost();
      await train(host, {});
      const records = metricsOf(host);
      for (const [term, share] of Object.entries(falls)) {
        const first = records.find((record) => record[term] !== undefined)?.[term] as number;
        const last = records.filter(({ kind }) => kind === "epoch").at(-1)?.[`validation_${term}`];
        assert.ok((last as number) <= share * first, `${term} went from ${first} to ${last}`);
      }
    });

    test(`${model} (${name}) goes on bit for bit`, async () => {
      const host = new MemoryHost();
      await train(host, few);
      const broken = new MemoryHost();
      let breaks = 0;
      for (let over = false; !over; ) {
        const interruption = new Interruption();
        let seen = 0;
        const onProgress = () => {
          if (++seen > 2 + breaks && breaks < BREAKS) interruption.request();
        };
        try {
          const resume = broken.files.has("r/config.json") ? "true" : "false";
          await train(broken, { ...few, resume }, { interruption, onProgress });
          over = true;
        } catch (error) {
          assert.instance(error, InterruptedError, String(error));
          breaks++;
        }
      }
      assert.is(breaks, BREAKS);
      assert.equal(trace(broken).metrics, trace(host).metrics);
      assert.is(trace(broken).checkpoint, trace(host).checkpoint);
    });
  }

test.run();

/** Models whose training is more than one update of a step go on with a new device, bit for bit. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MemoryHost } from "../support/memory-host.ts";
import { Devices, metricsOf, type Texts, trace, trainInMemory } from "../support/training.ts";

const test = suite("models on lost devices");

const options: Texts = { "save-every": "3", epochs: "4", batch: "8", overfit: "32" };
const dense = { network: "dense", width: "0.05" };

for (const [what, model, settings] of [
  ["several optimisers", "aae", dense],
  ["optimisers of one network, a mask and schedules", "mask-aae", { width: "0.02", latent: "6" }],
  ["centres that are refitted", "kmeans-vae", { ...dense, clusters: "3" }],
  [
    "two stages, lost in the second",
    "two-stage",
    { ...dense, latent: "4", likelihood: "bernoulli" },
  ],
  ["a classifier of contents and one of styles", "dual-aae", { width: "0.05" }],
] as const)
  test(`${what}: ${model}`, async () => {
    const whole = new MemoryHost();
    await trainInMemory(whole, options, {}, settings, model);
    const host = new MemoryHost();
    const devices = new Devices();
    let steps = 0;
    await trainInMemory(
      host,
      options,
      {
        openDevice: devices.open,
        onProgress: () => {
          if (++steps === 11) devices.opened.at(-1)!.gpu.destroy();
        },
      },
      settings,
      model,
    );
    assert.is(devices.opened.length, 2);
    const lost = metricsOf(host).filter(({ event }) => event === "device lost");
    assert.is(lost.length, 1);
    assert.ok((lost[0]!.step as number) >= 6, `it went on from step ${lost[0]!.step}`);
    assert.equal(trace(host).metrics, trace(whole).metrics);
    assert.is(trace(host).checkpoint, trace(whole).checkpoint);
  });

test.run();

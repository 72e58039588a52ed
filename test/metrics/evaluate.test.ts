import { suite } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../../src/autograd/tape.ts";
import { firstIndices, imagesAt } from "../../src/data/image-batch.ts";

import { CheckpointError, DataError } from "../../src/gpu/errors.ts";
import { type Evaluated, evaluate, metricsOf, recordOf } from "../../src/metrics/evaluate.ts";
import { evaluating } from "../../src/models/model.ts";
import { findModel, models } from "../../src/models/registry.ts";
import type { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { parseSettings } from "../../src/settings/settings.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { parseMetrics, upTo } from "../../src/train/metrics.ts";
import { withRun } from "../../src/train/open-run.ts";
import { loadRunData } from "../../src/train/run-data.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf as linesOf, trainInMemory } from "../support/training.ts";

const test = suite("evaluation of a run");

const vae = findModel("vae", models);
const settings = parseSettings(vae, {});

const terms = {
  loss: { mean: 178, sd: 30 },
  reconstruction: { mean: 78, sd: 22 },
  kl: { mean: 25, sd: 4 },
  elbo: { mean: -103, sd: 25 },
};

/** What the command line would print of terms of a model. */
const notesOf = (name: string, given: Record<string, string> = {}, found: object = terms) => {
  const entry = findModel(name, models);
  const metrics = metricsOf(found as typeof terms, 10, entry, parseSettings(entry, given));
  return Object.fromEntries(Object.entries(metrics).map(([term, { note }]) => [term, note]));
};

test("notes say what a term is a sum of, in which unit, and what the ELBO bounds", () => {
  assert.equal(notesOf("vae", { beta: "4" }), {
    loss: "nats per sample, reconstruction + 4 · kl; one draw of z an image",
    reconstruction: "nats per sample, summed over pixels; one draw of z an image",
    kl: "nats per sample, summed over latent dimensions",
    elbo: "nats per sample, −(reconstruction + kl): at most ln p(x); one draw of z an image",
  });
  assert.match(notesOf("cvae").elbo!, /at most ln p\(x\|y\);/);
  assert.match(notesOf("lambda-hot").elbo!, /at most ln p\(x\|y\);/);
  assert.is(findModel("kmeans-vae", models).bound, undefined, "its prior depends on the image");
  assert.match(
    notesOf("info-vae", { alpha: "0.5", beta: "2" }).loss!,
    /reconstruction \+ \(1 − 0\.5\) · 2 · kl \+ \(0\.5 \+ 10 − 1\) · mmd;/,
  );
  assert.match(notesOf("factor-vae").loss!, /\+ 10 · correlation;/);
  assert.is(notesOf("wae-mmd").loss, "0.05 · reconstruction + 10 · penalty");
  const other = { class_error: { mean: 0, sd: 0 }, unknown: { mean: 0, sd: 0 } };
  assert.equal(notesOf("dual-aae", {}, other), {
    class_error: "share of images whose content is taken for another class",
    unknown: undefined,
  });
  assert.equal(metricsOf(terms, 10, vae, settings).elbo, {
    value: -103,
    sd: 25,
    n: 10,
    note: notesOf("vae").elbo,
  });
});

/** The names of the terms that a model evaluates. Nothing is computed. */
async function termsOf(name: string, given: Record<string, string>): Promise<string[]> {
  const device = await testDevice();
  const entry = findModel(name, models);
  const data = { height: 8, width: 8, channels: 1, classes: 3, attributes: { style: 3 } };
  const settings = parseSettings(entry, { width: "0.05", ...given });
  const model = entry.build(device, new HostRandom(1), { ...data, images: 4 }, settings);
  const label = variable(device, Uint32Array.of(0, 1, 2, 0), [4], "labels");
  const x = variable(device, new Float32Array(256), [4, 8, 8, 1], "images");
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const { program, result } = await record(device, () =>
    noGrad(() =>
      evaluating(model, () =>
        model.terms({ x, label, attribute: () => label }, { seed: [1, 0], step, stream: 0 }),
      ),
    ),
  );
  program.release();
  return Object.keys(result);
}

for (const { name, notes, settings } of models)
  test(`${name} says how all of its terms are to be read`, async () => {
    const more = {
      ...("movable" in settings ? { movable: "true" } : {}),
      ...("contrastiveWeight" in settings ? { "contrastive-weight": "1" } : {}),
      ...("adversarialWeight" in settings ? { "adversarial-weight": "1" } : {}),
      ...("network" in settings ? { network: "dense" } : {}),
    };
    const terms = await termsOf(name, more);
    assert.equal(Object.keys(notes).sort(), terms.sort());
    for (const note of Object.values(notes))
      for (const [, setting] of note.matchAll(/\{(.*?)\}/g)) assert.ok(setting! in settings, note);
    if (!/vae|two-stage|lambda/.test(name))
      for (const note of Object.values(notes)) assert.not(/one draw/.test(note), note);
  });

test("its line in the metrics is a record, and stays when a run goes on", () => {
  const record = recordOf(metricsOf(terms, 10, vae, settings), {
    name: "best",
    epoch: 3,
    step: 12,
  });
  assert.is(typeof record.time, "number");
  const read = parseMetrics(`${JSON.stringify(record)}\n`, "metrics.jsonl");
  const { time: _, ...rest } = read[0]!;
  assert.equal(rest, {
    ...{ kind: "eval", step: 12, epoch: 3, split: "test", checkpoint: "best", images: 10 },
    ...{ loss: 178, reconstruction: 78, kl: 25, elbo: -103 },
  });
  assert.equal(upTo(read, { step: 12, epochs: 3 }), read);
  assert.equal(upTo(read, { step: 20, epochs: 5 }), read);
  assert.equal(upTo(read, { step: 11, epochs: 2 }), [], "of a state that is trained anew");
});

/** A run that was evaluated, trained on, and evaluated again; made once for several tests. */
let evaluatedRun: Promise<{ host: MemoryHost; first: Evaluated; last: Evaluated }> | undefined;

function run(): NonNullable<typeof evaluatedRun> {
  evaluatedRun ??= (async () => {
    const host = new MemoryHost({ LATENTGRAD_OFFLINE: "1" });
    const files = { csv: "true", tensorboard: "true" };
    await trainInMemory(host, files);
    const first = await evaluate("r", {}, host);
    await trainInMemory(host, { ...files, resume: "true", epochs: "3" });
    return { host, first, last: await evaluate("r", { checkpoint: "last" }, host) };
  })();
  return evaluatedRun;
}

test("evaluates the test part, notes it, and training goes on behind it", async () => {
  const { host, first, last } = await run();
  assert.is(first.unsaved, undefined);
  assert.equal(Object.keys(first.metrics), ["loss", "reconstruction", "kl", "elbo"]);
  const { loss, reconstruction, kl, elbo } = first.metrics;
  assert.is(loss!.n, 2000);
  assert.ok(Math.abs(loss!.value - reconstruction!.value - kl!.value) < 1e-3);
  assert.equal([elbo!.value, elbo!.sd], [-loss!.value, loss!.sd], "β is 1");
  assert.ok(loss!.sd! > 0 && reconstruction!.sd! > 0);
  assert.equal(last.checkpoint, { name: "last", epoch: 3, step: 12 });
  const lines = linesOf(host);
  assert.is(lines.filter(({ kind }) => kind === "epoch").length, 3);
  assert.equal(
    lines.filter(({ kind }) => kind === "eval").map((line) => [line.step, line.epoch, line.loss]),
    [
      [8, 2, loss!.value],
      [12, 3, last.metrics.loss!.value],
    ],
  );
  assert.match(host.text("r/metrics.csv"), /^eval,8,2,/m);
});

test("the KL term is that of the posterior over all test images", async () => {
  const { host, last } = await run();
  await withRun("r", { checkpoint: "last" }, host, async ({ device, model, config }) => {
    const { test: split } = await loadRunData(config, host);
    let [sum, squares] = [0, 0];
    const size = 28 * 28;
    const { values } = imagesAt(split, config.image, firstIndices(split, split.count));
    for (let start = 0; start < split.count; start += 500) {
      const x = values.slice(start * size, (start + 500) * size);
      const { mean, logVariance } = (model as Vae).posterior({
        x: tensor(device, x, [500, 28, 28, 1]),
      });
      const [m, v] = [await mean.data(), await logVariance.data()];
      for (let i = 0; i < 500; i++) {
        let kl = 0;
        for (const d of [2 * i, 2 * i + 1]) kl += (m[d]! ** 2 + Math.exp(v[d]!) - 1 - v[d]!) / 2;
        sum += kl;
        squares += kl * kl;
      }
    }
    const mean = sum / split.count;
    const { value, sd } = last.metrics.kl!;
    assert.ok(Math.abs(value / mean - 1) < 1e-4, `${value}, ${mean}`);
    assert.ok(Math.abs(sd! / Math.sqrt(squares / split.count - mean * mean) - 1) < 1e-3, `${sd}`);
  });
});

test("what was computed is told although it cannot be noted; the numbers are the same", async () => {
  const { host, last } = await run();
  host.failOn = "metrics.jsonl";
  const { metrics, unsaved } = await evaluate("r", { checkpoint: "last" }, host);
  host.failOn = undefined;
  assert.equal(metrics, last.metrics);
  assert.match(unsaved!.message, /metrics\.jsonl: no space left/);
});

test("pixels that were drawn anew in training are drawn alike at each evaluation", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { binarise: "dynamic", epochs: "1" });
  const first = await evaluate("r", {}, host);
  assert.equal((await evaluate("r", {}, host)).metrics, first.metrics);
});

test("a checkpoint that is not there, and data that are missing", async () => {
  const { host } = await run();
  const none = () => evaluate("r", { checkpoint: "epoch-000007" }, host);
  await rejects(
    none,
    CheckpointError,
    /epoch-000007\.safetensors: no such checkpoint; there are best, last$/,
  );
  const config = host.text("r/config.json");
  host.put("r/config.json", config.replace('"glyphs"', '"mnist"'));
  await rejects(() => evaluate("r", {}, host), DataError, /mnist/);
});

test("where the data have changed since the training, the loss says so", async () => {
  const host = new MemoryHost();
  const put = (name: number) =>
    host.putPicture(`/p/${name}.png`, {
      ...{ width: 4, height: 4, channels: 1 },
      pixels: Uint8Array.from({ length: 16 }, (_, i) => 7 * i + name),
    });
  for (let i = 10; i < 30; i++) put(i);
  const texts = { data: "folder:/p", overfit: undefined, "full-train": "true", epochs: "1" };
  await trainInMemory(host, texts);
  const noteNow = async () => (await evaluate("r", {}, host)).metrics.loss?.note ?? "";
  assert.not.match(await noteNow(), /trained on/);
  put(9);
  assert.match(
    await noteNow(),
    /the data are not those it was trained on \(19 images, were 18\); it may have been trained on some/,
  );
});

test.run();

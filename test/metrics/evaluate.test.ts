import { suite } from "uvu";
import * as assert from "uvu/assert";
import { firstIndices, imagesAt } from "../../src/figures/codec.ts";
import { CheckpointError, DataError } from "../../src/gpu/errors.ts";
import { type Evaluated, evaluate, metricsOf, recordOf } from "../../src/metrics/evaluate.ts";
import type { Vae } from "../../src/models/vae.ts";
import { tensor } from "../../src/tensor/create.ts";
import { parseMetrics, upTo } from "../../src/train/metrics.ts";
import { loadRunData, withRun } from "../../src/train/open-run.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf as linesOf, trainInMemory } from "../support/training.ts";

const test = suite("evaluation of a run");

const terms = {
  loss: { mean: 103, sd: 25 },
  reconstruction: { mean: 78, sd: 22 },
  kl: { mean: 25, sd: 4 },
};

test("the ELBO is minus reconstruction and KL term, each with weight 1", () => {
  const { elbo, loss, kl } = metricsOf(terms, 10, 1);
  assert.equal([elbo!.value, elbo!.sd, elbo!.n], [-103, 25, 10]);
  assert.match(loss!.note!, /^nats per sample, reconstruction \+ 1 · kl; one draw of z an image$/);
  assert.is(kl!.note, "nats per sample, summed over latent dimensions");
  const weighted = metricsOf({ ...terms, loss: { mean: 178, sd: 30 } }, 10, 4);
  assert.is(weighted.elbo!.value, -103, "whatever β is");
  assert.is(weighted.elbo!.sd, undefined, "nobody has measured it");
  assert.match(weighted.loss!.note!, /4 · kl/);
  const other = metricsOf({ loss: { mean: 1, sd: 2 }, critic: { mean: 3, sd: 4 } }, 5, undefined);
  assert.equal(Object.keys(other), ["loss", "critic"]);
  assert.is(other.critic!.note, "nats per sample");
});

test("its line in the metrics is a record, and stays when a run goes on", () => {
  const record = recordOf(metricsOf(terms, 10, 1), { name: "best", epoch: 3, step: 12 });
  assert.is(typeof record.time, "number");
  const read = parseMetrics(`${JSON.stringify(record)}\n`, "metrics.jsonl");
  const { time: _, ...rest } = read[0]!;
  assert.equal(rest, {
    ...{ kind: "eval", step: 12, epoch: 3, split: "test", checkpoint: "best", images: 10 },
    ...{ loss: 103, reconstruction: 78, kl: 25, elbo: -103 },
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
  assert.is(elbo!.value, -(reconstruction!.value + kl!.value));
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
    const { test: split } = await loadRunData(config, { host });
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

test.run();

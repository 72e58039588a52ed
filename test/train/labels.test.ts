import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { evaluate } from "../../src/metrics/evaluate.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { metricsOf, trainInMemory } from "../support/training.ts";

const test = suite("what a run was trained on");

const settings = { width: "0.05", latent: "10", network: "dense" };
type Config = { run: { classes: string[]; attributes: Record<string, number> } };

/** A run of one epoch whose config.json can be changed. */
async function runOf(model: string, more: Readonly<Record<string, string>> = settings) {
  const host = new MemoryHost();
  await trainInMemory(host, { epochs: "1" }, {}, more, model);
  const before = host.text("r/config.json");
  const change = (body: (run: Config["run"]) => void) => {
    const config = JSON.parse(before) as Config;
    body(config.run);
    host.put("r/config.json", JSON.stringify(config));
  };
  const resume = () => trainInMemory(host, { epochs: "2", resume: "true" }, {}, more, model);
  return { host, change, resume };
}

test("a model that knows classes goes on with these classes only", async () => {
  const { host, change, resume } = await runOf("cvae");
  for (const [body, pattern] of [
    [(run) => run.classes.splice(0, 1, "zz"), /^glyphs: class 0 is ".+", the run has "zz"$/],
    [(run) => run.classes.reverse(), /^glyphs: class 0 is "(.+)", the run has "(?!\1").+"$/],
    [(run) => run.classes.push("more"), /^glyphs: 10 classes, the run has 11$/],
    [
      (run) => Object.assign(run.attributes, { style: 3 }),
      /^glyphs: \d+ values of the label "style", the run has 3$/,
    ],
    [
      (run) => Object.assign(run.attributes, { hand: 3 }),
      /^glyphs: no values of the label "hand", the run has 3$/,
    ],
    [
      (run) => Object.assign(run, { classes: [] }),
      /^r\/config\.json: cvae learns from classes, and run\.classes has 0$/,
    ],
  ] as [(run: Config["run"]) => void, RegExp][]) {
    change(body);
    await rejects(resume, DataError, pattern);
    if (!/11/.test(pattern.source))
      await rejects(() => evaluate("r", {}, host), DataError, pattern);
  }
  assert.is(metricsOf(host).filter(({ kind }) => kind === "epoch").length, 1);
});

test("a model that does not know classes goes on whatever they are called", async () => {
  const { host, change, resume } = await runOf("vae");
  change((run) => run.classes.reverse());
  await evaluate("r", {}, host);
  await resume();
});

test("a run without what its model needs is refused with the name of the file", async () => {
  const small = { width: "0.05", content: "4", style: "2" };
  const { host, change } = await runOf("dual-aae", small);
  change((run) => Object.assign(run, { attributes: undefined }));
  await rejects(() => evaluate("r", {}, host), DataError, /^r\/config\.json: .* style /);
});

test("movable centres weigh as much in an evaluation as in training", async () => {
  const movable = { ...settings, movable: "true", "learning-rate": "0.01" };
  const { host, change } = await runOf("lambda-hot", movable);
  const { metrics } = await evaluate("r", { checkpoint: "last" }, host);
  const epoch = metricsOf(host).find(({ kind }) => kind === "epoch")!;
  const expected = epoch.validation_centres as number;
  assert.ok(expected > 0, `${expected}`);
  assert.ok(Math.abs(metrics.centres!.value / expected - 1) < 1e-5, `${metrics.centres!.value}`);
  const count = (trainingImages: unknown) =>
    change((run) => Object.assign(run, { trainingImages }));
  count(undefined);
  await rejects(
    () => evaluate("r", {}, host),
    DataError,
    /^r\/config\.json: .* number of training/,
  );
  count(0);
  await rejects(() => evaluate("r", {}, host), DataError, /trainingImages is 0, expected/);
});

test("a checkpoint is a name, not a path", async () => {
  const { host } = await runOf("vae");
  for (const checkpoint of ["../../other/checkpoints/last", "a/b", "a\\b", "..", ""])
    await rejects(
      () => evaluate("r", { checkpoint }, host),
      UsageError,
      /^--checkpoint ".*": a name belongs here, as best or last$/,
    );
});

test.run();

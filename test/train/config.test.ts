import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import {
  type GivenOptions,
  overlay,
  parseConfig,
  resumedOptions,
  toConfig,
  toTrainOptions,
} from "../../src/train/config.ts";
import { camel, type TrainOption, trainOptions } from "../../src/train/options.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("configurations");

const parse = (text: string | object) =>
  parseConfig(typeof text === "string" ? text : JSON.stringify(text), "c.json", UsageError);
const refused = (text: string | object, pattern: RegExp) =>
  rejects(() => parse(text), UsageError, pattern).then((error) =>
    assert.ok(error.message.startsWith("c.json: "), error.message),
  );
const out = () => "r";

/** A value of each option as JSON has it. */
const samples: Readonly<Record<string, unknown>> = {
  data: "mnist",
  "data-dir": "/d",
  out: "o",
  epochs: 7,
  batch: 64,
  limit: 1000,
  seed: 3,
  validation: 500,
  "full-train": true,
  size: "28x32",
  grey: true,
  background: "#ffffff",
  binarise: "static",
  "lr-schedule": "step:10:0.5",
  "lr-warmup": 100,
  "beta-schedule": "linear:4",
  clip: 1.5,
  ema: 0.999,
  patience: 5,
  "min-delta": 0.1,
  "max-time": "1h30m",
  "save-every": 50,
  keep: 3,
  overfit: 10,
  csv: true,
  tensorboard: true,
  "dry-run": true,
  resume: true,
  force: true,
  "allow-other-data": true,
};

/** A configuration with one option, and with what it needs beside it. */
const only = (name: string) => ({
  model: "vae",
  [name]: samples[name],
  ...(name === "allow-other-data" ? { resume: true } : {}),
});

test("takes every option of train by its name, with the type it has", () => {
  assert.equal(Object.keys(samples).sort(), Object.keys(trainOptions).sort());
  for (const [name, value] of Object.entries(samples)) {
    const { given } = parse(only(name));
    const options = toTrainOptions(given, out) as unknown as Record<string, unknown>;
    const found = options[camel(name)];
    const expected = name === "max-time" ? 5400 : value;
    assert.is((found as { text?: string })?.text ?? found, expected, name);
  }
});

test("refuses other types, out-of-range values and unknown keys, with a suggestion", async () => {
  for (const [name, { kind }] of Object.entries(trainOptions) as [string, TrainOption<unknown>][]) {
    const wrong = kind.json.includes("string") ? { x: 1 } : "5";
    await refused({ [name]: wrong }, new RegExp(`^c\\.json: ${name} is .*, expected`));
    await refused({ [name]: null }, new RegExp(`${name} is null, expected`));
  }
  await refused({ epochs: 0 }, /epochs is 0, expected a whole number from 1 to 1000000/);
  await refused({ epochs: 1.5 }, /epochs is 1\.5, expected a whole number/);
  await refused({ "full-train": "true" }, /full-train is "true", expected true or false/);
  await refused({ size: "0x5" }, /size is "0x5", expected HxW or one number, 1 to 4096 pixels/);
  await refused(
    { background: "whit" },
    /background is "whit", expected .* \(did you mean white\?\)/,
  );
  await refused({ binarise: "statc" }, /expected none, static, dynamic \(did you mean static\?\)/);
  await refused({ "lr-schedule": "cosin" }, /lr-schedule is "cosin", expected constant, cosine/);
  await refused({ "max-time": "soon" }, /expected a time such as 90s, 30m or 1h30m/);
  await refused({ epcohs: 3 }, /unknown key "epcohs" \(did you mean epochs\?\)/);
  await refused({ fullTrain: true }, /unknown key "fullTrain" \(did you mean full-train\?\)/);
  await refused({ toString: 1 }, /unknown key "toString"/);
  await refused({ model: 5 }, /model is 5, expected a name/);
  await refused({ set: [1] }, /set is \[1\], expected an object/);
  await refused({ set: { beta: [1] } }, /set beta is \[1\], expected text or a number/);
  await refused({ set: { beta: "2" } }, /set beta is "2", a text; numbers stand without quotation/);
  await refused('{"epochs":1e400}', /epochs is Infinity, expected a whole number/);
});

test("refuses what is no object, or has a key twice", async () => {
  await refused("", /not JSON/);
  await refused("[]", /not an object/);
  await refused('{"seed":1,"seed":2}', /the key "seed" is there twice/);
  await refused(`{"set":${"[".repeat(1_000_000)}`, /not JSON \(nested deeper than 32 levels\)/);
  await refused('{"set":{"beta":1,"beta":2}}', /the key "beta" is there twice/);
});

test("what is written down is read back as the same options", () => {
  for (const [name, { kept }] of Object.entries(trainOptions)) {
    const { given } = parse({ ...only(name), set: { beta: 2 } });
    const options = toTrainOptions(given, out);
    const written = toConfig(options, { beta: 2 });
    assert.is(name in written && kept, kept, name);
    const again = toTrainOptions(parse({ ...written, run: { any: "thing" } }).given, out);
    if (kept) assert.equal(JSON.stringify(again), JSON.stringify({ ...options, out: "r" }), name);
  }
});

test("the command line counts more than the file, key by key", () => {
  const file = parse({ model: "vae", epochs: 9, batch: 32, set: { beta: 2, latent: 8 } }).given;
  const typed = { texts: { epochs: "3" }, settings: { beta: "5" } };
  const both = toTrainOptions(overlay(file, typed), out);
  assert.equal([both.model, both.epochs, both.batch], ["vae", 3, 32]);
  assert.equal(both.settings, { beta: "5", latent: "8" });
});

test("options that contradict each other are refused", async () => {
  for (const [texts, pattern] of [
    [{ resume: "true", force: "true" }, /--resume and --force exclude each other/],
    [{ "allow-other-data": "true" }, /--allow-other-data goes with --resume/],
    [{ resume: "true", "dry-run": "true" }, /--resume and --dry-run/],
    [{ overfit: "9", limit: "9" }, /--overfit and --limit/],
    [{ overfit: "9", "full-train": "true" }, /--overfit and --full-train/],
    [{ overfit: "9", validation: "0" }, /--overfit and --full-train/],
    [{ overfit: "9", validation: "5" }, /--overfit and --validation/],
    [{ validation: "5", "full-train": "true" }, /--validation and --full-train/],
    [{ patience: "9", validation: "0" }, /--patience needs validation images/],
    [{ patience: "9", "full-train": "true" }, /--patience needs validation images/],
  ] as const)
    await rejects(
      () => toTrainOptions({ model: "vae", texts, settings: {} }, out),
      UsageError,
      pattern,
    );
  await rejects(
    () => toTrainOptions({ texts: {}, settings: {} }, out),
    UsageError,
    /the model is missing/,
  );
});

test("--validation 0 and --full-train are one, on top of each other and in a run that goes on", async () => {
  const given = (texts: GivenOptions["texts"]) => ({ model: "vae", texts, settings: {} });
  const texts = (validation: string) => given({ validation });
  const full = given({ "full-train": "true" });
  const both = (below: GivenOptions, above: GivenOptions) => {
    const { fullTrain, validation } = toTrainOptions(overlay(below, above), out);
    return fullTrain ? 0 : validation;
  };
  assert.equal([both(full, texts("9")), both(texts("9"), full)], [9, 0]);
  assert.equal([both(texts("9"), texts("0")), both(texts("0"), texts("9"))], [0, 9]);
  const written = (of: GivenOptions) => toConfig(toTrainOptions(of, out), {});
  assert.equal(written(texts("0")), written(full));
  assert.ok(resumedOptions(full, texts("0")));
  assert.ok(resumedOptions(texts("0"), full));
  await rejects(() => resumedOptions(full, texts("9")), UsageError, /--validation 9: .* none/);
  await rejects(() => resumedOptions(texts("9"), full), UsageError, /--full-train true: .* false/);
});

test("a run that goes on keeps its options, but for those that may change", async () => {
  const run = parse({
    model: "vae",
    data: "mnist",
    batch: 64,
    "lr-schedule": "cosine",
    epochs: 5,
    set: { beta: 2 },
  }).given;
  const resume = (texts: object, more: object = {}) =>
    resumedOptions(run, { texts, settings: {}, ...more });
  assert.equal(resume({ epochs: "9", keep: "3" }).texts.epochs, "9");
  const small = parse({ model: "vae", size: 28, background: "white" }).given;
  const same = { size: "28x28", background: "#FFF" };
  assert.ok(resumedOptions(small, { texts: same, settings: {} }));
  await rejects(
    () => resumedOptions(small, { texts: { size: "32" }, settings: {} }),
    UsageError,
    /--size 32: the run began with 28/,
  );
  const folder = parse({ model: "vae", data: "folder:/a" }).given;
  const moved = (data: string, named: boolean, more: object = {}) =>
    resumedOptions(folder, { texts: { data, ...more }, settings: {} }, named).texts.data;
  assert.is(moved("folder:/b", true), "folder:/b");
  assert.is(moved("idx:/b", true), "idx:/b");
  assert.is(moved("mnist", true, { "allow-other-data": "true" }), "mnist");
  await rejects(() => moved("mnist", true), UsageError, /^--data mnist: the run began with folder/);
  await rejects(
    () => moved("folder:/b", false),
    UsageError,
    /^--data folder:\/b: the run began with folder:\/a; where that was moved, --out names the run/,
  );
  assert.is(resume({ batch: "64", "lr-schedule": "cosine", seed: "1" }).texts.batch, "64");
  assert.equal(resume({}, { settings: { beta: "2.0" } }).settings, { beta: "2" });
  const bad = (texts: object, pattern: RegExp, more: object = {}) =>
    rejects(() => resume(texts, more), UsageError, pattern);
  await bad(
    { batch: "32" },
    /^--batch 32: the run began with 64, and --resume can change only --data-dir, --epochs, .*, --tensorboard, and --data where the data were moved or with --allow-other-data$/,
  );
  await bad({ seed: "2" }, /--seed 2: the run began with 1/);
  await bad({ clip: "1" }, /--clip 1: the run began with none/);
  await bad({ "lr-schedule": "constant" }, /the run began with cosine/);
  await bad({}, /--set beta 3: the run began with 2/, { settings: { beta: "3" } });
  await bad({}, /--set latent 3: the run began with none/, { settings: { latent: "3" } });
  await bad({}, /model cvae: the run began with vae/, { model: "cvae" });
});

test.run();

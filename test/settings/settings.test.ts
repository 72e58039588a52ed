/** One statement of a setting is read by programs and by the command line. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import {
  choiceSetting,
  numberSetting,
  switchSetting,
  wholeSetting,
} from "../../src/settings/setting.ts";
import {
  completeSettings,
  namedSettings,
  parseSettings,
  settingsProblem,
  settingsTexts,
} from "../../src/settings/settings.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("settings");

const settings = {
  latent: wholeSetting(2, [1, 64], "latent dimensions"),
  learningRate: numberSetting(1e-3, [0, 1], "learning rate"),
  flow: choiceSetting(["planar", "iaf"], "kind of flow"),
  r1Weight: numberSetting(10, [0, 1e6], "weight of R1"),
  movable: switchSetting(false, "moves"),
};
const model = { name: "model", settings };

test("a program and the command line get the same defaults", () => {
  const expected = { latent: 2, learningRate: 1e-3, flow: "planar", r1Weight: 10, movable: false };
  assert.equal(completeSettings(model, {}), expected);
  assert.equal(parseSettings(model, {}), expected);
});

test("what is typed and what a program gives come to the same", () => {
  const typed = {
    latent: "8",
    "learning-rate": "5e-4",
    flow: "iaf",
    "r1-weight": "0",
    movable: "true",
  };
  const given = { latent: 8, learningRate: 5e-4, flow: "iaf", r1Weight: 0, movable: true } as const;
  assert.equal(parseSettings(model, typed), given);
  assert.equal(completeSettings(model, given), given);
  assert.is(completeSettings(model, { latent: undefined }).latent, 2);
  // As config.json has them, which the command line reads again.
  const texts = settingsTexts(model, given);
  assert.equal(texts, { ...typed, latent: 8, "learning-rate": 5e-4, "r1-weight": 0 });
  const again = Object.fromEntries(Object.entries(texts).map(([k, v]) => [k, String(v)]));
  assert.equal(parseSettings(model, again), given);
});

test("the command line's names are those of programs with hyphens", () => {
  assert.equal(
    namedSettings(model).map(({ option, preset }) => `${option}=${preset}`),
    ["latent=2", "learning-rate=0.001", "flow=planar", "r1-weight=10", "movable=false"],
  );
});

test("both refuse the same values", async () => {
  for (const [key, option, value, expected] of [
    ["latent", "latent", 0, "a whole number from 1 to 64"],
    ["latent", "latent", 2.5, "a whole number from 1 to 64"],
    ["learningRate", "learning-rate", -1, "a number from 0 to 1"],
    ["learningRate", "learning-rate", Number.POSITIVE_INFINITY, "a number from 0 to 1"],
    ["flow", "flow", "plane", "planar, iaf (did you mean planar?)"],
    ["movable", "movable", "yes", "true or false"],
  ] as const) {
    assert.is(
      settingsProblem(model, { [option]: `${value}` }),
      `${option}=${value}: expected ${expected}`,
    );
    const shown = typeof value === "string" ? `"${value}"` : value;
    await rejects(
      () => completeSettings(model, { [key]: value } as never),
      UsageError,
      new RegExp(`^model: ${key} is ${shown}, wanted ${expected.replace(/[()?]/g, "\\$&")}$`),
    );
  }
  assert.match(settingsProblem(model, { learningRate: "1" }) ?? "", /^learningRate: model has no/);
  await rejects(
    () => completeSettings(model, { "learning-rate": 1 } as never),
    UsageError,
    /^model: unknown setting "learning-rate" \(did you mean learningRate\?\)$/,
  );
});

test("a program's values have their types, not texts", async () => {
  for (const [key, value, what] of [
    ["latent", "8", '"8"'],
    ["movable", "true", '"true"'],
    ["flow", 1, "1"],
    ["latent", null, "null"],
    ["latent", [8], "an array"],
  ] as const)
    await rejects(
      () => completeSettings(model, { [key]: value } as never),
      UsageError,
      new RegExp(`^model: ${key} is ${what}, wanted `),
    );
});

test.run();

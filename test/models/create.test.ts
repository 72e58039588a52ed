/** A model by its class and by its name: the same settings, the same weights. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { DeviceError, UsageError } from "../../src/gpu/errors.ts";
import { createModel } from "../../src/models/create.ts";
import { definitionOf, type ModelClass } from "../../src/models/definition.ts";
import type { Model } from "../../src/models/model.ts";
import { findModel, modelClasses, models } from "../../src/models/registry.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { namedSettings, parseSettings } from "../../src/settings/settings.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("creation of models");

const data = { height: 8, width: 8, channels: 1, classes: 3, attributes: { style: 2 } };
const width = 0.01;

const weightsOf = (model: Model) =>
  Promise.all(
    model.parameters().map(async ({ name, tensor }) => [name, ...(await tensor.data())] as const),
  );

test("every model's name is its own, and so are the command line's names of its settings", () => {
  for (const [name, { description }] of Object.entries(modelClasses)) {
    assert.is(description.name, name);
    const options = namedSettings(description).map(({ option }) => option);
    assert.is(new Set(options).size, options.length, name);
    for (const option of options) assert.match(option, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
  }
  assert.is(new Set(models.map(({ name }) => name)).size, models.length);
});

for (const [name, Class] of Object.entries(modelClasses))
  test(`${name}: its class, createModel and the command line have the same defaults`, async () => {
    const device = await testDevice();
    const typed = parseSettings(findModel(name, models), { width: String(width) });
    const make = Class as unknown as new (...given: unknown[]) => Model & { settings: unknown };
    const direct = new make(device, new HostRandom(1), data, { width });
    assert.equal(direct.settings, typed);
    const byName = createModel(name, device, { data, settings: { width } });
    assert.equal((byName as typeof direct).settings, typed);
    assert.ok(byName instanceof Class);
  });

for (const [name, { description }] of Object.entries(modelClasses))
  test(`${name}: each update says which setting its learning rate is`, async () => {
    const device = await testDevice();
    const settings: Readonly<Record<string, unknown>> = description.settings;
    const rates = Object.keys(settings).filter((key) => /[rR]ate$/.test(key));
    const given = Object.fromEntries(rates.map((key, i) => [key, 0.001 * (i + 1)]));
    const model: Model = createModel(name, device, { data, settings: { width, ...given } });
    const named = model.updates().map(({ rate, setting = "learningRate" }) => {
      assert.is(rate, given[setting], setting);
      return setting;
    });
    // A discriminator that is off by default moves at no rate.
    if (name !== "dual-aae") assert.equal([...new Set(named)].sort(), [...rates].sort());
  });

test("the seed makes the weights, and a data set says what they are made for", async () => {
  const device = await testDevice();
  const glyphs = loadGlyphs(4, 1);
  const settings = { network: "dense", width } as const;
  const made = createModel("vae", device, { data: glyphs, settings, seed: 7 });
  assert.is(made.settings.latent, 2);
  const direct = new Vae(device, new HostRandom(7), glyphs, settings);
  assert.equal(await weightsOf(made), await weightsOf(direct));
  const other = createModel("vae", device, { data: glyphs, settings, seed: 8 });
  assert.not.equal(await weightsOf(other), await weightsOf(direct));
  // The number of training images, which the prior of movable centres wants, comes with the set.
  createModel("lambda-hot", device, { data: glyphs, settings: { ...settings, movable: true } });
});

test("a derived class is the model that is made, under the name of its parent", async () => {
  class Brighter extends Vae {}
  const device = await testDevice();
  const { name, build } = definitionOf(Brighter satisfies ModelClass);
  assert.is(name, "vae");
  const settings = { network: "dense", width };
  assert.ok(build(device, new HostRandom(1), data, settings) instanceof Brighter);
});

test("wrong names, settings and data are refused in one line", async () => {
  const device = await testDevice();
  const loose = createModel as (...given: unknown[]) => unknown;
  for (const [given, kind, pattern] of [
    [
      ["vea", device, { data }],
      UsageError,
      /^unknown model "vea" \(did you mean vae\?\); there are/,
    ],
    [["vae", undefined, { data }], DeviceError, /^createModel: device is undefined, wanted/],
    [
      ["vae", device, {}],
      UsageError,
      /^createModel: options has no data, wanted an object { data }/,
    ],
    [["vae", device], UsageError, /^createModel: options is undefined, wanted an object { data }/],
    [
      ["vae", device, { data, settings: { latents: 2 } }],
      UsageError,
      /^vae: unknown setting "latents" \(did you mean latent\?\)$/,
    ],
    [["vae", device, { data, seed: -1 }], UsageError, /^hostRandom: seed is -1/],
  ] as const)
    await rejects(async () => loose(...given), kind, pattern);
});

test.run();

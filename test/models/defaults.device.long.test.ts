/** Default settings learn: every model with a decoder, or those of LATENTGRAD_MODELS=vae,aae. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { models } from "../../src/models/registry.ts";
import { chosenModels } from "../support/chosen-models.ts";
import { Learning } from "../support/learning.ts";
import { lessons, teach } from "./defaults-table.ts";

const test = suite("default settings");

test("no model with a decoder is left out, and every other bound has its reason", () => {
  const taught = lessons.filter(({ fast }) => !fast).map(({ model }) => model);
  // What is learned is measured by the plain autoencoder; the classifier has no decoder.
  const wanted = models.map(({ name }) => name).filter((name) => !/^(ae|classifier)$/.test(name));
  assert.equal([...taught].sort(), wanted.sort());
  for (const { model, bound, from, reason } of lessons)
    assert.is(bound === undefined && from === undefined, reason === undefined, model);
});

const learning = new Learning();

test("the plain autoencoder itself halves the squared error of the mean image", async () => {
  const error = await learning.error("ae", 600, { network: "conv", width: "0.25" });
  assert.ok(error <= 0.5 * learning.meanImage(), `${error}`);
});

const chosen = chosenModels();
teach(
  test,
  learning,
  lessons.filter(({ fast, model }) => !fast && (chosen?.includes(model) ?? true)),
);

test.run();

import { findModel, models } from "../../src/models/registry.ts";

const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;

/** Names of the models that `LATENTGRAD_MODELS=vae,aae` asks a long test for; undefined without it. */
export function chosenModels(): readonly string[] | undefined {
  const text = env?.LATENTGRAD_MODELS;
  // A name that means nothing would leave nothing to test.
  return text ? text.split(",").map((name) => findModel(name, models).name) : undefined;
}

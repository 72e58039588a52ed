import type { openDevice } from "../gpu/open.ts";
import { findModel, models } from "../models/registry.ts";
import { measureStep, type StepMeasurement, type StepOptions } from "./step.ts";

/** A training step that can be measured by its name. */
export interface StepCase extends StepOptions {
  /** `step/MODEL/BATCH`, or `growth/latent/N`. */
  readonly name: string;
  /** Latent dimensions, of a case that shows how a step grows with them. */
  readonly latent?: number;
}

/** How a step grows with the latent dimensions. */
export interface GrowthMeasurement extends StepMeasurement {
  readonly latent: number;
}

const BATCHES = [32, 64, 128, 256, 512, 1024];
const LATENTS = [2, 8, 32, 128, 512];
/** Batch of the other models, and of growth with the latent dimensions. */
const BATCH = { small: 32, usual: 128 };

function stepCase(label: string, batch: number, settings: Record<string, string> = {}): StepCase {
  const entry = findModel(label.startsWith("vae-") ? "vae" : label, models);
  return { name: `step/${label}/${batch}`, label, entry, settings, batch };
}

const conv = { network: "conv", latent: "2" };
const dense = { network: "dense", latent: "2" };

/** The VAE with both networks at all batches, and every other model at two. */
export const stepCases: readonly StepCase[] = [
  ...BATCHES.map((batch) => stepCase("vae-conv", batch, conv)),
  ...BATCHES.map((batch) => stepCase("vae-dense", batch, dense)),
  ...models.flatMap(({ name }) =>
    name === "vae" ? [] : Object.values(BATCH).map((batch) => stepCase(name, batch)),
  ),
];

/** The convolutional VAE with ever more latent dimensions. */
export const growthCases: readonly (StepCase & { readonly latent: number })[] = LATENTS.map(
  (latent) => ({
    ...stepCase("vae-conv", BATCH.usual, { ...conv, latent: String(latent) }),
    name: `growth/latent/${latent}`,
    latent,
  }),
);

/** What is measured without a filter: the VAE at its usual batch, the others at the small one. */
export function isUsual({ label, batch }: StepCase): boolean {
  return batch === (label.startsWith("vae-") ? BATCH.usual : BATCH.small);
}

export function measureSteps(
  step: StepCase,
  runs: number | undefined,
  open: typeof openDevice,
): Promise<StepMeasurement> {
  return measureStep({ ...step, runs, open });
}

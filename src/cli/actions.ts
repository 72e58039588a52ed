import type { ModelEntry } from "../models/registry.ts";
import type { manifold, reconstruct, sample } from "../train/generate.ts";
import type { train } from "../train/train.ts";

/** What the commands call: the training layer, or a test's double of it. */
export interface Actions {
  readonly train: typeof train;
  readonly sample: typeof sample;
  readonly reconstruct: typeof reconstruct;
  readonly manifold: typeof manifold;
  readonly models: readonly ModelEntry[];
}

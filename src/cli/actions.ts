import type { manifold, reconstruct, sample } from "../figures/generate.ts";
import type { Host } from "../host/host.ts";
import type { ModelEntry } from "../models/registry.ts";
import type { Interruption } from "../train/interruption.ts";
import type { EpochReport, TrainOptions, TrainResult } from "../train/train.ts";

/** What the commands call: the training layer, or a test's double of it. */
export interface Actions {
  readonly train: (
    options: TrainOptions,
    host: Host,
    onEpoch: (report: EpochReport) => void,
    interruption?: Interruption,
  ) => Promise<TrainResult>;
  readonly sample: typeof sample;
  readonly reconstruct: typeof reconstruct;
  readonly manifold: typeof manifold;
  readonly models: readonly ModelEntry[];
}

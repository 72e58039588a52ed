import type { manifold, reconstruct, sample } from "../figures/generate.ts";
import type { Host } from "../host/host.ts";
import type { ModelEntry } from "../models/registry.ts";
import type { TrainOptions } from "../train/options.ts";
import type { TrainHooks, TrainResult } from "../train/train.ts";

/** Who looks on while a model is trained. */
export type TrainWatch = Pick<
  TrainHooks,
  "onProgress" | "onEpoch" | "onNotice" | "onDownload" | "interruption"
>;

/** What the commands call: the training layer, or a test's double of it. */
export interface Actions {
  readonly train: (options: TrainOptions, host: Host, watch: TrainWatch) => Promise<TrainResult>;
  readonly sample: typeof sample;
  readonly reconstruct: typeof reconstruct;
  readonly manifold: typeof manifold;
  readonly models: readonly ModelEntry[];
}

import { binariseDataset } from "../data/binarise.ts";
import { absoluteName, loadDataset } from "../data/datasets.ts";
import type { Download } from "../data/files.ts";
import { type Fingerprint, fingerprintOf } from "../data/fingerprint.ts";
import { joinPath } from "../data/paths.ts";
import { splitTraining, type TrainingSplit } from "../data/splits.ts";
import type { Dataset, Split } from "../data/types.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { seedWords } from "../kernels/philox.ts";
import { type Model, stageEpochs } from "../models/model.ts";
import { findModel, type ModelDefinition, models } from "../models/registry.ts";
import { resolveSettings, type Settings } from "../models/settings.ts";
import { warmUp } from "../optim/schedules.ts";
import { toConfig } from "./config.ts";
import type { TrainOptions } from "./options.ts";

/** Batches of training and of validation in a dry run. */
const DRY_BATCHES = 2;

/** Everything about a run that is decided before a device is opened. */
export interface Plan {
  readonly options: TrainOptions;
  readonly entry: ModelDefinition;
  readonly settings: Settings;
  readonly dataset: Dataset;
  /** Of the training part. */
  readonly fingerprint: Fingerprint;
  /** Which images to train and to validate on. */
  readonly split: TrainingSplit;
  /** Images a step. */
  readonly batch: number;
  readonly epochs: number;
  /** Steps in an epoch. */
  readonly steps: number;
  readonly seed: readonly [number, number];
  /** What config.json says of how the run is trained. */
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Loads the data and works out what will be done.
 *
 * @throws UsageError for settings that the model does not have, DataError for bad or too few data
 */
export async function makePlan(
  options: TrainOptions,
  host: Host,
  onDownload?: (download: Download) => void,
): Promise<Plan> {
  const entry = findModel(options.model, models);
  const settings = resolveSettings(entry, options.settings);
  const { data, dataDir, dryRun, overfit } = options;
  const loaded = await loadDataset(data, { host, dataDir, onDownload });
  if (loaded.vectors && options.binarise !== "none")
    throw new UsageError("--binarise: vectors have no pixels to binarise");
  const dataset = options.binarise === "static" ? binariseDataset(loaded) : loaded;
  if (entry.labels && dataset.classes < 2)
    throw new UsageError(`${entry.name} learns from classes, and ${data} has none`);
  const batch = Math.min(options.batch, overfit ?? options.batch);
  if (entry.pairs && batch < 2)
    throw new UsageError(`${entry.name} compares the images of a batch, and there is one`);
  const split = chooseImages(dataset.train, options, batch);
  const steps = Math.floor(split.train.length / batch);
  if (steps < 1)
    throw new (options.limit === undefined ? DataError : UsageError)(
      `${data}: ${split.train.length} training images do not fill a batch of ${batch}`,
    );
  const absolute = {
    ...options,
    data: absoluteName(data, host.cwd),
    dataDir: dataDir === undefined ? undefined : joinPath(host.cwd, dataDir),
  };
  return {
    options,
    entry,
    settings,
    dataset,
    fingerprint: await fingerprintOf(loaded),
    split,
    batch,
    epochs: dryRun ? 1 : options.epochs,
    steps,
    seed: seedWords(options.seed),
    config: toConfig(absolute, settings.all()),
  };
}

function chooseImages(train: Split, options: TrainOptions, batch: number): TrainingSplit {
  const { count } = train;
  const { seed, fullTrain, limit, overfit, dryRun } = options;
  const few = (images: number) => (dryRun ? Math.min(images, DRY_BATCHES * batch) : images);
  if (overfit !== undefined) {
    if (overfit > count)
      throw new UsageError(`--overfit ${overfit}: there are ${count} training images`);
    const first = Uint32Array.from({ length: few(overfit) }, (_, i) => i);
    return { train: first, validation: first };
  }
  const split = splitTraining(train, seed, {
    fullTrain,
    ...(limit === undefined ? {} : { limit }),
  });
  return {
    train: split.train.slice(0, few(split.train.length)),
    validation: split.validation.slice(0, few(split.validation.length)),
  };
}

/**
 * The factor on the learning rates at a step, from 1. Schedule and warm-up begin anew with each stage of a
 * model's training, and a stage's epochs are all that they know of.
 */
export function paceAt(
  { options, steps, epochs }: Plan,
  model: Pick<Model, "stages" | "stageAt">,
  step: number,
): number {
  const { lrSchedule, lrWarmup } = options;
  const epoch = Math.floor((step - 1) / steps) + 1;
  const { first, last } =
    (model.stages ?? 1) > 1 ? stageEpochs(model, epoch, epochs) : { first: 1, last: epochs };
  const within = step - (first - 1) * steps;
  const place = { epochs: (within - 1) / steps, of: last - first + 1 };
  return lrSchedule.at(place) * warmUp(within, lrWarmup);
}

/** The factor on β at a step, from 1. */
export function betaFactorAt({ options, steps, epochs }: Plan, step: number): number {
  return options.betaSchedule.at({ epochs: (step - 1) / steps, of: epochs });
}

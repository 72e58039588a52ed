import { binariseDataset } from "../data/binarise.ts";
import { absoluteName, loadDataset } from "../data/datasets.ts";
import type { DataSource } from "../data/files.ts";
import { type Fingerprint, fingerprintOf } from "../data/fingerprint.ts";
import { joinPath } from "../data/paths.ts";
import { pictureOptions } from "../data/picture-values.ts";
import { splitTraining, type TrainingSplit } from "../data/splits.ts";
import type { Dataset, Split } from "../data/types.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { seedWords } from "../kernels/philox.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { type Model, stageEpochs } from "../models/model.ts";
import { findModel, models } from "../models/registry.ts";
import { warmUp } from "../optim/schedules.ts";
import type { SettingValue } from "../settings/setting.ts";
import { parseSettings, settingsTexts } from "../settings/settings.ts";
import type { Calendar } from "./calendar.ts";
import { toConfig } from "./config.ts";
import type { TrainOptions } from "./options.ts";

/** Batches of training and of validation in a dry run. */
const DRY_BATCHES = 2;

/** Everything about a run that is decided before a device is opened. */
export interface Plan {
  readonly options: TrainOptions;
  readonly entry: ModelDefinition;
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly dataset: Dataset;
  /** Of the training part. */
  readonly fingerprint: Fingerprint;
  /** Which images to train and to validate on; the latter are indices into `held`. */
  readonly split: TrainingSplit;
  /** What is validated on: the training part, of which some are held out, or a part for that. */
  readonly held: Split;
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
  told: Pick<DataSource, "onDownload" | "onNotice"> = {},
): Promise<Plan> {
  const entry = findModel(options.model, models);
  const settings = parseSettings(entry, options.settings);
  const { data, dataDir, dryRun, overfit } = options;
  const { onDownload, onNotice } = told;
  const pictures = pictureOptions(options);
  const source = { host, dataDir, pictures, onDownload, onNotice };
  const loaded = await loadDataset(data, source);
  if (loaded.vectors && options.binarise !== "none")
    throw new UsageError("--binarise: vectors have no pixels to binarise");
  const dataset = options.binarise === "static" ? binariseDataset(loaded) : loaded;
  if (entry.labels && dataset.classes < 2)
    throw new UsageError(`${entry.name} learns from classes, and ${data} has none`);
  const batch = Math.min(options.batch, overfit ?? options.batch);
  if (entry.pairs && batch < 2)
    throw new UsageError(`${entry.name} compares the images of a batch, and there is one`);
  const { split, held } = chooseImages(dataset, options, batch);
  if (options.patience !== undefined && split.validation.length === 0)
    throw new UsageError("--patience needs validation images, and none are held out");
  const steps = Math.floor(split.train.length / batch);
  if (steps < 1) throw tooFew(dataset, split, options, batch);
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
    held,
    batch,
    epochs: dryRun ? 1 : options.epochs,
    steps,
    seed: seedWords(options.seed),
    config: toConfig(absolute, settingsTexts(entry, settings)),
  };
}

function chooseImages(
  { train, validation: part }: Dataset,
  options: TrainOptions,
  batch: number,
): { split: TrainingSplit; held: Split } {
  const { count } = train;
  const { seed, fullTrain, limit, overfit, dryRun, validation } = options;
  const few = (images: Uint32Array) => (dryRun ? images.slice(0, DRY_BATCHES * batch) : images);
  if (overfit !== undefined) {
    if (overfit > count)
      throw new UsageError(`--overfit ${overfit}: there are ${count} training images`);
    const first = few(Uint32Array.from({ length: overfit }, (_, i) => i));
    return { split: { train: first, validation: first }, held: train };
  }
  if (validation !== undefined && part)
    throw new UsageError(
      `--validation ${validation}: the data have a validation part of ${part.count} images; --validation 0 leaves it unused`,
    );
  if (validation !== undefined && validation >= count)
    throw new UsageError(
      `--validation ${validation}: there are ${count} images to train and to validate on`,
    );
  const split = splitTraining(train, seed, {
    validation: fullTrain || part ? 0 : validation,
    limit,
  });
  const all = Uint32Array.from({ length: fullTrain ? 0 : (part?.count ?? 0) }, (_, i) => i);
  return {
    split: { train: few(split.train), validation: few(part ? all : split.validation) },
    held: part ?? train,
  };
}

/** Says how the images were split, and what would help. */
function tooFew(
  { train, test, validation: part }: Dataset,
  split: TrainingSplit,
  { data, limit, fullTrain }: TrainOptions,
  batch: number,
): Error {
  const left = split.train.length;
  const all = train.count + test.count + (part?.count ?? 0);
  const unused = fullTrain && part ? `${part.count} validation (unused)` : undefined;
  const parts = [
    `${test.count} test`,
    unused ?? `${split.validation.length} validation`,
    `${left} training${limit === undefined || left < limit ? "" : " (--limit)"}`,
  ].join(", ");
  const what = `${data}: ${all} images: ${parts}, which do not fill a batch of ${batch}`;
  const cure = left > 0 ? `; --batch ${left} would fit` : "";
  return new (limit === undefined ? DataError : UsageError)(what + cure);
}

/**
 * The factor on the learning rates at a step, from 1. Schedule and warm-up begin anew with each stage of a
 * model's training, and a stage's epochs are all that they know of.
 */
export function paceAt(
  { options, epochs }: Plan,
  model: Pick<Model, "stages" | "stageAt">,
  calendar: Calendar,
  step: number,
): number {
  const { lrSchedule, lrWarmup } = options;
  const epoch = calendar.epochOf(step);
  const { first, last } =
    (model.stages ?? 1) > 1 ? stageEpochs(model, epoch, epochs) : { first: 1, last: epochs };
  const place = { epochs: calendar.epochsSince(first, step), of: last - first + 1 };
  return lrSchedule.at(place) * warmUp(step - calendar.firstBeginOf(first), lrWarmup);
}

/** The factor on β at a step, from 1. */
export function betaFactorAt({ options, epochs }: Plan, calendar: Calendar, step: number): number {
  return options.betaSchedule.at({ epochs: calendar.epochsSince(1, step), of: epochs });
}

import { binariseDataset } from "../data/binarise.ts";
import { type Fingerprint, fingerprintOf } from "../data/fingerprint.ts";
import { splitTraining, type TrainingSplit } from "../data/splits.ts";
import type { Dataset, Split } from "../data/types.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import { seedWords } from "../kernels/philox.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { type Model, stageEpochs } from "../models/model.ts";
import { type Schedule, warmUp } from "../optim/schedules.ts";
import type { SettingValue } from "../settings/setting.ts";
import type { Calendar } from "./calendar.ts";

/** Batches of training and of validation in a dry run. */
const DRY_BATCHES = 2;

/** How a model is trained, checked and with all defaults. */
export interface PlanOptions {
  readonly batch: number;
  readonly seed: number;
  /** Train on the first so many images only. */
  readonly limit?: number | undefined;
  /** Images that are held out for validation; default: a tenth, at most 5,000, or the set's own part. */
  readonly validation?: number | undefined;
  /** Hold none out. */
  readonly fullTrain: boolean;
  /** Train and validate on the same first so many images. */
  readonly overfit?: number | undefined;
  /** `none`, `static` or `dynamic`. */
  readonly binarise: string;
  readonly lrSchedule: Schedule;
  readonly lrWarmup: number;
  readonly betaSchedule: Schedule;
  readonly clip?: number | undefined;
  readonly ema?: number | undefined;
  /** Take two batches of each part. */
  readonly dryRun?: boolean;
  /** Go on from a checkpoint of other data. */
  readonly allowOtherData?: boolean;
}

/** Everything about a training that is decided before it has a device. */
export interface TrainingPlan {
  /** @internal */
  readonly options: PlanOptions;
  readonly entry: ModelDefinition;
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly dataset: Dataset;
  /** Of the training part. @internal */
  readonly fingerprint: Fingerprint;
  /** Which images to train and to validate on; the latter are indices into `held`. @internal */
  readonly split: TrainingSplit;
  /** What is validated on: the training part, of which some are held out, or a part for that. @internal */
  readonly held: Split;
  /** Images a step. */
  readonly batch: number;
  /** Epochs in all; undefined where that is not known yet. */
  readonly epochs: number | undefined;
  /** Steps in an epoch. */
  readonly steps: number;
  readonly seed: readonly [number, number];
  /** What checkpoints say of how the model is trained. @internal */
  readonly config: Readonly<Record<string, unknown>>;
  /** Names in it of what a training keeps from its beginning to its end. @internal */
  readonly fixed: readonly string[];
  /** What errors call an option: `--batch`. @internal */
  readonly named: (option: keyof PlanOptions) => string;
}

/** What a plan is made from. */
export interface PlanParts {
  readonly entry: ModelDefinition;
  readonly settings: Readonly<Record<string, SettingValue>>;
  readonly data: Dataset;
  /** What errors call the data; default: by their name. */
  readonly source?: string;
  readonly options: PlanOptions;
  readonly epochs: number | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  readonly fixed: readonly string[];
  /** What errors call an option: `--batch`. */
  readonly named: (option: keyof PlanOptions) => string;
}

/**
 * Works out what will be trained on.
 *
 * @throws UsageError for options that do not fit the model or the data, DataError for too few images
 */
export async function planTraining(parts: PlanParts): Promise<TrainingPlan> {
  const { entry, settings, data, source = data.name, options, epochs, config } = parts;
  const { fixed, named } = parts;
  if (data.vectors && options.binarise !== "none")
    throw new UsageError(`${named("binarise")}: vectors have no pixels to binarise`);
  const dataset = options.binarise === "static" ? binariseDataset(data) : data;
  if (entry.labels && dataset.classes < 2)
    throw new UsageError(`${entry.name} learns from classes, and ${source} has none`);
  const batch = Math.min(options.batch, options.overfit ?? options.batch);
  if (entry.pairs && batch < 2)
    throw new UsageError(`${entry.name} compares the images of a batch, and there is one`);
  const { split: whole, held } = chooseImages(dataset, options, named);
  if (whole.train.length < batch) throw tooFew(source, dataset, whole, options, batch, named);
  const split = options.dryRun ? firstBatches(whole, batch) : whole;
  const steps = Math.floor(split.train.length / batch);
  return {
    ...{ options, entry, settings, dataset, split, held, batch, epochs, steps },
    ...{ config, fixed, named },
    fingerprint: await fingerprintOf(data),
    seed: seedWords(options.seed),
  };
}

function chooseImages(
  { train, validation: part }: Dataset,
  options: PlanOptions,
  named: PlanParts["named"],
): { split: TrainingSplit; held: Split } {
  const { count } = train;
  const { seed, fullTrain, limit, overfit, validation } = options;
  if (overfit !== undefined) {
    if (overfit > count)
      throw new UsageError(`${named("overfit")} ${overfit}: there are ${count} training images`);
    const first = Uint32Array.from({ length: overfit }, (_, i) => i);
    return { split: { train: first, validation: first }, held: train };
  }
  const given = `${named("validation")} ${validation}`;
  if (validation !== undefined && part)
    throw new UsageError(
      `${given}: the data have a validation part of ${part.count} images; ${named("validation")} 0 leaves it unused`,
    );
  if (validation !== undefined && validation >= count)
    throw new UsageError(`${given}: there are ${count} images to train and to validate on`);
  const split = splitTraining(train, seed, {
    validation: fullTrain || part ? 0 : validation,
    limit,
  });
  const all = Uint32Array.from({ length: fullTrain ? 0 : (part?.count ?? 0) }, (_, i) => i);
  return {
    split: { train: split.train, validation: part ? all : split.validation },
    held: part ?? train,
  };
}

/** What a dry run takes of each part. */
function firstBatches({ train, validation }: TrainingSplit, batch: number): TrainingSplit {
  const few = (images: Uint32Array) => images.slice(0, DRY_BATCHES * batch);
  return { train: few(train), validation: few(validation) };
}

/** Says how the images were split, and what would help. */
function tooFew(
  source: string,
  { train, test, validation: part }: Dataset,
  split: TrainingSplit,
  { limit, fullTrain }: PlanOptions,
  batch: number,
  named: PlanParts["named"],
): Error {
  const left = split.train.length;
  const all = train.count + test.count + (part?.count ?? 0);
  const unused = fullTrain && part ? `${part.count} validation (unused)` : undefined;
  const parts = [
    `${test.count} test`,
    unused ?? `${split.validation.length} validation`,
    `${left} training${limit === undefined || left < limit ? "" : ` (${named("limit")})`}`,
  ].join(", ");
  const what = `${source}: ${all} images: ${parts}, which do not fill a batch of ${batch}`;
  const cure = left > 0 ? `; ${named("batch")} ${left} would fit` : "";
  return new (limit === undefined ? DataError : UsageError)(what + cure);
}

/** What schedules depend on: how a model is trained, and for how many epochs in all. */
interface Scheduled {
  readonly options: Pick<PlanOptions, "lrSchedule" | "lrWarmup" | "betaSchedule">;
  readonly epochs: number;
}

/**
 * The factor on the learning rates at a step, from 1. Schedule and warm-up begin anew with each stage of a
 * model's training, and a stage's epochs are all that they know of.
 */
export function learningRateFactorAt(
  { options, epochs }: Scheduled,
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
export function betaFactorAt(
  { options, epochs }: Scheduled,
  calendar: Calendar,
  step: number,
): number {
  return options.betaSchedule.at({ epochs: calendar.epochsSince(1, step), of: epochs });
}

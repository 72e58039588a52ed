import { type Binarisation, binarisations } from "../data/binarise.ts";
import type { Dataset } from "../data/types.ts";
import { isObject } from "../formats/json.ts";
import { checkOptions, checkWhole, isNot, type OptionRules } from "../gpu/arguments.ts";
import { CheckpointError, UsageError } from "../gpu/errors.ts";
import {
  DEFAULT_SEED,
  definitionOf,
  type ModelClass,
  type ModelDefinition,
  type SettingsOf,
} from "../models/definition.ts";
import {
  betaForms,
  betaSchedule,
  learningRateForms,
  learningRateSchedule,
  type Schedule,
} from "../optim/schedules.ts";
import type { SettingValue } from "../settings/setting.ts";
import {
  completeSettings,
  optionName,
  parseSettings,
  settingsTexts,
} from "../settings/settings.ts";
import { modelNamed } from "./model-file.ts";
import { optionsIn } from "./state.ts";
import {
  type PlanOptions,
  type PlanParts,
  planTraining,
  type TrainingPlan,
} from "./training-plan.ts";

/** A model by its class, as `Vae`, or as a list of all models has it. */
export type ModelChoice = ModelClass | ModelDefinition;

/** What a trainer is made from; the names and defaults are those of the command line. */
export interface TrainerOptions<C extends ModelChoice = ModelChoice> {
  readonly model: C;
  /** The model's own settings; what is not given has its default. */
  readonly settings?:
    | (C extends ModelClass ? SettingsOf<C> : Readonly<Record<string, SettingValue>>)
    | undefined;
  /** What is trained on: `imageSet` makes one of own pictures. */
  readonly data: Dataset;
  /** Images a step. Default 128. */
  readonly batch?: number | undefined;
  /** Epochs in all, where that is known from the start; `train` may say it, too. */
  readonly epochs?: number | undefined;
  /** Of the weights, the order of the images, the noise and the choice of validation images. Default 1. */
  readonly seed?: number | undefined;
  /** Train on the first so many images only. */
  readonly limit?: number | undefined;
  /**
   * Images of the training part that are held out; 0: none. Default: the set's validation part where it
   * has one, else a tenth, 5,000 at most.
   */
  readonly validation?: number | undefined;
  /** Train and validate on the same first so many images: the loss must fall. */
  readonly overfit?: number | undefined;
  /** Black-and-white pixels: `none`, `static` (drawn once), `dynamic` (drawn in each step). Default `none`. */
  readonly binarise?: Binarisation | undefined;
  /** Learning rate over the training: `constant`, `cosine`, `cosine:END`, `step:EPOCHS:FACTOR`, … */
  readonly lrSchedule?: string | undefined;
  /** Steps of linear warm-up of the learning rate. Default 0. */
  readonly lrWarmup?: number | undefined;
  /** Weight of the KL term over the training: `constant`, `linear:EPOCHS` or `cyclic:EPOCHS`. */
  readonly betaSchedule?: string | undefined;
  /** Most that the norm of all gradients may be. */
  readonly clip?: number | undefined;
  /** Decay of a moving average of the weights, which everything but the training then uses. */
  readonly ema?: number | undefined;
}

const rules: OptionRules<TrainerOptions> = {
  model: "any",
  settings: "any?",
  data: "any",
  batch: "number?",
  epochs: "number?",
  seed: "number?",
  limit: "number?",
  validation: "number?",
  overfit: "number?",
  binarise: "text?",
  lrSchedule: "text?",
  lrWarmup: "number?",
  betaSchedule: "text?",
  clip: "number?",
  ema: "number?",
};

const OP = "trainer";

/** What a training keeps from its beginning to its end, by its names in a checkpoint. */
const fixed = [
  ...["data", "batch", "limit", "seed", "validation", "full-train", "overfit", "binarise"],
  ...["lr-schedule", "lr-warmup", "beta-schedule", "clip", "ema"],
] as const;

/**
 * Checks what a trainer is made from, and works out what it will train on. `Trainer.create` does it; done
 * before, it tells of mistakes and of the numbers of images and steps before there is a device.
 *
 * @throws UsageError naming the option and what it wants, DataError for too few images
 */
export async function planTrainer(options: TrainerOptions): Promise<TrainingPlan> {
  checkOptions(OP, options, rules);
  const { model, data, epochs, settings = {} } = options;
  checkModel(model);
  const entry = definitionOfChoice(model);
  const values = completeSettings(entry, settings);
  return planChecked({ entry, data, epochs, settings: values }, checkedOptions(options), {});
}

/** What `Trainer.restore` cannot take from the checkpoint. */
export interface RestoreOptions {
  /** The checkpoint's model, or several of which one is. */
  readonly model: ModelChoice | readonly ModelChoice[];
  /** The data that it was trained on. */
  readonly data: Dataset;
  /** Epochs in all; default: as the checkpoint says. */
  readonly epochs?: number | undefined;
  /** Go on although the training data have changed. */
  readonly allowOtherData?: boolean | undefined;
}

const restoreRules: OptionRules<RestoreOptions> = {
  model: "any",
  data: "any",
  epochs: "number?",
  allowOtherData: "boolean?",
};

/** @throws UsageError naming the option and what it wants */
export function checkRestore(given: RestoreOptions): void {
  checkOptions("restore", given, restoreRules);
}

/**
 * What the training of a checkpoint was made from.
 *
 * @param path what errors call the file
 * @throws CheckpointError for a checkpoint of another model, or one whose options cannot be
 */
export async function planFromCheckpoint(
  metadata: Readonly<Record<string, string>>,
  given: RestoreOptions,
  path: string,
): Promise<TrainingPlan> {
  const stored = optionsIn(metadata, path);
  const { data, epochs = stored.epochs, allowOtherData = false } = given;
  const among = (Array.isArray(given.model) ? given.model : [given.model]) as ModelChoice[];
  for (const each of among) checkModel(each);
  const entry = modelNamed(metadata.model, among.map(definitionOfChoice), path);
  const set = Object.entries(isObject(stored.set) ? stored.set : {});
  const options: Record<string, unknown> = { model: entry, data, epochs };
  const keys = ["batch", "seed", "limit", "validation", "overfit", "binarise", "lrSchedule"];
  for (const key of [...keys, "lrWarmup", "betaSchedule", "clip", "ema"])
    options[key] = stored[optionName(key)];
  if (stored["full-train"] === true) options.validation = 0;
  try {
    const checked = options as unknown as TrainerOptions;
    checkOptions(OP, checked, rules);
    const texts = set.map(([name, value]) => [name, String(value)] as const);
    const settings = parseSettings(entry, Object.fromEntries(texts));
    const how = { ...checkedOptions(checked), allowOtherData };
    return await planChecked({ entry, data, epochs: checked.epochs, settings }, how, stored);
  } catch (error) {
    if (error instanceof UsageError) throw new CheckpointError(`${path}: ${error.message}`);
    throw error;
  }
}

/** @param config what a checkpoint says beside what is known here */
async function planChecked(
  { entry, data, epochs, settings }: Pick<PlanParts, "entry" | "data" | "epochs" | "settings">,
  options: PlanOptions,
  config: Readonly<Record<string, unknown>>,
): Promise<TrainingPlan> {
  checkDataset(data);
  if (epochs !== undefined) checkWhole(OP, "epochs", epochs);
  const set = settingsTexts(entry, settings);
  return planTraining({
    ...{ entry, settings, data, epochs, fixed, options },
    config: { ...configOf(entry.name, data.name, epochs, options, set), ...config },
    named: (option) => `${OP}: ${option}`,
  });
}

/** What is known of a model that was given by its class, or as a list has it. */
export function definitionOfChoice(model: ModelChoice): ModelDefinition {
  return typeof model === "function" ? definitionOf(model) : model;
}

/** @throws UsageError for what is neither the class of a model nor its definition */
export function checkModel(model: unknown, op = OP): void {
  const { description, build } = (model ?? {}) as Partial<ModelClass & ModelDefinition>;
  if (!description && !build)
    throw new UsageError(`${op}: ${isNot("model", model, "the class of a model, as Vae")}`);
}

function checkedOptions(options: TrainerOptions): PlanOptions {
  const { batch = 128, seed = DEFAULT_SEED, limit, validation, overfit, clip, ema } = options;
  const { binarise = "none", lrWarmup = 0 } = options;
  checkWhole(OP, "batch", batch, 1, 65536);
  checkWhole(OP, "seed", seed, 0, 2 ** 32 - 1);
  checkWhole(OP, "lrWarmup", lrWarmup, 0);
  if (limit !== undefined) checkWhole(OP, "limit", limit);
  if (overfit !== undefined) checkWhole(OP, "overfit", overfit);
  if (validation !== undefined) checkWhole(OP, "validation", validation, 0);
  if (overfit !== undefined && (limit ?? validation) !== undefined)
    throw new UsageError(`${OP}: overfit excludes limit and validation`);
  if (!binarisations.includes(binarise))
    throw new UsageError(
      `${OP}: binarise is ${JSON.stringify(binarise)}, wanted ${binarisations.join(", ")}`,
    );
  if (clip !== undefined && !(clip > 0 && clip < Number.POSITIVE_INFINITY))
    throw new UsageError(`${OP}: clip is ${clip}, wanted a number above 0`);
  if (ema !== undefined && !(ema >= 0 && ema < 1))
    throw new UsageError(`${OP}: ema is ${ema}, wanted a number from 0 to below 1`);
  return {
    ...{ batch, seed, limit, overfit, binarise, lrWarmup, clip, ema },
    ...(validation === 0 ? { fullTrain: true } : { fullTrain: false, validation }),
    lrSchedule: schedule("lrSchedule", options.lrSchedule, learningRateSchedule, learningRateForms),
    betaSchedule: schedule("betaSchedule", options.betaSchedule, betaSchedule, betaForms),
  };
}

function schedule(
  name: string,
  text = "constant",
  parse: (text: string) => Schedule | undefined,
  forms: string,
): Schedule {
  const found = parse(text);
  if (found) return found;
  throw new UsageError(`${OP}: ${name} is ${JSON.stringify(text)}, wanted ${forms}`);
}

function checkDataset(data: unknown): void {
  const { train, height, width, channels } = (data ?? {}) as Partial<Dataset>;
  if (!train?.images || !height || !width || !channels)
    throw new UsageError(
      `${OP}: ${isNot("data", data, "a data set, as imageSet and loadGlyphs make it")}`,
    );
}

/** What checkpoints say of a training: the keys and values of the command line's config.json. */
function configOf(
  model: string,
  data: string,
  epochs: number | undefined,
  options: PlanOptions,
  settings: Readonly<Record<string, string | number>>,
): Record<string, unknown> {
  const { batch, limit, seed, validation, fullTrain, overfit, binarise, clip, ema } = options;
  const { lrSchedule, lrWarmup, betaSchedule: beta } = options;
  const all = {
    ...{ model, data, epochs, batch, limit, seed, validation, "full-train": fullTrain, overfit },
    ...{ binarise, "lr-schedule": lrSchedule.text, "lr-warmup": lrWarmup },
    ...{ "beta-schedule": beta.text, clip, ema },
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), set: settings };
}

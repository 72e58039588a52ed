import { checkSplit } from "../data/arguments.ts";
import { binarise, binariseSplit } from "../data/binarise.ts";
import type { DeviceImages } from "../data/loader.ts";
import type { Dataset, Split } from "../data/types.ts";
import { Allocations } from "../gpu/allocations.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { buildModel } from "../models/build.ts";
import { dataShape } from "../models/definition.ts";
import type { Model } from "../models/model.ts";
import { Calendar } from "./calendar.ts";
import { Evaluation } from "./evaluation.ts";
import { LiveSettings } from "./live-settings.ts";
import type { StateFacts } from "./state.ts";
import { kernelsOf } from "./step-kernels.ts";
import type { TrainerImages } from "./trainer-images.ts";
import { betaFactorAt, learningRateFactorAt, type TrainingPlan } from "./training-plan.ts";
import { TrainingRun } from "./training-run.ts";

/** Images that are evaluated at once, at least: small training batches would make it slow. */
const LEAST_EVALUATED = 64;

/** Who is told while a trainer is made, and who may stop that. */
export interface CreateOptions {
  /** Gives up between the parts of the work, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of the model before its step is compiled, which takes a while. */
  readonly onCompile?: ((model: Model) => void) | undefined;
}

/** What a trainer has on its device, beside the images. */
export interface TrainerParts {
  readonly model: Model;
  readonly run: TrainingRun;
  readonly calendar: Calendar;
  readonly live: LiveSettings;
  /** Of the images that are held out; undefined where there are none. */
  readonly validation: Evaluation | undefined;
  readonly kernels: StateFacts["variants"];
  /** What the model made for itself. */
  readonly allocations: Allocations;
}

/** Builds a plan's model, records its step and compiles everything. Nothing is left when that fails. */
export async function buildTrainer(
  device: Device,
  plan: TrainingPlan,
  images: TrainerImages,
  { signal, onCompile }: CreateOptions,
): Promise<TrainerParts> {
  const { options, entry, batch, seed, epochs } = plan;
  signal?.throwIfAborted();
  const allocations = new Allocations(device);
  let run: TrainingRun | undefined;
  try {
    const model = allocations.of(() => {
      const data = dataShape(plan.dataset, plan.split.train.length);
      return buildModel(entry, device, { data, settings: plan.settings, seed: options.seed });
    });
    if (!model.beta && options.betaSchedule.text !== "constant")
      throw new UsageError(`${plan.named("betaSchedule")}: ${entry.name} has no beta`);
    if (epochs !== undefined) requireLength("trainer", plan, model, epochs);
    onCompile?.(model);
    const calendar = new Calendar(plan.steps);
    const { transform } = transformOf(plan);
    const scheduled = () => ({ options, epochs: run?.epochs ?? Number.POSITIVE_INFINITY });
    run = await TrainingRun.create(model, images.training, {
      ...{ batch, seed, epochs, calendar, transform, clip: options.clip, ema: options.ema },
      learningRateFactor: (step) => learningRateFactorAt(scheduled(), model, calendar, step),
      betaFactor: (step) => betaFactorAt(scheduled(), calendar, step),
    });
    signal?.throwIfAborted();
    const { validation: held } = images;
    const validation = held && (await evaluationOf(model, held, plan));
    signal?.throwIfAborted();
    const live = new LiveSettings(entry, plan.settings, run);
    const kernels = await kernelsOf(run);
    return { model, run, calendar, live, validation, kernels, allocations };
  } catch (error) {
    run?.release();
    allocations.release();
    throw error;
  }
}

/** An evaluation of a plan's model on some images. */
export function evaluationOf(
  model: Model,
  images: DeviceImages,
  plan: TrainingPlan,
): Promise<Evaluation> {
  const most = Math.min(Math.max(plan.batch, LEAST_EVALUATED), images.count);
  return Evaluation.create(model, images, most, plan.seed, transformOf(plan));
}

/** Images to evaluate, or a set's training part, black and white where the plan's set is so from the start. */
export function seenAsTrained(images: Dataset | Split, plan: TrainingPlan): Split {
  const [split, stream] = "train" in images ? [images.train, 0] : [images, 1];
  if (plan.options.binarise !== "static") return split;
  checkSplit("evaluate", "images", split);
  return binariseSplit(split, stream);
}

function transformOf({ options }: TrainingPlan) {
  return { transform: options.binarise === "dynamic" ? binarise : undefined };
}

/** Stages are shares of the epochs: each wants one at least. Some schedules end with the last epoch. */
export function requireLength(
  op: string,
  plan: TrainingPlan,
  { stages = 1 }: Model,
  epochs: number | undefined,
): void {
  const { options, entry } = plan;
  if (options.dryRun) return;
  if (epochs === undefined && (stages > 1 || options.lrSchedule.needsLength))
    throw new UsageError(
      `${op}: epochs is missing, on which ${stages > 1 ? "the stages" : "the schedule"} depends`,
    );
  if (stages > 1 && epochs! < stages)
    throw new UsageError(
      `${entry.name}: ${epochs} epoch${epochs === 1 ? " is" : "s are"} not enough for ${stages} stages`,
    );
}

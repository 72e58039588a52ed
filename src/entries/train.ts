/**
 * Trains a model, and goes on from a checkpoint.
 *
 * @module latentgrad/train
 */

export type { InterpolationMethod } from "../models/interpolation.ts";
export type { Images, InterpolationOptions, SampleOptions } from "../models/trained-model.ts";
export {
  betaSchedule,
  learningRateSchedule,
  type Progress,
  type Schedule,
  warmUp,
} from "../optim/schedules.ts";
export type { TermStatistics } from "../train/evaluation.ts";
export type { Restored } from "../train/going-on.ts";
export type { SettingValues } from "../train/live-settings.ts";
export type { MetadataCheck } from "../train/model-file.ts";
export type { TrainProgress, TrainRange } from "../train/progress.ts";
export type { Best, TrainState } from "../train/state.ts";
export { Trainer } from "../train/trainer.ts";
export {
  type ModelChoice,
  planTrainer,
  type RestoreOptions,
  type TrainerOptions,
} from "../train/trainer-options.ts";
export type { CreateOptions } from "../train/trainer-parts.ts";
export type { TrainingPlan } from "../train/training-plan.ts";
export type { LossRow, StepRows } from "../train/training-run.ts";

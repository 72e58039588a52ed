/**
 * latentgrad/train: trains a model, and goes on from a checkpoint.
 */

export {
  betaSchedule,
  learningRateSchedule,
  type Progress,
  type Schedule,
  warmUp,
} from "../optim/schedules.ts";
export type { TermStatistics } from "../train/evaluation.ts";
export type { TrainProgress, TrainRange } from "../train/progress.ts";
export { Trainer } from "../train/trainer.ts";
export type { ModelChoice, RestoreOptions, TrainerOptions } from "../train/trainer-options.ts";
export type { CreateOptions } from "../train/trainer-parts.ts";

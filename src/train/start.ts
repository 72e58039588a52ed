import type { Device } from "../gpu/device.ts";
import type { Model } from "../models/model.ts";
import type { Plan } from "./plan.ts";

/** What is about to be trained, known before a device is opened. */
export interface TrainingStart {
  readonly model: string;
  readonly data: string;
  /** The run folder; undefined in a dry run, of which nothing is kept. */
  readonly out: string | undefined;
  /** Images of each part. */
  readonly training: number;
  readonly validation: number;
  readonly test: number;
  /** Images a step. */
  readonly batch: number;
  readonly epochs: number;
  /** Steps in an epoch. */
  readonly steps: number;
}

/** What it is trained with, known before anything is compiled. */
export interface TrainingMachine {
  /** Trainable values. */
  readonly parameters: number;
  readonly adapter: string;
  readonly runtime: string;
}

/** Work that no other progress tells of. */
export type Phase = "compiling" | "drawing figures";

export function startOf(plan: Plan, path: string): TrainingStart {
  const { options, entry, dataset, split, batch, epochs, steps } = plan;
  return {
    model: entry.name,
    data: dataset.name,
    out: options.dryRun ? undefined : path,
    training: split.train.length,
    validation: split.validation.length,
    test: dataset.test.count,
    ...{ batch, epochs, steps },
  };
}

export function machineOf(device: Device, model: Model): TrainingMachine {
  const { name, runtime } = device.adapter;
  return { parameters: parameterCount(model), adapter: name, runtime };
}

/** Trainable values of a model. */
export function parameterCount(model: Model): number {
  return model.parameters().reduce((sum, { tensor }) => sum + tensor.size, 0);
}

import type { Dataset } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import { HostRandom } from "../nn/initialisers.ts";
import type { SettingValue } from "../settings/setting.ts";
import { type DataShape, DEFAULT_SEED, dataShape, type ModelDefinition } from "./definition.ts";
import type { Model } from "./model.ts";

/** What a model is made of besides its name or class. */
export interface ModelOptions<S = Readonly<Record<string, SettingValue>>> {
  /** What it is made for: a data set, or the size of its images and the number of its classes. */
  readonly data: Dataset | DataShape;
  /** What is not given has its default, as on the command line. */
  readonly settings?: S | undefined;
  /** Of the initial weights: a whole number from 0 to 2⁵³ − 1. Default 1, as on the command line. */
  readonly seed?: number | undefined;
}

/** Makes a model with initial weights; of two that are made of the same, these are the same. */
export function buildModel(
  definition: ModelDefinition,
  device: Device,
  { data, settings = {}, seed = DEFAULT_SEED }: ModelOptions,
): Model {
  const shape = "train" in data ? dataShape(data) : data;
  return definition.build(device, new HostRandom(seed), shape, settings);
}

import type { Device } from "../gpu/device.ts";
import type { ModelClass } from "../models/definition.ts";
import { modelClasses } from "../models/registry.ts";
import type { TrainedModel } from "../models/trained-model.ts";
import { type LoadOptions, loadModelAs } from "./load-model.ts";
import type { CheckpointFile } from "./model-file.ts";

/** `loadModel` for a checkpoint of any model: all of them are in the bundle. */
export function loadAnyModel(
  device: Device,
  file: Uint8Array | CheckpointFile,
  options: LoadOptions = {},
): Promise<TrainedModel> {
  const classes: readonly ModelClass[] = Object.values(modelClasses);
  return loadModelAs("loadAnyModel", device, file, classes, options);
}

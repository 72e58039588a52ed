/**
 * Models and weights from files and to files, as bytes.
 *
 * @module latentgrad/checkpoints
 */

export {
  readSafetensors,
  type Safetensors,
  type SafetensorsDType,
  type SafetensorsTensor,
  writeSafetensors,
} from "../formats/safetensors.ts";
export {
  type Images,
  type InterpolationOptions,
  type SampleOptions,
  TrainedModel,
} from "../models/trained-model.ts";
export { type LoadOptions, loadModel, loadWeights, saveWeights } from "../train/load-model.ts";
export type { CheckpointFile } from "../train/model-file.ts";

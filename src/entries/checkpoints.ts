/**
 * Models and weights from files and to files, as bytes; ONNX.
 *
 * @module latentgrad/checkpoints
 */

export type { OnnxValue } from "../formats/onnx.ts";
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
export type { OnnxFile } from "../train/onnx/export.ts";
export { exportOnnx, type OnnxFiles } from "../train/onnx/export-model.ts";

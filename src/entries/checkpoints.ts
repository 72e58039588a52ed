/**
 * latentgrad/checkpoints: files of weights, as bytes.
 */

export {
  readSafetensors,
  type Safetensors,
  type SafetensorsDType,
  type SafetensorsTensor,
  writeSafetensors,
} from "../formats/safetensors.ts";

import { CheckpointError, NonFiniteError } from "../gpu/errors.ts";
import type { Model } from "../models/model.ts";
import type { Optimiser } from "../optim/optimiser.ts";
import { upload } from "../tensor/create.ts";
import { checkpointShape, fromCheckpoint, toCheckpoint } from "./checkpoint.ts";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "./safetensors.ts";

/** Optimiser arenas are kept beside the parameters under this prefix. */
const OPTIMISER = "optimiser.";

/**
 * Throws a NonFiniteError that names the first parameter or buffer with a NaN or an infinity after
 * that step.
 */
export async function requireFinite(model: Model, step: number): Promise<void> {
  for (const { name, tensor } of [...model.parameters(), ...model.buffers()])
    if (!(await tensor.data()).every(Number.isFinite))
      throw new NonFiniteError(name, step, "the parameter holds NaN or infinite values");
}

/**
 * A checkpoint: the model's parameters and buffers under their PyTorch names and layouts, and the
 * optimiser's state.
 */
export async function saveModel(
  model: Model,
  optimiser: Optimiser | undefined,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, tensor, layout } of [...model.parameters(), ...model.buffers()]) {
    const data = toCheckpoint(await tensor.data(), layout);
    tensors.set(name, { dtype: "F32", shape: checkpointShape(layout), data });
  }
  for (const [name, arena] of Object.entries(optimiser?.state() ?? {}))
    tensors.set(OPTIMISER + name, { dtype: "F32", shape: [arena.size], data: await arena.data() });
  return writeSafetensors(tensors, { ...metadata, format: "latentgrad" });
}

/**
 * Loads a checkpoint's parameters into a model.
 *
 * @throws CheckpointError for a damaged file, or one of a model of another kind or size
 */
export async function loadModel(
  model: Model,
  file: { readonly bytes: Uint8Array; readonly path: string },
): Promise<Readonly<Record<string, string>>> {
  const { tensors, metadata } = await readSafetensors(file.bytes, file.path);
  const loads: (() => void)[] = [];
  for (const { name, tensor, layout } of [...model.parameters(), ...model.buffers()]) {
    const found = tensors.get(name);
    if (!found)
      throw new CheckpointError(`${file.path}: there is no ${name}; is it of another model?`);
    const shape = checkpointShape(layout);
    if (found.dtype !== "F32" || `${found.shape}` !== `${shape}`)
      throw new CheckpointError(
        `${file.path}: ${name} is ${found.dtype} [${found.shape.join(", ")}], the model has F32 [${shape.join(", ")}]`,
      );
    const values = fromCheckpoint(found.data as Float32Array, layout);
    loads.push(() => upload(tensor.value, values));
  }
  // Nothing is changed unless everything fits.
  for (const load of loads) load();
  return metadata;
}

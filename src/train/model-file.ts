import { CheckpointError, NonFiniteError } from "../gpu/errors.ts";
import type { ImageShape, Model } from "../models/model.ts";
import type { NamedTensor } from "../nn/module.ts";
import type { Optimiser } from "../optim/optimiser.ts";
import type { WeightAverage } from "../optim/weight-average.ts";
import { upload } from "../tensor/create.ts";
import { checkpointShape, fromCheckpoint, toCheckpoint } from "./checkpoint.ts";
import {
  readSafetensors,
  type Safetensors,
  type SafetensorsTensor,
  writeSafetensors,
} from "./safetensors.ts";

/*
 * What a checkpoint holds: the model's parameters and buffers under their PyTorch names and layouts;
 * the moving average of the parameters, likewise, under `ema.`; and the optimiser's arenas, flat, under
 * `optimiser.`.
 */
const OPTIMISER = "optimiser.";
const AVERAGE = "ema.";

/** What changes while a model is trained. */
export interface Trainable {
  readonly model: Model;
  readonly optimiser?: Optimiser | undefined;
  readonly average?: WeightAverage | undefined;
}

/**
 * A checkpoint of everything as it is now.
 *
 * @param step for the error's message
 * @throws NonFiniteError naming a parameter, buffer or average that holds NaN or an infinity: such
 *   weights are never written
 */
export async function saveModel(
  { model, optimiser, average }: Trainable,
  metadata: Readonly<Record<string, string>>,
  step?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = new Map<string, SafetensorsTensor>();
  const add = (prefix: string, { name, layout }: NamedTensor, values: Float32Array) => {
    if (!values.every(Number.isFinite))
      throw new NonFiniteError(prefix + name, step, "the weights hold NaN or infinite values");
    const data = toCheckpoint(values, layout);
    tensors.set(prefix + name, { dtype: "F32", shape: checkpointShape(layout), data });
  };
  const named = [...model.parameters(), ...model.buffers()];
  const arenas = Object.entries(optimiser?.state() ?? {});
  // All copies are queued before the first is waited for: one round trip, one moment.
  const [values, states, averages] = await Promise.all([
    Promise.all(named.map(({ tensor }) => tensor.data())),
    Promise.all(arenas.map(([, tensor]) => tensor.data())),
    average && averagesOf(model, optimiser as Optimiser, average),
  ]);
  for (const [i, entry] of named.entries()) add("", entry, values[i] as Float32Array);
  for (const [i, [name]] of arenas.entries()) {
    const data = states[i] as Float32Array;
    tensors.set(OPTIMISER + name, { dtype: "F32", shape: [data.length], data });
  }
  for (const [entry, data] of averages ?? []) add(AVERAGE, entry, data);
  return writeSafetensors(tensors, { ...metadata, format: "latentgrad" });
}

/** The average of each parameter. */
async function averagesOf(
  model: Model,
  optimiser: Optimiser,
  average: WeightAverage,
): Promise<[NamedTensor, Float32Array][]> {
  const parts = optimiser.partsOf(await average.arena.data());
  return model.parameters().map((entry) => {
    const place = optimiser.parameters.findIndex(({ value }) => value === entry.tensor.value);
    return [entry, parts[place] as Float32Array];
  });
}

/** A checkpoint's bytes and where they come from. */
export interface CheckpointFile {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** Looks at a checkpoint's metadata before anything is changed; may throw. */
export type MetadataCheck = (metadata: Readonly<Record<string, string>>) => void;

/**
 * Loads a checkpoint's weights into a model: their moving average, where the checkpoint has one.
 *
 * @throws CheckpointError for a damaged file, or one of a model of another kind or size; nothing is
 *   changed then
 */
export async function loadModel(
  model: Model,
  file: CheckpointFile,
  check: MetadataCheck,
): Promise<void> {
  const found = await readSafetensors(file.bytes, file.path);
  check(found.metadata);
  const averaged = [...found.tensors.keys()].some((name) => name.startsWith(AVERAGE));
  const take = (entries: readonly NamedTensor[], prefix: string) =>
    entries.map((entry) => [entry, valuesOf(found, prefix, entry, file.path)] as const);
  const values = [
    ...take(model.parameters(), averaged ? AVERAGE : ""),
    ...take(model.buffers(), ""),
  ];
  for (const [{ tensor }, data] of values) upload(tensor.value, data);
}

/** Puts back everything that `saveModel` kept. Errors as `loadModel`'s. */
export async function restoreModel(
  { model, optimiser, average }: Trainable & { readonly optimiser: Optimiser },
  file: CheckpointFile,
  check: MetadataCheck,
): Promise<void> {
  const found = await readSafetensors(file.bytes, file.path);
  check(found.metadata);
  const parameters = model.parameters();
  const take = (entry: NamedTensor, prefix = "") => valuesOf(found, prefix, entry, file.path);
  const values = [...parameters, ...model.buffers()].map((entry) => [entry, take(entry)] as const);
  const averages = average && parameters.map((entry) => take(entry, AVERAGE));
  const states: Record<string, Float32Array> = {};
  for (const [name, { dtype, data }] of found.tensors) {
    if (!name.startsWith(OPTIMISER)) continue;
    if (dtype !== "F32") throw new CheckpointError(`${file.path}: ${name} is ${dtype}, not F32`);
    const values = data as Float32Array;
    if (!values.every(Number.isFinite))
      throw new CheckpointError(`${file.path}: ${name} holds NaN or infinite values`);
    states[name.slice(OPTIMISER.length)] = values;
  }
  try {
    optimiser.loadState(states);
  } catch (error) {
    if (error instanceof CheckpointError)
      throw new CheckpointError(`${file.path}: ${error.message}`);
    throw error;
  }
  for (const [{ tensor }, data] of values) upload(tensor.value, data);
  if (average && averages) {
    const arena = new Float32Array(average.arena.size);
    const parts = optimiser.partsOf(arena);
    for (const [i, { tensor }] of parameters.entries()) {
      const place = optimiser.parameters.findIndex(({ value }) => value === tensor.value);
      (parts[place] as Float32Array).set(averages[i] as Float32Array);
    }
    upload(average.arena.value, arena);
  }
}

/** A check that a checkpoint is of the model of that name. */
export function requireModel(name: string, path: string): MetadataCheck {
  return ({ model = "no model at all" }) => {
    if (model !== name)
      throw new CheckpointError(`${path}: a checkpoint of ${model}, expected one of ${name}`);
  };
}

/** A checkpoint's metadata. Throws CheckpointError for a damaged file. */
export async function readMetadata({
  bytes,
  path,
}: CheckpointFile): Promise<Readonly<Record<string, string>>> {
  return (await readSafetensors(bytes, path)).metadata;
}

/** A check that a checkpoint is of a model for images of that size. */
export function requireImage(image: ImageShape, path: string): MetadataCheck {
  const { height, width, channels } = image;
  const expected = JSON.stringify({ height, width, channels });
  return ({ image: found = "not said" }) => {
    if (found !== expected)
      throw new CheckpointError(`${path}: its image is ${found}, that of the run is ${expected}`);
  };
}

/** A tensor of the file in the engine's layout, if it is what the model has. */
function valuesOf(
  { tensors }: Safetensors,
  prefix: string,
  { name, layout }: NamedTensor,
  path: string,
): Float32Array {
  const found = tensors.get(prefix + name);
  if (!found)
    throw new CheckpointError(`${path}: there is no ${prefix}${name}; is it of another model?`);
  const shape = checkpointShape(layout);
  if (found.dtype !== "F32" || `${found.shape}` !== `${shape}`)
    throw new CheckpointError(
      `${path}: ${prefix}${name} is ${found.dtype} [${found.shape.join(", ")}], the model has F32 [${shape.join(", ")}]`,
    );
  const data = found.data as Float32Array;
  if (!data.every(Number.isFinite))
    throw new CheckpointError(`${path}: ${prefix}${name} holds NaN or infinite values`);
  return fromCheckpoint(data, layout);
}

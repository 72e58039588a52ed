import { quote } from "../formats/json.ts";
import {
  readSafetensors,
  type Safetensors,
  SafetensorsFile,
  shapeText,
} from "../formats/safetensors.ts";
import { isNot } from "../gpu/arguments.ts";
import { CheckpointError, NonFiniteError, UsageError } from "../gpu/errors.ts";
import type { Value } from "../gpu/value.ts";
import type { ImageShape, Model } from "../models/model.ts";
import type { NamedTensor } from "../nn/module.ts";
import type { Optimiser } from "../optim/optimiser.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkpointShape, fromCheckpoint, toCheckpoint } from "./checkpoint.ts";
import type { TrainedUpdate } from "./updates.ts";

/*
 * What a checkpoint holds: the model's parameters and buffers under their PyTorch names and layouts;
 * the moving average of the parameters, likewise, under `ema.`; and the optimiser's arenas, flat, under
 * `optimiser.`, or those of several optimisers under `optimiser.NAME.`.
 */
const OPTIMISER = "optimiser.";
const AVERAGE = "ema.";

/** What changes while a model is trained. */
export interface Trainable {
  readonly model: Model;
  /** What its updates keep; default nothing. */
  readonly trained?: readonly TrainedUpdate[];
}

/**
 * A checkpoint of everything as it is now.
 *
 * @param step for the error's message
 * @throws NonFiniteError naming a parameter, buffer or average that holds NaN or an infinity, or saying
 *   what the model finds wrong with the weights: such weights are never written
 */
export async function saveModel(
  { model, trained = [] }: Trainable,
  metadata: Readonly<Record<string, string>>,
  step?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const named = [...model.parameters(), ...model.buffers()];
  const kinds = new Map<string, { dtype: "F32"; shape: readonly number[] }>();
  const readings: Reading[] = [];
  const declare = (name: string, shape: readonly number[]) =>
    kinds.set(name, { dtype: "F32", shape });
  const put = (prefix: string, { name, layout }: NamedTensor, values: Float32Array) => {
    if (!values.every(Number.isFinite))
      throw new NonFiniteError(prefix + name, step, "the weights hold NaN or infinite values");
    toCheckpoint(values, layout, placeOf(prefix + name));
  };
  const weights = new Map<string, Float32Array>();
  for (const entry of named) {
    declare(entry.name, checkpointShape(entry.layout));
    const take = (values: Float32Array<ArrayBuffer>) => {
      put("", entry, values);
      if (model.validateWeights) weights.set(entry.name, values);
    };
    readings.push({ tensor: entry.tensor, take });
  }
  for (const each of trained) {
    const { optimiser, average } = each;
    for (const [own, tensor] of Object.entries(optimiser.state())) {
      const name = statePrefix(each, trained) + own;
      declare(name, [tensor.size]);
      readings.push({ tensor, take: (values) => placeOf(name).set(values) });
    }
    if (!average) continue;
    const entries = entriesOf(optimiser, model);
    for (const { name, layout } of entries) declare(AVERAGE + name, checkpointShape(layout));
    const take = (values: Float32Array<ArrayBuffer>) => {
      for (const [i, part] of optimiser.partsOf(values).entries()) put(AVERAGE, entries[i]!, part);
    };
    readings.push({ tensor: average.arena, take });
  }
  const file = new SafetensorsFile(kinds, { ...metadata, format: "latentgrad" });
  const placeOf = (name: string) => file.place(name) as Float32Array;
  for (const portion of portionsOf(readings)) {
    await takeAll(portion);
    portion[0]!.tensor.device.tidy(); // no step follows before the file is written
  }
  const reason = model.validateWeights?.(weights);
  if (reason !== undefined) throw new NonFiniteError("training", step, reason);
  return file.finish();
}

/** A tensor that is read, and what is done with its values. */
interface Reading {
  readonly tensor: Tensor;
  readonly take: (values: Float32Array<ArrayBuffer>) => void;
}

/**
 * Bytes that are read at once: enough that a round trip is little beside them, and little beside a large
 * model, whose copies would all be in memory together.
 */
const PORTION_BYTES = 2 ** 22;

/** Readings that follow one another, of so many bytes together, or one alone that has more. */
function portionsOf(readings: readonly Reading[]): Reading[][] {
  const portions: Reading[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const reading of readings) {
    const more = reading.tensor.value.bytes;
    bytes += more;
    if (bytes > PORTION_BYTES) {
      portions.push([]);
      bytes = more;
    }
    portions.at(-1)!.push(reading);
  }
  return portions;
}

async function takeAll(portion: readonly Reading[]): Promise<void> {
  const values = await Promise.all(portion.map(({ tensor }) => tensor.data()));
  for (const [i, { take }] of portion.entries()) take(values[i]!);
}

/** The parameters of an optimiser by their names in the model, in the optimiser's order. */
function entriesOf(optimiser: Optimiser, model: Model): NamedTensor[] {
  const byValue = new Map(model.parameters().map((entry) => [entry.tensor.value, entry]));
  return optimiser.parameters.map(({ value }) => byValue.get(value)!);
}

/** What the state of an update's optimiser is called in a checkpoint, up to its own name. */
function statePrefix({ update }: TrainedUpdate, all: readonly TrainedUpdate[]): string {
  return all.length === 1 ? OPTIMISER : `${OPTIMISER}${update.name}.`;
}

/** A checkpoint's bytes and where they come from. */
export interface CheckpointFile {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** A checkpoint that a program gives as bytes, or with where they come from. Throws UsageError. */
export function namedFile(op: string, file: Uint8Array | CheckpointFile): CheckpointFile {
  if (file instanceof Uint8Array) return { bytes: file, path: "checkpoint" };
  if (file?.bytes instanceof Uint8Array) return file;
  throw new UsageError(`${op}: ${isNot("file", file, "the bytes of a checkpoint, a Uint8Array")}`);
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
  takeWeights(model, found, file.path);
}

/** Loads the weights of a file that was read. Throws CheckpointError; nothing is changed then. */
export function takeWeights(model: Model, found: Safetensors, path: string): void {
  const averaged = [...found.tensors.keys()].some((name) => name.startsWith(AVERAGE));
  const take = (entries: readonly NamedTensor[], prefix: string) =>
    entries.map((entry) => [entry, valuesOf(found, prefix, entry, path)] as const);
  const values = [
    ...take(model.parameters(), averaged ? AVERAGE : ""),
    ...take(model.buffers(), ""),
  ];
  for (const [{ tensor }, data] of values) tensor.set(data);
}

/** Puts back everything that `saveModel` kept. Errors as `loadModel`'s. */
export async function restoreModel(
  { model, trained = [] }: Trainable,
  file: CheckpointFile,
  check: MetadataCheck,
): Promise<void> {
  const found = await readSafetensors(file.bytes, file.path);
  check(found.metadata);
  const parameters = model.parameters();
  const take = (entry: NamedTensor, prefix = "") => valuesOf(found, prefix, entry, file.path);
  const values = [...parameters, ...model.buffers()].map((entry) => [entry, take(entry)] as const);
  const averages = new Map<Value, Float32Array>();
  if (trained.some(({ average }) => average))
    for (const entry of parameters) averages.set(entry.tensor.value, take(entry, AVERAGE));
  const states = trained.map((each) => statesOf(found, statePrefix(each, trained), file.path));
  const surplus = [...found.tensors.keys()].find(
    (name) =>
      name.startsWith(OPTIMISER) &&
      !trained.some((each) => name.startsWith(statePrefix(each, trained))),
  );
  if (surplus !== undefined)
    throw new CheckpointError(`${file.path}: ${surplus} is of no optimiser of this model`);
  try {
    for (const [i, { optimiser }] of trained.entries()) optimiser.checkState(states[i]!);
  } catch (error) {
    if (error instanceof CheckpointError)
      throw new CheckpointError(`${file.path}: ${error.message}`);
    throw error;
  }
  for (const [i, { optimiser }] of trained.entries()) optimiser.loadState(states[i]!);
  for (const [{ tensor }, data] of values) tensor.set(data);
  for (const { optimiser, average } of trained) {
    if (!average) continue;
    const arena = new Float32Array(average.arena.size);
    for (const [i, part] of optimiser.partsOf(arena).entries())
      part.set(averages.get(optimiser.parameters[i]!.value)!);
    average.arena.set(arena);
  }
}

/** The state under a prefix, by its own names. */
function statesOf(
  { tensors }: Safetensors,
  prefix: string,
  path: string,
): Record<string, Float32Array> {
  const states: Record<string, Float32Array> = {};
  for (const [name, { dtype, data }] of tensors) {
    if (!name.startsWith(prefix)) continue;
    if (dtype !== "F32") throw new CheckpointError(`${path}: ${name} is ${dtype}, not F32`);
    const values = data as Float32Array;
    if (!values.every(Number.isFinite))
      throw new CheckpointError(`${path}: ${name} holds NaN or infinite values`);
    states[name.slice(prefix.length)] = values;
  }
  return states;
}

/** The model that a checkpoint is of, among those given. Throws CheckpointError naming it. */
export function modelNamed<T extends { readonly name: string }>(
  name: string | undefined,
  models: readonly T[],
  path: string,
): T {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name).join(", ");
  throw new CheckpointError(
    name === undefined
      ? `${path}: its metadata name no model, expected one of ${names}`
      : `${path}: a checkpoint of ${name}, expected one of ${names}`,
  );
}

/** A check that a checkpoint is of the model of that name. */
export function requireModel(name: string, path: string): MetadataCheck {
  return ({ model }) => {
    if (model === undefined)
      throw new CheckpointError(
        `${path}: its metadata name no model, expected {"model": "${name}"} as docs/python.md says`,
      );
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

/**
 * A check that a checkpoint is of a model for images of that size, where it says so: other writers need
 * not, and the shapes of its weights are checked in any case.
 */
export function requireImage(image: ImageShape, path: string): MetadataCheck {
  const { height, width, channels } = image;
  const expected = JSON.stringify({ height, width, channels });
  return ({ image: found }) => {
    if (found !== undefined && found !== expected)
      throw new CheckpointError(`${path}: its image is ${found}, that of the run is ${expected}`);
  };
}

/** A tensor of the file in the engine's layout, if it is what the model has. */
function valuesOf(
  { tensors, unread }: Safetensors,
  prefix: string,
  { name, layout }: NamedTensor,
  path: string,
): Float32Array {
  const found = tensors.get(prefix + name);
  const known = found ?? unread.get(prefix + name);
  if (!known) {
    const other = prefixed(prefix + name, [...tensors.keys(), ...unread.keys()]);
    throw new CheckpointError(`${path}: there is no ${prefix}${name}${other}`);
  }
  const shape = checkpointShape(layout);
  if (known.dtype !== "F32" || `${known.shape}` !== `${shape}`)
    throw new CheckpointError(
      `${path}: ${prefix}${name} is ${known.dtype} ${shapeText(known.shape)}, the model has F32 ${shapeText(shape)}`,
    );
  const data = found!.data as Float32Array;
  if (!data.every(Number.isFinite))
    throw new CheckpointError(`${path}: ${prefix}${name} holds NaN or infinite values`);
  return fromCheckpoint(data, layout);
}

/** What wrappers of PyTorch's put before the names of a state_dict, and how it is had without. */
const wrappers: Readonly<Record<string, string>> = {
  "module.": "of DataParallel; save model.module.state_dict()",
  "_orig_mod.": "of torch.compile; save model._orig_mod.state_dict()",
};

/** In words, why a name may be missing: it is there with something before it, or the model is another. */
function prefixed(name: string, names: readonly string[]): string {
  const longer = names.find((other) => other.endsWith(`.${name}`));
  if (longer === undefined) return "; is it of another model?";
  const before = longer.slice(0, -name.length);
  return `, but there is ${quote(longer)}: the names have the prefix ${wrappers[before] ?? "of something around the model"}`;
}

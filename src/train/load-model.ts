import { isObject, parseJson } from "../formats/json.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import { Allocations } from "../gpu/allocations.ts";
import { checkArray, checkDevice, checkObject, checkOptions, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { CheckpointError, UsageError } from "../gpu/errors.ts";
import { buildModel } from "../models/build.ts";
import {
  type DataShape,
  definitionOf,
  type ModelClass,
  type ModelDefinition,
  type SettingsOf,
} from "../models/definition.ts";
import { checkModel, type Model } from "../models/model.ts";
import { TrainedModel } from "../models/trained-model.ts";
import type { SettingValue } from "../settings/setting.ts";
import { completeSettings, parseSettings } from "../settings/settings.ts";
import {
  type CheckpointFile,
  modelNamed,
  namedFile,
  saveModel,
  takeWeights,
} from "./model-file.ts";
import { checkAttributes, checkClasses, checkCount, checkImage } from "./shape-facts.ts";
import { optionsIn } from "./state.ts";

/** What a file does not say that another program or an earlier version has written. */
export interface LoadOptions<S = Readonly<Record<string, SettingValue>>> {
  /** The model's settings; default: those in the file. */
  readonly settings?: S | undefined;
  /** What the model was made for; default: as the file says. */
  readonly data?: DataShape | undefined;
}

/**
 * The model that a checkpoint was trained on, with its weights: their moving average where the file has one.
 * It reads what `Trainer.checkpoint` and `latentgrad train` write.
 *
 * @param models the classes that it may be of: only these are in a bundle
 * @throws CheckpointError for a damaged file, one of another model, or one that does not say what the model
 *   is made of
 */
export async function loadModel<C extends ModelClass>(
  device: Device,
  file: Uint8Array | CheckpointFile,
  models: readonly C[],
  options: LoadOptions<SettingsOf<C>> = {},
): Promise<TrainedModel<InstanceType<C>>> {
  checkClassList("loadModel", models);
  return loadModelAs("loadModel", device, file, models, options);
}

function checkClassList(op: string, models: unknown): void {
  const wanted = "an array of classes, as [Vae]";
  checkArray(op, "models", models, wanted);
  if (models.length === 0) throw new UsageError(`${op}: models has no class, wanted ${wanted}`);
  for (const [i, model] of models.entries())
    if (typeof model !== "function" || !("description" in model))
      throw new UsageError(
        `${op}: ${isNot(`models[${i}]`, model, "the class of a model, as Vae")}`,
      );
}

/** @param op what errors call it */
export async function loadModelAs<C extends ModelClass>(
  op: string,
  device: Device,
  file: Uint8Array | CheckpointFile,
  models: readonly C[],
  options: LoadOptions<SettingsOf<C>>,
): Promise<TrainedModel<InstanceType<C>>> {
  checkDevice(op, device);
  checkOptions(op, options, { settings: "any?", data: "any?" });
  const { bytes, path } = namedFile(op, file);
  const found = await readSafetensors(bytes, path);
  const { metadata } = found;
  const entry = modelNamed(metadata.model, models.map(definitionOf), path);
  const data = options.data ?? shapeIn(metadata, entry, path);
  const { settings, seed } = settingsIn(metadata, entry, options.settings, path);
  const allocations = new Allocations(device);
  try {
    const model = allocations.of(() => buildIn(path, entry, device, { data, settings, seed }));
    model.train(false);
    takeWeights(model, found, path);
    return new TrainedModel(device, model as InstanceType<C>, data, metadata, () =>
      allocations.release(),
    );
  } catch (error) {
    allocations.release();
    throw error;
  }
}

/** A file's settings may be those of no model for its data. */
function buildIn(
  path: string,
  entry: ModelDefinition,
  device: Device,
  options: Parameters<typeof buildModel>[2],
): Model {
  try {
    return buildModel(entry, device, options);
  } catch (error) {
    if (error instanceof UsageError) throw new CheckpointError(`${path}: ${error.message}`);
    throw error;
  }
}

/** What the model of a checkpoint was made for. */
function shapeIn(
  metadata: Readonly<Record<string, string>>,
  { name, labels }: ModelDefinition,
  path: string,
): DataShape {
  const fail = (what: string): never => {
    throw new CheckpointError(`${path}: ${what}`);
  };
  const json = (key: string): unknown => {
    const text = metadata[key];
    if (text === undefined) return undefined;
    try {
      return parseJson(text);
    } catch {
      return fail(`its ${key} is no JSON`);
    }
  };
  const image = json("image");
  if (!isObject(image)) return fail("it does not say its image: give loadModel the option data");
  const vectors = metadata.vectors === "true";
  const size = checkImage({ ...image, ...(vectors ? { vectors } : {}) }, fail);
  const classes = checkClasses(json("classes"), fail).length;
  if (labels && classes < 2)
    fail(`${name} knows classes, and it does not say which: give loadModel the option data`);
  const images = checkCount(json("training_images"), fail);
  const attributes = checkAttributes(json("attributes"), fail);
  return { ...size, vectors, classes, attributes, ...(images === undefined ? {} : { images }) };
}

function settingsIn(
  metadata: Readonly<Record<string, string>>,
  entry: ModelDefinition,
  given: Readonly<Record<string, SettingValue | undefined>> | undefined,
  path: string,
): { settings: Readonly<Record<string, SettingValue>>; seed: number } {
  if (given) return { settings: completeSettings(entry, given), seed: 1 };
  if (metadata.options === undefined)
    throw new CheckpointError(
      `${path}: it does not say its settings: give loadModel the option settings`,
    );
  const { set, seed } = optionsIn(metadata, path);
  const texts = Object.entries(isObject(set) ? set : {}).map(([k, v]) => [k, String(v)] as const);
  try {
    const settings = parseSettings(entry, Object.fromEntries(texts));
    return { settings, seed: Number.isSafeInteger(seed) ? (seed as number) : 1 };
  } catch (error) {
    if (error instanceof UsageError) throw new CheckpointError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Puts a checkpoint's weights into a model: their moving average, where the file has one. Names and shapes
 * must be the model's; what else is in the file is left alone.
 *
 * @throws CheckpointError for a damaged file or one of another model; nothing is changed then
 */
export async function loadWeights(
  model: Model | TrainedModel,
  file: Uint8Array | CheckpointFile,
): Promise<void> {
  const into = modelOf("loadWeights", model);
  const { bytes, path } = namedFile("loadWeights", file);
  takeWeights(into, await readSafetensors(bytes, path), path);
}

/**
 * The weights of a model as a safetensors file, under PyTorch's names and in its layouts.
 *
 * @param metadata what the file says of them; default: what the file said that they came from
 * @throws NonFiniteError for weights that are NaN or infinite
 */
export async function saveWeights(
  model: Model | TrainedModel,
  metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const op = "saveWeights";
  const from = modelOf(op, model);
  if (metadata !== undefined) checkObject(op, "metadata", metadata, []);
  const own = model instanceof TrainedModel ? model.metadata : {};
  const { payload_sha256: _, header_sha256: __, format: ___, ...said } = metadata ?? own;
  return saveModel({ model: from }, said);
}

function modelOf(op: string, given: Model | TrainedModel): Model {
  const model = given instanceof TrainedModel ? given.model : given;
  checkModel(op, model);
  return model;
}

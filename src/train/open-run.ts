import { findDataset } from "../data/datasets.ts";
import { isObject, quote } from "../formats/json.ts";
import type { Device } from "../gpu/device.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { Host } from "../host/host.ts";
import { buildModel } from "../models/build.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { ImageShape, Model } from "../models/model.ts";
import { findModel, models } from "../models/registry.ts";
import { parseSettings, settingsProblem } from "../settings/settings.ts";
import { type GivenOptions, parseConfig, toTrainOptions } from "./config.ts";
import {
  type CheckpointFile,
  loadModel,
  readMetadata,
  requireImage,
  requireModel,
} from "./model-file.ts";
import type { TrainOptions } from "./options.ts";
import { RunFolder } from "./run-folder.ts";

/** Largest side of an image that a run can have. */
const LARGEST_SIDE = 4096;
const MOST_CHANNELS = 4;
const LONGEST_VECTOR = 65536;
const MOST_CLASSES = 65536;

/** A run's config.json, every field that is used checked. */
export interface RunConfig {
  /** As they were given: what `--resume` goes on with. */
  readonly given: GivenOptions;
  readonly options: TrainOptions;
  readonly entry: ModelDefinition;
  readonly image: ImageShape;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes: Readonly<Record<string, number>>;
  /** How many images it was trained on; undefined where that is not said. */
  readonly images: number | undefined;
  /** What else stands under `run`; unchecked. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A run that is opened to be looked at: its model with the weights of a checkpoint. */
export interface OpenRun {
  readonly device: Device;
  readonly model: Model;
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly checkpoint: {
    /** `best`, `last`, … */
    readonly name: string;
    readonly epoch: number;
    readonly step: number;
  };
}

/** Which checkpoint to take. */
export interface OpenRunOptions {
  /** Default: `best`, or `last` where there is none. */
  readonly checkpoint?: string | undefined;
}

/**
 * Opens a run folder's model on a device for the time that `body` takes.
 *
 * @throws UsageError, DataError or CheckpointError naming what is wrong with the folder
 */
export async function withRun<T>(
  path: string,
  options: OpenRunOptions,
  host: Host,
  body: (run: OpenRun) => Promise<T>,
): Promise<T> {
  const folder = await RunFolder.open(path, host);
  const config = await readRunConfig(folder);
  const found = await chooseCheckpoint(folder, options.checkpoint);
  // Before a model is built for images of the wrong size, which may be of any size.
  requireImage(config.image, found.file.path)(await readMetadata(found.file));
  const device = await openDevice({ collect: host.collect });
  try {
    const { entry } = config;
    const model = await modelOf(device, folder, config);
    model.train(false);
    const checkpoint = { name: found.name, epoch: 0, step: 0 };
    await loadModel(model, found.file, (metadata) => {
      requireModel(entry.name, found.file.path)(metadata);
      checkpoint.epoch = Number(metadata.epoch) || 0;
      checkpoint.step = Number(metadata.step) || 0;
    });
    return await body({ device, model, folder, config, checkpoint });
  } finally {
    device.close();
  }
}

/** Builds a run's model. Throws DataError naming config.json for facts that the model cannot have. */
async function modelOf(device: Device, folder: RunFolder, config: RunConfig): Promise<Model> {
  const { entry, image, classes, attributes, images, options } = config;
  const data = {
    ...image,
    classes: classes.length,
    attributes,
    ...(images === undefined ? {} : { images }),
  };
  const settings = parseSettings(entry, options.settings);
  try {
    return buildModel(entry, device, { data, settings, seed: options.seed });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { path } = await folder.readConfig();
    throw new DataError(`${path}: ${error.message}`);
  }
}

/** Names of checkpoints: no paths. */
const plainName = /^[A-Za-z0-9][\w.-]*$/;

async function chooseCheckpoint(
  folder: RunFolder,
  wanted: string | undefined,
): Promise<{ name: string; file: CheckpointFile }> {
  if (wanted !== undefined && !plainName.test(wanted))
    throw new UsageError(`--checkpoint ${quote(wanted)}: a name belongs here, as best or last`);
  const name = wanted ?? ((await folder.hasCheckpoint("best")) ? "best" : "last");
  return { name, file: await folder.readCheckpoint(name) };
}

/** Reads a run's config.json. Throws DataError naming the file and the field. */
export async function readRunConfig(folder: RunFolder): Promise<RunConfig> {
  const { text, path } = await folder.readConfig();
  const fail = (what: string): never => {
    throw new DataError(`${path}: ${what}`);
  };
  const { given, facts } = parseConfig(text, path, DataError);
  if (given.model === undefined) return fail("there is no name of a model in it");
  if (given.texts.data === undefined) return fail("there is no name of a data set in it");
  try {
    findDataset(given.texts.data);
    const entry = findModel(given.model, models);
    const problem = settingsProblem(entry, given.settings);
    if (problem !== undefined) return fail(`setting ${problem}`);
    if (!isObject(facts)) return fail("there is no run in it: what it was trained on");
    const options = toTrainOptions(given, () => folder.path);
    const image = checkImage(facts.image, fail);
    const classes = checkClasses(facts.classes, fail);
    const attributes = checkAttributes(facts.attributes, fail);
    if (entry.labels && classes.length < 2)
      return fail(`${entry.name} learns from classes, and run.classes has ${classes.length}`);
    const images = checkCount(facts.trainingImages, fail);
    return { given, options, entry, image, classes, attributes, images, facts };
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    throw error;
  }
}

function checkClasses(value: unknown, fail: (what: string) => never): readonly string[] {
  if (value === undefined) return []; // the names are of no use to a model without labels
  const sound =
    Array.isArray(value) &&
    value.length <= MOST_CLASSES &&
    value.every((name) => typeof name === "string");
  return sound ? (value as string[]) : fail(`classes is ${quote(value)}, expected names`);
}

function checkAttributes(
  value: unknown,
  fail: (what: string) => never,
): Readonly<Record<string, number>> {
  if (value === undefined) return {};
  const isCount = (n: unknown) =>
    Number.isInteger(n) && (n as number) >= 1 && (n as number) <= MOST_CLASSES;
  const sound = isObject(value) && Object.values(value).every(isCount);
  return sound
    ? (value as Record<string, number>)
    : fail(`attributes is ${quote(value)}, expected names with their numbers of values`);
}

function checkCount(value: unknown, fail: (what: string) => never): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 1))
    return value as number | undefined;
  return fail(`trainingImages is ${quote(value)}, expected a whole number from 1`);
}

function checkImage(value: unknown, fail: (what: string) => never): ImageShape {
  const image = isObject(value) ? value : {};
  for (const [name, most] of [
    ["height", LARGEST_SIDE],
    ["width", LARGEST_SIDE],
    ["channels", image.vectors === true ? LONGEST_VECTOR : MOST_CHANNELS],
  ] as const) {
    const size = image[name];
    if (!(Number.isInteger(size) && (size as number) >= 1 && (size as number) <= most))
      fail(`image ${name} is ${quote(size)}, expected a whole number from 1 to ${most}`);
  }
  const { vectors } = image;
  if (vectors !== undefined && typeof vectors !== "boolean")
    fail(`image vectors is ${quote(vectors)}, expected true or false`);
  return image as unknown as ImageShape;
}

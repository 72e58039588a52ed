import { findDataset } from "../data/datasets.ts";
import { isObject, parseJson, quote } from "../formats/json.ts";
import type { Device } from "../gpu/device.ts";
import { CheckpointError, DataError, UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { Host } from "../host/host.ts";
import { buildModel } from "../models/build.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { ImageShape, Model } from "../models/model.ts";
import { findModel, models } from "../models/registry.ts";
import { parseSettings, settingsProblem } from "../settings/settings.ts";
import { type GivenOptions, parseConfig, toTrainOptions } from "./config.ts";
import { LoneFile } from "./lone-file.ts";
import {
  type CheckpointFile,
  loadModel,
  readMetadata,
  requireImage,
  requireModel,
} from "./model-file.ts";
import type { TrainOptions } from "./options.ts";
import { RunFolder } from "./run-folder.ts";
import { checkAttributes, checkClasses, checkCount, checkImage } from "./shape-facts.ts";

/** A run's config.json, every field that is used checked. */
export interface RunConfig {
  /** The file that says it. */
  readonly path: string;
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
  /** Where its pictures go. */
  readonly folder: RunFolder | LoneFile;
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
  const { folder, config, found } =
    (await host.stat(path))?.kind === "file"
      ? await openFile(path, options, host)
      : await openFolder(path, options, host);
  // Before a model is built for images of the wrong size, which may be of any size.
  requireImage(config.image, found.file.path)(await readMetadata(found.file));
  const device = await openDevice({ collect: host.collect });
  try {
    const { entry } = config;
    const model = modelOf(device, config);
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

async function openFolder(path: string, options: OpenRunOptions, host: Host) {
  const folder = await RunFolder.open(path, host);
  const config = await readRunConfig(folder);
  return { folder, config, found: await chooseCheckpoint(folder, options.checkpoint) };
}

/** A checkpoint that lies anywhere, as a program has written it: it says itself what it is of. */
async function openFile(path: string, options: OpenRunOptions, host: Host) {
  if (options.checkpoint !== undefined)
    throw new UsageError(`--checkpoint ${options.checkpoint}: ${path} is a checkpoint itself`);
  const folder = new LoneFile(path, host);
  const file = { bytes: await host.readFile(path), path };
  const config = configInFile(await readMetadata(file), path);
  return { folder, config, found: { name: folder.name, file } };
}

/** Builds a run's model. Throws DataError naming config.json, or the lone file, for facts that the model cannot have. */
function modelOf(device: Device, config: RunConfig): Model {
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
    throw new DataError(`${config.path}: ${error.message}`);
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
  const { given, facts } = parseConfig(text, path, DataError);
  const fail = failing(DataError, path);
  modelName(given, fail);
  if (!isObject(facts)) return fail("there is no run in it: what it was trained on");
  return usable(fail, () => {
    findDataset(given.texts.data ?? fail("there is no name of a data set in it"));
    return checkConfig(given, facts, { path, out: folder.path, fail });
  });
}

/** What a checkpoint says of its run. Throws CheckpointError naming the file and the field. */
function configInFile(metadata: Readonly<Record<string, string>>, path: string): RunConfig {
  const fail = failing(CheckpointError, path);
  const json = (key: string) => {
    const text = metadata[key];
    if (text === undefined) return undefined;
    try {
      return parseJson(text);
    } catch {
      return fail(`its ${key} is no JSON`);
    }
  };
  const { given } = parseConfig(metadata.options ?? "{}", path, CheckpointError);
  const image = json("image");
  const { model = given.model } = metadata;
  const facts = {
    image: isObject(image) && metadata.vectors === "true" ? { ...image, vectors: true } : image,
    classes: json("classes"),
    attributes: json("attributes"),
    trainingImages: json("training_images"),
    trainingData: json("training_data"),
    earlierData: json("earlier_data"),
  };
  const about = { ...given, ...(model === undefined ? {} : { model }) };
  return usable(fail, () => checkConfig(about, facts, { path, out: path, fail }));
}

function failing(Failure: new (message: string) => Error, path: string) {
  return (what: string): never => {
    throw new Failure(`${path}: ${what}`);
  };
}

function usable<T>(fail: (what: string) => never, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    throw error;
  }
}

function modelName({ model }: GivenOptions, fail: (what: string) => never): string {
  return model ?? fail("there is no name of a model in it");
}

function checkConfig(
  given: GivenOptions,
  facts: Readonly<Record<string, unknown>>,
  {
    path,
    out,
    fail,
  }: { readonly path: string; readonly out: string; readonly fail: (what: string) => never },
): RunConfig {
  const entry = findModel(modelName(given, fail), models);
  const problem = settingsProblem(entry, given.settings);
  if (problem !== undefined) return fail(`setting ${problem}`);
  const options = toTrainOptions(given, () => out);
  const image = checkImage(facts.image, fail);
  const classes = checkClasses(facts.classes, fail);
  const attributes = checkAttributes(facts.attributes, fail);
  if (entry.labels && classes.length < 2)
    return fail(`${entry.name} learns from classes, and run.classes has ${classes.length}`);
  const images = checkCount(facts.trainingImages, fail);
  return { path, given, options, entry, image, classes, attributes, images, facts };
}

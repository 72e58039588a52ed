import { withoutTape } from "../autograd/tape.ts";
import { findDataset, loadDataset } from "../data/datasets.ts";
import { DeviceImages } from "../data/loader.ts";
import type { Dataset, Split } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { Host } from "../host/host.ts";
import type { ImageShape, Model } from "../models/model.ts";
import { findModel, type ModelDefinition, models } from "../models/registry.ts";
import { resolveSettings, settingsProblem } from "../models/settings.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import { Evaluation } from "../train/evaluation.ts";
import { loadModel } from "../train/model-file.ts";
import { RunFolder } from "../train/run-folder.ts";
import type { Trained } from "../train/train.ts";
import { type ImageBatch, imageGrid, pairGrid, tileGrid } from "./grid.ts";
import { latentGrid } from "./latent-grid.ts";
import { encodePng } from "./png.ts";

/** Images are decoded in portions, so that a large figure needs no large buffers. */
const PORTION = 64;
/** Largest side of an image that a run can have. */
const LARGEST_SIDE = 4096;
const MOST_CHANNELS = 4;
/** Random numbers of pictures and of evaluations are drawn from streams of their own. */
const SAMPLE_STREAM = 2000;

/** `sample`: decodes draws from the prior into a grid. */
export async function sample(
  run: string,
  options: { count: number; seed: number; out?: string },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, host, async ({ device, model, folder, image }) => ({
    figure: await drawSamples(device, model, image, folder, options),
  }));
}

/**
 * `reconstruct`: test images above their reconstructions, and the loss terms on the test images.
 * Terms are nats per sample, summed over pixels.
 */
export async function reconstruct(
  run: string,
  options: { count: number; dataDir?: string; out?: string },
  host: Host,
): Promise<{ figure: string; reconstruction: number; kl: number; n: number }> {
  return withRun(run, host, async ({ device, model, folder, image, config }) => {
    const dataDir = options.dataDir ?? config.dataDir;
    const source = { host, ...(dataDir === undefined ? {} : { dataDir }) };
    const dataset = await loadDataset(config.data, source);
    if (
      dataset.height !== image.height ||
      dataset.width !== image.width ||
      dataset.channels !== image.channels
    )
      throw new DataError(
        `${config.data}: images of ${dataset.height}×${dataset.width}×${dataset.channels}, the run has ${image.height}×${image.width}×${image.channels}`,
      );
    const test = new DeviceImages(device, dataset.test, dataset);
    const evaluation = await Evaluation.create(model, test, PORTION, [config.seed >>> 0, 0]);
    const terms = await evaluation.run();
    return {
      figure: await drawReconstructions(device, model, dataset, folder, options),
      reconstruction: terms.reconstruction ?? Number.NaN,
      kl: terms.kl ?? Number.NaN,
      n: dataset.test.count,
    };
  });
}

/** `manifold`: decodes a grid over the first two latent dimensions. */
export async function manifold(
  run: string,
  options: { size: number; out?: string },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, host, async ({ device, model, folder, image }) => ({
    figure: await drawManifold(device, model, image, folder, options),
  }));
}

/** The pictures that `train` leaves behind; returns their paths. */
export async function figuresAfterTraining(trained: Trained): Promise<string[]> {
  const { device, model, dataset, folder, seed } = trained;
  return [
    await drawReconstructions(device, model, dataset, folder, { count: 24 }),
    await drawSamples(device, model, dataset, folder, { count: 64, seed }),
    await drawManifold(device, model, dataset, folder, { size: 16 }),
  ];
}

interface OpenRun {
  readonly device: Device;
  readonly model: Model;
  readonly folder: RunFolder;
  readonly image: ImageShape;
  readonly config: RunConfig;
}

interface RunConfig {
  readonly model: string;
  readonly data: string;
  readonly dataDir?: string;
  readonly seed: number;
  readonly settings: Record<string, string>;
  readonly image: ImageShape;
}

async function withRun<T>(
  run: string,
  host: Host,
  body: (open: OpenRun) => Promise<T>,
): Promise<T> {
  const folder = await RunFolder.open(run, host);
  const { config, entry } = checkConfig(`${run}/config.json`, await folder.readConfig());
  const file = await folder.readCheckpoint();
  const device = await openDevice();
  try {
    const random = new HostRandom(config.seed);
    const settings = resolveSettings(entry, config.settings);
    const model = entry.build(device, random, config.image, settings);
    await loadModel(model, file);
    return await body({ device, model, folder, image: config.image, config });
  } finally {
    device.close();
  }
}

/** A run's configuration, every field that is used checked. Throws DataError naming the file. */
function checkConfig(
  file: string,
  config: Record<string, unknown>,
): { config: RunConfig; entry: ModelDefinition } {
  const fail = (what: string): never => {
    throw new DataError(`${file}: ${what}`);
  };
  const { model, data, dataDir, seed, settings } = config;
  if (typeof model !== "string") return fail("there is no name of a model in it");
  if (typeof data !== "string") return fail("there is no name of a data set in it");
  if (dataDir !== undefined && typeof dataDir !== "string") fail("dataDir is not a path");
  if (!isWhole(seed, 0, 2 ** 32 - 1)) fail(`seed is ${JSON.stringify(seed)}`);
  const image = (config.image ?? {}) as Record<string, unknown>;
  for (const [name, most] of [
    ["height", LARGEST_SIDE],
    ["width", LARGEST_SIDE],
    ["channels", MOST_CHANNELS],
  ] as const)
    if (!isWhole(image[name], 1, most))
      fail(
        `image ${name} is ${JSON.stringify(image[name])}, expected a whole number from 1 to ${most}`,
      );
  if (typeof settings !== "object" || settings === null || Array.isArray(settings))
    return fail("there are no settings in it");
  for (const [name, value] of Object.entries(settings))
    if (typeof value !== "string") fail(`setting ${name} is not text`);
  try {
    findDataset(data);
    const entry = findModel(model, models);
    const problem = settingsProblem(entry, settings as Record<string, string>);
    if (problem !== undefined) fail(`setting ${problem}`);
    return { config: config as unknown as RunConfig, entry };
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message);
    throw error;
  }
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

async function drawSamples(
  device: Device,
  model: Model,
  image: ImageShape,
  folder: RunFolder,
  options: { count: number; seed: number; out?: string },
): Promise<string> {
  const z = new HostRandom(options.seed, SAMPLE_STREAM).normal(options.count * model.latent);
  const picture = imageGrid(await decode(device, model, image, z, options.count));
  return folder.writeFigure("samples", await encodePng(picture), options.out);
}

async function drawReconstructions(
  device: Device,
  model: Model,
  dataset: Dataset,
  folder: RunFolder,
  options: { count: number; out?: string },
): Promise<string> {
  const count = Math.min(options.count, dataset.test.count);
  const originals = firstImages(dataset.test, dataset, count);
  const shape = [count, dataset.height, dataset.width, dataset.channels];
  const codes = scope(device, () =>
    withoutTape(() => model.encode(tensor(device, originals.values as Float32Array, shape))),
  );
  const decoded = await decode(device, model, dataset, await codes.data(), count);
  const picture = pairGrid(originals, decoded);
  return folder.writeFigure("reconstructions", await encodePng(picture), options.out);
}

async function drawManifold(
  device: Device,
  model: Model,
  image: ImageShape,
  folder: RunFolder,
  options: { size: number; out?: string },
): Promise<string> {
  const z = latentGrid(options.size, model.latent);
  const images = await decode(device, model, image, z, options.size ** 2);
  const picture = tileGrid(images, { columns: options.size });
  return folder.writeFigure("manifold", await encodePng(picture), options.out);
}

/** Decodes codes, [count, latent] row-major. */
async function decode(
  device: Device,
  model: Model,
  image: ImageShape,
  z: Float32Array,
  count: number,
): Promise<ImageBatch> {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const values = new Float32Array(count * size);
  for (let start = 0; start < count; start += PORTION) {
    const here = Math.min(PORTION, count - start);
    const codes = z.slice(start * model.latent, (start + here) * model.latent);
    const images = scope(device, () =>
      withoutTape(() => model.decode(tensor(device, codes, [here, model.latent]))),
    );
    values.set(await images.data(), start * size);
  }
  return { values, count, height, width, channels };
}

function firstImages(split: Split, image: ImageShape, count: number): ImageBatch {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const values = Float32Array.from(split.images.subarray(0, count * size), (byte) => byte / 255);
  return { values, count, height, width, channels };
}

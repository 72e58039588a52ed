import { withoutTape } from "../autograd/tape.ts";
import type { Download } from "../data/files.ts";
import { DeviceImages } from "../data/loader.ts";
import type { Dataset, Split } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import type { Host } from "../host/host.ts";
import { seedWords } from "../kernels/philox.ts";
import type { ImageShape, Model } from "../models/model.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import { Evaluation } from "../train/evaluation.ts";
import { loadRunData, withRun } from "../train/open-run.ts";
import type { RunFolder } from "../train/run-folder.ts";
import type { Trained } from "../train/train.ts";
import { type ImageBatch, imageGrid, pairGrid, tileGrid } from "./grid.ts";
import { latentGrid } from "./latent-grid.ts";
import { encodePng } from "./png.ts";

/** Images are decoded in portions, so that a large figure needs no large buffers. */
const PORTION = 64;
/** Random numbers of pictures and of evaluations are drawn from streams of their own. */
const SAMPLE_STREAM = 2000;

/** What every figure command takes. */
export interface FigureOptions {
  /** Which checkpoint; default: the best. */
  readonly checkpoint?: string;
  /** Where the figure goes; default: into the run folder. */
  readonly out?: string;
}

/** `sample`: decodes draws from the prior into a grid. */
export async function sample(
  run: string,
  options: FigureOptions & { readonly count: number; readonly seed: number },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config }) => ({
    figure: await drawSamples(device, model, config.image, folder, options),
  }));
}

/**
 * `reconstruct`: test images above their reconstructions, and the loss terms on the test images.
 * Terms are nats per sample, summed over pixels.
 */
export async function reconstruct(
  run: string,
  options: FigureOptions & { readonly count: number; readonly dataDir?: string },
  host: Host,
  onDownload?: (download: Download) => void,
): Promise<{ figure: string; reconstruction: number; kl: number; n: number }> {
  return withRun(run, options, host, async ({ device, model, folder, config }) => {
    const dataset = await loadRunData(config, { host, dataDir: options.dataDir, onDownload });
    const test = new DeviceImages(device, dataset.test, dataset);
    const seed = seedWords(config.options.seed);
    const evaluation = await Evaluation.create(model, test, PORTION, seed);
    const terms = await evaluation.run();
    return {
      figure: await drawReconstructions(device, model, dataset, folder, options),
      reconstruction: terms?.reconstruction?.mean ?? Number.NaN,
      kl: terms?.kl?.mean ?? Number.NaN,
      n: dataset.test.count,
    };
  });
}

/** `manifold`: decodes a grid over the first two latent dimensions. */
export async function manifold(
  run: string,
  options: FigureOptions & { readonly size: number },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config }) => ({
    figure: await drawManifold(device, model, config.image, folder, options),
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

import { balancedIndices, imagesAt } from "../data/image-batch.ts";
import { encodePng } from "../formats/png.ts";
import type { EventImage } from "../formats/tensorboard.ts";
import { Codec } from "../models/codec.ts";
import { readRunConfig } from "../train/open-run.ts";
import type { RunFolder } from "../train/run-folder.ts";
import type { Trained } from "../train/train.ts";
import { curvesSvg } from "./curves.ts";
import { type Drawing, writeDrawing } from "./drawing.ts";
import { drawScatter } from "./embed.ts";
import { type History, readHistory } from "./history.ts";
import { drawInterpolations } from "./interpolate.ts";
import { drawManifold } from "./manifold.ts";
import { drawReconstructions } from "./reconstruct.ts";
import { runName } from "./report-data.ts";
import { drawSamples } from "./sample.ts";
import { whole } from "./text.ts";
import { drawTraversal, orderDimensions, variancesOf } from "./traverse.ts";

/** Test images whose codes are looked at. */
const CODES = 2000;

const reconstructions = { count: 24 };
const samples = { count: 64 };
const manifold = { size: 16 };
const interpolation = { method: "lerp", rows: 6, steps: 10 } as const;
const traversal = { range: 3, steps: 11 };
const MOST_TRAVERSED = 16;

/** The pictures that `train` leaves behind; returns their paths. */
export async function figuresAfterTraining(trained: Trained): Promise<string[]> {
  const { device, model, dataset, folder, seed } = trained;
  const history = readHistory(await folder.readMetrics(), await readRunConfig(folder));
  const codec = new Codec(device, model, dataset);
  const { test } = dataset;
  const origin = originAfter(history, await folder.hasCheckpoint("best"));
  const write = (name: string, drawing: Drawing) => writeDrawing(folder, name, drawing, origin);
  const indices = balancedIndices(test, CODES);
  const codes = await codec.encode(imagesAt(test, dataset, indices));
  const { svg } = drawScatter(codes, dataset, indices, origin);
  const paths = [await writeSvg(folder, "latent.svg", svg)];
  if (model.decode && !dataset.vectors) {
    paths.push(
      await write("reconstructions", await drawReconstructions(codec, test, reconstructions)),
      await write("samples", await drawSamples(codec, { ...samples, seed })),
      model.latent === 2
        ? await write("manifold", await drawManifold(codec, manifold))
        : await write("traversal", await traverseUsed(codec, codes, indices.length)),
    );
    // A folder of the user's may have a single test image.
    if (test.count > 1) {
      const rows = await drawInterpolations(codec, test, { ...interpolation, seed });
      paths.push(await write("interpolation", rows));
    }
  }
  const curves = curvesSvg(history, runName(folder.path));
  if (curves) paths.push(await writeSvg(folder, "curves.svg", curves));
  return paths;
}

function writeSvg(folder: RunFolder, name: string, svg: string): Promise<string> {
  return folder.writeFigure(name, new TextEncoder().encode(svg));
}

function traverseUsed(codec: Codec, codes: Float32Array, count: number): Promise<Drawing> {
  const variances = variancesOf(codes, count);
  const dimensions = orderDimensions(codec.latent, MOST_TRAVERSED, variances);
  return drawTraversal(codec, dimensions, traversal);
}

function originAfter({ best, epochs, lastStep }: History, hasBest: boolean): string {
  const row = hasBest ? best : epochs.at(-1);
  const name = hasBest ? "best" : "last";
  const place = row ? `epoch ${whole(row.epoch)}, step ${whole(row.step)}` : `step ${lastStep}`;
  return `Weights: ${name} checkpoint, ${place}.`;
}

/** Pictures for TensorBoard by tag: the same images, none of the test part, and the same draws. */
export async function trainingPictures(trained: Trained): Promise<Record<string, EventImage>> {
  const { device, model, dataset, seed, watched } = trained;
  if (!model.decode || dataset.vectors) return {};
  const codec = new Codec(device, model, dataset);
  const pairs = await drawReconstructions(codec, watched, reconstructions);
  const draws = await drawSamples(codec, { ...samples, seed });
  return { reconstructions: await eventImage(pairs), samples: await eventImage(draws) };
}

async function eventImage({ picture, description }: Drawing): Promise<EventImage> {
  const { width, height } = picture;
  return { width, height, png: await encodePng(picture, description) };
}

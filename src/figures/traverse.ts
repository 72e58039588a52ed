import { balancedIndices, imagesAt } from "../data/image-batch.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { Codec } from "../models/codec.ts";
import { withRun } from "../train/open-run.ts";
import { loadRunData, type RunDataPlace, type RunDataWatch } from "../train/run-data.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { imageGrid } from "./grid.ts";
import { counted, short, whole } from "./text.ts";

/** Test images whose codes say how much a dimension is used. */
const USED_COUNT = 2000;

/** In which order the dimensions stand: the most used first, or as they are numbered. */
export const traversalOrders = ["used", "index"] as const;

export interface TraverseOptions {
  /** Most dimensions that are shown. */
  readonly dimensions: number;
  readonly order: (typeof traversalOrders)[number];
  /** Values go from −range to range. */
  readonly range: number;
  /** Values a dimension. */
  readonly steps: number;
}

/** One dimension that is shown. */
export interface TraversedDimension {
  /** From 1. */
  readonly dimension: number;
  /** Of the posterior mean over test images; where it was computed. */
  readonly variance?: number;
}

export interface Traversed {
  readonly figure: string;
  /** From the top row to the bottom one. */
  readonly dimensions: readonly TraversedDimension[];
}

/** `traverse`: one row of pictures for each latent dimension, which alone changes in it. */
export async function traverse(
  run: string,
  options: FigureOptions &
    TraverseOptions &
    RunDataPlace & {
      /** Number of a test image, from 0, whose code the other dimensions have; else they are 0. */
      readonly image?: number | undefined;
    },
  host: Host,
  told: RunDataWatch = {},
): Promise<Traversed> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    const codec = new Codec(device, model, config.image);
    const { image, order } = options;
    const dataset =
      order === "used" || image !== undefined
        ? await loadRunData(config, host, options, told)
        : undefined;
    if (dataset && image !== undefined && image >= dataset.test.count)
      throw new UsageError(
        `--image ${image}: the ${counted(dataset.test.count, "test image")} count from 0`,
      );
    const label = image === undefined ? 0 : (dataset?.test.labels[image] ?? 0);
    const encode = (indices: readonly number[]) =>
      codec.encode(imagesAt(dataset!.test, codec.image, indices));
    const used =
      dataset && order === "used" ? balancedIndices(dataset.test, USED_COUNT) : undefined;
    const variances = used && variancesOf(await encode(used), used.length);
    const base = image === undefined ? undefined : await encode([image]);
    const dimensions = orderDimensions(codec.latent, options.dimensions, variances);
    const drawing = await drawTraversal(codec, dimensions, { ...options, base, label });
    const origin = originOf(checkpoint);
    const figure = await writeDrawing(folder, "traversal", drawing, origin, options.out);
    return { figure, dimensions };
  });
}

/**
 * The dimensions to show, the most used first.
 *
 * @param variances of the posterior mean, by dimension; without them the order is that of the numbers
 */
export function orderDimensions(
  latent: number,
  most: number,
  variances?: Float64Array,
): TraversedDimension[] {
  const all = Array.from({ length: latent }, (_, i): TraversedDimension => {
    return variances ? { dimension: i + 1, variance: variances[i]! } : { dimension: i + 1 };
  });
  // A dimension that is not used, with variance 0, keeps its place among its like.
  return all.sort((a, b) => (b.variance ?? 0) - (a.variance ?? 0)).slice(0, most);
}

/**
 * One row for each dimension, which goes from −range to range, in deviations of the prior about its mean;
 * the others are as in `base`, or at the prior's mean.
 *
 * @param base [latent]
 */
export async function drawTraversal(
  codec: Codec,
  dimensions: readonly TraversedDimension[],
  options: Pick<TraverseOptions, "range" | "steps"> & {
    readonly base?: Float32Array | undefined;
    readonly image?: number | undefined;
    /** The class, of a model that is told one. Default 0. */
    readonly label?: number | undefined;
  },
): Promise<Drawing> {
  const { range, steps, base, image, label = 0 } = options;
  const { latent } = codec;
  const { mean, deviation, own } = await codec.priorScale(label);
  const z = new Float32Array(dimensions.length * steps * latent);
  for (const [row, { dimension }] of dimensions.entries())
    for (let i = 0; i < steps; i++) {
      const point = (row * steps + i) * latent;
      z.set(base ?? mean, point);
      const at = dimension - 1;
      z[point + at] = mean[at]! + deviation[at]! * range * ((2 * i) / (steps - 1) - 1);
    }
  const count = dimensions.length * steps;
  const images = await codec.decode(z, count, new Uint32Array(count).fill(label));
  const rows = dimensions.map(({ dimension }) => dimension).join(", ");
  const code = `as in the code of test image ${whole(image ?? 0)}`;
  const others = base ? code : own ? "at theirs" : "0";
  const way = own ? " deviations of the prior about its mean" : "";
  return {
    picture: imageGrid(images, { columns: steps }),
    description: `In each row one latent dimension goes from −${short(range)} to ${short(range)}${way}, and the others are ${others}. Dimensions from the top: ${rows}.`,
  };
}

/** The variance of each latent dimension over codes, [count, latent]; in float64. */
export function variancesOf(codes: Float32Array, count: number): Float64Array {
  const latent = codes.length / count;
  return Float64Array.from({ length: latent }, (_, dimension) => {
    const values = Array.from({ length: count }, (_, i) => codes[i * latent + dimension]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  });
}

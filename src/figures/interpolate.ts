import { imagesAt } from "../data/image-batch.ts";
import type { Split } from "../data/types.ts";
import { DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { Codec } from "../models/codec.ts";
import { type InterpolationMethod, interpolationRows } from "../models/interpolation.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { withRun } from "../train/open-run.ts";
import { loadRunData, type RunDataPlace, type RunDataWatch } from "../train/run-data.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { type ImageBatch, imageGrid } from "./grid.ts";
import { counted } from "./text.ts";

/** Pairs of test images are drawn from a stream of their own. */
const PAIR_STREAM = 2001;
/** Draws until a pair is of two classes; a set may have only one. */
const TRIES = 20;

/** Where the rows of `interpolate` begin and end. */
export const interpolationEnds = ["test", "prior"] as const;

export interface InterpolateOptions {
  readonly from: (typeof interpolationEnds)[number];
  readonly method: InterpolationMethod;
  readonly rows: number;
  /** Decoded pictures in a row, the ends included. */
  readonly steps: number;
  readonly seed: number;
}

/** `interpolate`: rows of pictures between two points of the latent space. */
export async function interpolate(
  run: string,
  options: FigureOptions & InterpolateOptions & RunDataPlace,
  host: Host,
  told: RunDataWatch = {},
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    const codec = new Codec(device, model, config.image);
    const test =
      options.from === "test" ? (await loadRunData(config, host, options, told)).test : undefined;
    const drawing = await drawInterpolations(codec, test, options);
    const origin = originOf(checkpoint);
    return { figure: await writeDrawing(folder, "interpolation", drawing, origin, options.out) };
  });
}

/**
 * Rows of decoded points between two codes: those of two images of `test`, which then stand at the
 * row's ends, or two draws from the prior.
 */
export async function drawInterpolations(
  codec: Codec,
  test: Split | undefined,
  options: Omit<InterpolateOptions, "from">,
): Promise<Drawing> {
  const { method, rows, steps, seed } = options;
  const pairs = test && choosePairs(test, rows, seed);
  const ends = test && pairs && imagesAt(test, codec.image, pairs);
  const codes = ends ? await codec.encode(ends) : await codec.draw(2 * rows, seed);
  const z = interpolationRows(codes, { rows, steps, latent: codec.latent }, method);
  // A class that is told does not change along a row: it is that of the row's first image.
  const labels = Uint32Array.from({ length: rows * steps }, (_, i) => {
    const row = Math.floor(i / steps);
    return ends?.labels?.[2 * row] ?? (2 * row) % Math.max(1, codec.classes);
  });
  const between = await codec.decode(z, rows * steps, labels);
  const way = `${method}, ${steps} points`;
  return ends
    ? {
        picture: withEnds(ends, between, rows, steps),
        description: `${counted(rows, "row")} from the code of one test image to that of another (${way}); the images themselves stand at the left and right ends.`,
      }
    : {
        picture: imageGrid(between, { columns: steps }),
        description: `${counted(rows, "row")} from one random point of the prior to another (${way}), seed ${seed}.`,
      };
}

/** Indices of two images for each row, of two classes where a few draws find such. */
export function choosePairs({ labels, count }: Split, rows: number, seed: number): number[] {
  if (count < 2) throw new DataError(`interpolate: ${count} test images are not two`);
  const random = new HostRandom(seed, PAIR_STREAM);
  const draw = () => Math.floor((random.uniform(1)[0] as number) * count);
  return Array.from({ length: rows }, () => {
    const first = draw();
    let second = draw();
    for (let i = 0; i < TRIES && labels[second] === labels[first]; i++) second = draw();
    return [first, second === first ? (first + 1) % count : second];
  }).flat();
}

/** Each row of `between` with its two images at its ends, apart from it. */
function withEnds(ends: ImageBatch, between: ImageBatch, rows: number, steps: number) {
  const size = between.values.length / between.count;
  const columns = steps + 2;
  const values = new Float32Array(rows * columns * size);
  for (let row = 0; row < rows; row++) {
    const place = (column: number) => (row * columns + column) * size;
    const image = (batch: ImageBatch, from: number, count = 1) =>
      batch.values.subarray(from * size, (from + count) * size);
    values.set(image(ends, 2 * row), place(0));
    values.set(image(between, row * steps, steps), place(1));
    values.set(image(ends, 2 * row + 1), place(columns - 1));
  }
  const grid = { ...between, values, count: rows * columns };
  return imageGrid(grid, { columns, breaks: [1, columns - 1] });
}

import { imagesAt } from "../data/image-batch.ts";
import type { Split } from "../data/types.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { Codec } from "../models/codec.ts";
import type { Model } from "../models/model.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { withRun } from "../train/open-run.ts";
import { loadRunData, type RunDataPlace, type RunDataWatch } from "../train/run-data.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { type ImageBatch, imageGrid } from "./grid.ts";
import { counted } from "./text.ts";

/** Contents and styles are drawn from a stream of their own. */
const SWAP_STREAM = 2002;
/** Draws for an image of a class that is not there yet; a set may have few. */
const TRIES = 20;

/** About the colour of a grid's background. */
const PAPER = 0.95;

export interface SwapOptions {
  /** Images that give the content, a row each. */
  readonly contents: number;
  /** Images that give the style, a column each. */
  readonly styles: number;
  readonly seed: number;
}

/** `swap`: each content with each style. */
export async function swap(
  run: string,
  options: FigureOptions & SwapOptions & RunDataPlace,
  host: Host,
  told: RunDataWatch = {},
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    if (model.content === undefined)
      throw new UsageError(
        `swap: ${config.entry.name} has no content apart from the style; dual-aae and cvae have`,
      );
    const codec = new Codec(device, model, config.image);
    const { test } = await loadRunData(config, host, options, told);
    const drawing = await drawSwaps(codec, model.content, test, options);
    const origin = originOf(checkpoint);
    return { figure: await writeDrawing(folder, "swap", drawing, origin, options.out) };
  });
}

/** A grid: contents at the left, styles at the top, and where they cross what has both. */
export async function drawSwaps(
  codec: Codec,
  content: NonNullable<Model["content"]>,
  test: Split,
  { contents, styles, seed }: SwapOptions,
): Promise<Drawing> {
  const random = new HostRandom(seed, SWAP_STREAM);
  const left = imagesAt(test, codec.image, chooseImages(test, contents, random));
  const top = imagesAt(test, codec.image, chooseImages(test, styles, random));
  const swapped = await swapStyles(codec, content, left, top);
  return {
    picture: crossGrid(left, top, swapped),
    description: `${counted(contents, "row")}: the content of the image at the left in the styles of the ${counted(styles, "image")} at the top. All are test images, seed ${seed}.`,
  };
}

/** Each content in each style: [contents · styles] images, content by content. */
export async function swapStyles(
  codec: Codec,
  content: NonNullable<Model["content"]>,
  contents: ImageBatch,
  styles: ImageBatch,
): Promise<ImageBatch> {
  const { latent } = codec;
  const [from, to] = [await codec.encode(contents), await codec.encode(styles)];
  const count = contents.count * styles.count;
  const z = new Float32Array(count * latent);
  const labels = new Uint32Array(count);
  const kept = content === "class" ? 0 : content;
  for (let i = 0; i < count; i++) {
    const row = Math.floor(i / styles.count);
    const column = i % styles.count;
    z.set(to.subarray(column * latent, (column + 1) * latent), i * latent);
    z.set(from.subarray(row * latent, row * latent + kept), i * latent);
    labels[i] = contents.labels?.[row] ?? 0;
  }
  return codec.decode(z, count, labels);
}

/** Images at random, of as many classes as a few draws find. */
function chooseImages({ labels, count }: Split, wanted: number, random: HostRandom): number[] {
  if (count < wanted) throw new DataError(`swap: ${count} test images are not ${wanted}`);
  const draw = () => Math.floor((random.uniform(1)[0] as number) * count);
  const chosen = new Set<number>();
  const classes = new Set<number>();
  while (chosen.size < wanted) {
    let index = draw();
    for (let i = 0; i < TRIES && classes.has(labels[index]!); i++) index = draw();
    while (chosen.has(index)) index = (index + 1) % count;
    chosen.add(index);
    classes.add(labels[index]!);
  }
  return [...chosen];
}

/** Images at the left and at the top of a table of others, apart from it; the corner stays empty. */
function crossGrid(left: ImageBatch, top: ImageBatch, table: ImageBatch) {
  const size = table.height * table.width * table.channels;
  const columns = top.count + 1;
  const count = columns * (left.count + 1);
  const values = new Float32Array(count * size).fill(PAPER, 0, size);
  values.set(top.values, size);
  for (let row = 0; row < left.count; row++) {
    const place = (row + 1) * columns * size;
    values.set(left.values.subarray(row * size, (row + 1) * size), place);
    const first = row * top.count * size;
    values.set(table.values.subarray(first, first + top.count * size), place + size);
  }
  return imageGrid({ ...table, values, count }, { columns, breaks: [1] });
}

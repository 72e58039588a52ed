import { preparePicture } from "../formats/picture.ts";
import {
  checkObject,
  checkOptions,
  checkWhole,
  isNot,
  type OptionRules,
} from "../gpu/arguments.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Dataset, Labels, Split } from "./types.ts";

/** A picture as a canvas gives it: `data` is [height, width, 4], red, green, blue and opacity. */
export interface CanvasPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** What pictures may be given as. */
export type OwnPictures = Uint8Array | Float32Array | Tensor | readonly CanvasPicture[];

/** What a set of own pictures is made of. */
export interface ImageSetOptions {
  /** Of every image; of canvas pictures and tensors it is known. */
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** 1, grey, or 3, red, green and blue. Of canvas pictures default 3. */
  readonly channels?: number | undefined;
  /** Class of each, counted from 0. */
  readonly labels?: ArrayLike<number> | undefined;
  /** Names of the classes; default their numbers. */
  readonly classNames?: readonly string[] | undefined;
  /** What errors and checkpoints call the set. Default `pictures`. */
  readonly name?: string | undefined;
}

const rules: OptionRules<ImageSetOptions> = {
  height: "number?",
  width: "number?",
  channels: "number?",
  labels: "any?",
  classNames: "any?",
  name: "text?",
};

const OP = "imageSet";

/**
 * A data set of own pictures, all of one size.
 *
 * @param pictures bytes from 0 to 255, [count, height, width, channels]; floats from 0 to 1 of that shape; a
 *   tensor of floats of that shape; or what canvases give (`ImageData`), which is laid on black where it is
 *   transparent
 * @throws UsageError and ShapeError that name what is wrong
 */
export async function imageSet(
  pictures: OwnPictures,
  options: ImageSetOptions = {},
): Promise<Dataset> {
  checkOptions(OP, options, rules);
  const { name = "pictures" } = options;
  const { images, height, width, channels } = await read(pictures, options);
  const count = images.length / (height * width * channels);
  if (!Number.isInteger(count) || count < 1)
    throw new ShapeError(
      OP,
      `${images.length} values are no images of ${height}×${width}×${channels}`,
    );
  const { labels, classNames } = classesOf(options, count);
  const none = images.subarray(0, 0);
  return {
    ...{ name, height, width, channels, classes: classNames.length, classNames },
    train: { images, labels, count } as Split,
    test: { images: none, labels: labels.subarray(0, 0), count: 0 } as Split,
  };
}

/** Images in memory, and their size. */
interface Read {
  readonly images: Uint8Array | Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

async function read(pictures: OwnPictures, options: ImageSetOptions): Promise<Read> {
  if (Array.isArray(pictures)) return readCanvas(pictures, options.channels ?? 3);
  if (pictures instanceof Tensor) {
    const { shape } = pictures;
    if (shape.length !== 4)
      throw new ShapeError(OP, `[${shape.join(", ")}] is not [count, height, width, channels]`);
    const [, height, width, channels] = shape as [number, number, number, number];
    return checkSize({ images: await pictures.data(), height, width, channels });
  }
  if (!(pictures instanceof Uint8Array || pictures instanceof Float32Array))
    throw new UsageError(
      `${OP}: ${isNot("pictures", pictures, "a Uint8Array, a Float32Array, a tensor or an array of ImageData")}`,
    );
  const { height, width, channels } = options;
  return checkSize({ images: pictures, height, width, channels } as Read);
}

function checkSize(read: Read): Read {
  for (const side of ["height", "width"] as const) checkWhole(OP, side, read[side], 1, 4096);
  checkWhole(OP, "channels", read.channels, 1, 4);
  const { images } = read;
  if (images instanceof Float32Array && !images.every((value) => value >= 0 && value <= 1))
    throw new UsageError(`${OP}: floats are values from 0 to 1, and some are not`);
  return read;
}

function readCanvas(pictures: readonly CanvasPicture[], channels: number): Read {
  const [first] = pictures;
  if (!first) throw new UsageError(`${OP}: there are no pictures`);
  if (channels !== 1 && channels !== 3)
    throw new UsageError(`${OP}: channels is ${channels}, wanted 1 or 3`);
  for (const [i, picture] of pictures.entries())
    checkObject(OP, `pictures[${i}]`, picture, ["width", "height", "data"]);
  const { width, height } = first;
  const size = height * width * channels;
  const images = new Uint8Array(pictures.length * size);
  for (const [i, picture] of pictures.entries()) {
    const { data } = picture; // what an ImageData has is its prototype's: it cannot be spread
    if (picture.width !== width || picture.height !== height || data?.length !== 4 * height * width)
      throw new ShapeError(
        OP,
        `picture ${i} is ${picture.width}×${picture.height}, the first ${width}×${height}`,
      );
    const pixels = new Uint8Array(data);
    const decoded = { width, height, samples: 4, grey: false, pixels } as const;
    images.set(preparePicture(decoded, { grey: channels === 1 }).pixels, i * size);
  }
  return checkSize({ images, height, width, channels });
}

function classesOf(
  { labels, classNames }: ImageSetOptions,
  count: number,
): { labels: Labels; classNames: readonly string[] } {
  if (labels === undefined) {
    if (classNames) throw new UsageError(`${OP}: classNames without labels`);
    return { labels: new Uint8Array(count), classNames: ["picture"] };
  }
  if (labels.length !== count)
    throw new ShapeError(OP, `${labels.length} labels for ${count} images`);
  const most = classNames ? classNames.length - 1 : 65535;
  const numbers = Array.from(labels);
  for (const label of numbers) checkWhole(OP, "a label", label, 0, most);
  const classes = 1 + numbers.reduce((a, b) => Math.max(a, b), 0);
  const names = classNames ?? Array.from({ length: classes }, (_, i) => String(i));
  return { labels: Uint16Array.from(numbers), classNames: names };
}

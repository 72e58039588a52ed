import type { ImageBatch } from "../data/image-batch.ts";
import type { Picture } from "../formats/png.ts";
import {
  checkObject,
  checkOptions,
  checkWhole,
  isNot,
  type OptionRules,
} from "../gpu/arguments.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { checkNumbers } from "../tensor/arguments.ts";

export type { ImageBatch } from "../data/image-batch.ts";

/** How a grid is laid out; lengths in pixels of the result. */
export interface GridOptions {
  /** Images in a row; the nearest to a square grid unless given. */
  readonly columns?: number;
  /** Whole factor by which each image is enlarged; about 56 pixels a side unless given. */
  readonly scale?: number;
  /** Between neighbouring images. */
  readonly gap?: number;
  /** Numbers of columns before which the gap is four times as wide. */
  readonly breaks?: readonly number[];
  /** Around the grid. */
  readonly margin?: number;
  /** RGB, 0 to 255. */
  readonly background?: readonly [number, number, number];
}

/** A warm off-white: dark and light images both stand out from it. */
const paper = [244, 243, 239] as const;

/** Images in rows, left to right and top to bottom. Throws ShapeError. */
export function imageGrid(images: ImageBatch, options: GridOptions = {}): Picture {
  check("imageGrid", images, options);
  const columns = options.columns ?? Math.ceil(Math.sqrt(images.count));
  const rows = Math.ceil(images.count / columns);
  const scale = options.scale ?? defaultScale(images);
  const gap = options.gap ?? 4;
  const margin = options.margin ?? 12;
  const cellWidth = images.width * scale + gap;
  const cellHeight = images.height * scale + gap;
  const { breaks = [] } = options;
  const extra = (column: number) => 3 * gap * breaks.filter((at) => at <= column).length;
  const page = blank(
    2 * margin + columns * cellWidth - gap + extra(columns - 1),
    2 * margin + rows * cellHeight - gap,
    options.background,
  );
  for (let i = 0; i < images.count; i++) {
    const column = i % columns;
    const x = margin + column * cellWidth + extra(column);
    const y = margin + Math.floor(i / columns) * cellHeight;
    draw(page, images, i, x, y, scale);
  }
  return page;
}

/**
 * Originals with their reconstructions right below them; the gap between two such pairs is three
 * times the gap within one. Both batches have the same shape. Throws ShapeError.
 */
export function pairGrid(
  originals: ImageBatch,
  reconstructions: ImageBatch,
  options: GridOptions = {},
): Picture {
  check("pairGrid", originals, options, "originals");
  check("pairGrid", reconstructions, options, "reconstructions");
  const same = (["count", "height", "width", "channels"] as const).every(
    (key) => originals[key] === reconstructions[key],
  );
  if (!same) {
    throw new ShapeError(
      "pairGrid",
      `originals ${shapeOf(originals)} and reconstructions ${shapeOf(reconstructions)} differ`,
    );
  }
  const columns = options.columns ?? Math.min(originals.count, 12);
  const rows = Math.ceil(originals.count / columns);
  const scale = options.scale ?? defaultScale(originals);
  const gap = options.gap ?? 4;
  const margin = options.margin ?? 12;
  const cellWidth = originals.width * scale + gap;
  const side = originals.height * scale;
  const cellHeight = 2 * side + gap + 3 * gap;
  const page = blank(
    2 * margin + columns * cellWidth - gap,
    2 * margin + rows * cellHeight - 3 * gap,
    options.background,
  );
  for (let i = 0; i < originals.count; i++) {
    const x = margin + (i % columns) * cellWidth;
    const y = margin + Math.floor(i / columns) * cellHeight;
    draw(page, originals, i, x, y, scale);
    draw(page, reconstructions, i, x, y + side + gap, scale);
  }
  return page;
}

/** Images edge to edge, for a manifold that reads as one surface. Throws ShapeError. */
export function tileGrid(images: ImageBatch, options: GridOptions = {}): Picture {
  check("tileGrid", images, options);
  return imageGrid(images, { gap: 0, ...options });
}

const optionRules: OptionRules<GridOptions> = {
  columns: "number?",
  scale: "number?",
  gap: "number?",
  breaks: "any?",
  margin: "number?",
  background: "any?",
};

function check(op: string, images: ImageBatch, options: GridOptions, name = "images"): void {
  checkObject(op, name, images, ["values", "count", "height", "width", "channels"]);
  const { values, count, height, width, channels } = images;
  if (!(values instanceof Float32Array))
    throw new UsageError(`${op}: ${isNot(`${name}.values`, values, "a Float32Array")}`);
  for (const [field, n] of Object.entries({ count, height, width }))
    checkWhole(op, `${name}.${field}`, n);
  if (channels !== 1 && channels !== 3)
    throw new ShapeError(op, isNot(`${name}.channels`, channels, "1 (grey) or 3 (RGB)"));
  if (values.length !== count * height * width * channels)
    throw new ShapeError(op, `${values.length} values for ${name} ${shapeOf(images)}`);
  checkOptions(op, options, optionRules);
  const { columns, scale, gap, margin, breaks, background } = options;
  for (const [option, n] of Object.entries({ columns, scale }))
    if (n !== undefined) checkWhole(op, `options.${option}`, n);
  for (const [option, n] of Object.entries({ gap, margin }))
    if (n !== undefined) checkWhole(op, `options.${option}`, n, 0);
  for (const [option, list] of Object.entries({ breaks, background }))
    if (list !== undefined) checkNumbers(op, `options.${option}`, list);
}

function shapeOf({ count, height, width, channels }: ImageBatch): string {
  return `[${count}, ${height}, ${width}, ${channels}]`;
}

function defaultScale({ height, width }: ImageBatch): number {
  return Math.max(1, Math.round(56 / Math.max(height, width)));
}

/** The background has a tint, so a grid is RGB even where its images are grey. */
function blank(
  width: number,
  height: number,
  background: readonly [number, number, number] = paper,
): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < pixels.length; i += 3) pixels.set(background, i);
  return { width, height, channels: 3, pixels };
}

function draw(
  page: Picture,
  images: ImageBatch,
  index: number,
  left: number,
  top: number,
  scale: number,
): void {
  const { height, width, channels, values } = images;
  const first = index * height * width * channels;
  for (let y = 0; y < height * scale; y++) {
    for (let x = 0; x < width * scale; x++) {
      const from = first + (Math.floor(y / scale) * width + Math.floor(x / scale)) * channels;
      const to = ((top + y) * page.width + left + x) * 3;
      for (let c = 0; c < 3; c++) {
        page.pixels[to + c] = toByte(values[from + (channels === 3 ? c : 0)]!);
      }
    }
  }
}

/** 0…1 to 0…255, rounded; beyond the range is clamped, and NaN is black. */
function toByte(value: number): number {
  return value > 0 ? Math.min(255, Math.round(value * 255)) : 0;
}

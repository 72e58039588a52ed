import type { Split } from "./types.ts";

/** A batch of images with values from 0 to 1: `values` is [count, height, width, channels]. */
export interface ImageBatch {
  readonly values: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** 1 (grey) or 3 (RGB) */
  readonly channels: number;
  /** Class of each, where it is known. */
  readonly labels?: Uint32Array;
}

/** Pixels and numbers a pixel. */
type ImageSize = Pick<ImageBatch, "height" | "width" | "channels">;

/** The images at some indices, scaled to [0, 1]. */
export function imagesAt(split: Split, image: ImageSize, indices: readonly number[]): ImageBatch {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const values = new Float32Array(indices.length * size);
  const scale = split.images instanceof Uint8Array ? 1 / 255 : 1;
  for (const [to, from] of indices.entries())
    for (let i = 0; i < size; i++) values[to * size + i] = split.images[from * size + i]! * scale;
  const labels = Uint32Array.from(indices, (index) => split.labels[index]!);
  return { values, count: indices.length, height, width, channels, labels };
}

/** The first indices of a split, at most `count`. */
export function firstIndices(split: Split, count: number): number[] {
  return Array.from({ length: Math.min(count, split.count) }, (_, i) => i);
}

/** Indices of at most `count` images, ascending: the first of each class, as evenly as there are. */
export function balancedIndices({ labels }: Split, count: number): number[] {
  const places = new Map<number, number>();
  // The place of each image among those of its class decides: first all first ones, then all second.
  const ranked = Array.from(labels, (label, index) => {
    const place = places.get(label) ?? 0;
    places.set(label, place + 1);
    return { index, place };
  });
  return ranked
    .sort((a, b) => a.place - b.place || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}

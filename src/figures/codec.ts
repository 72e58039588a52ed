import { withoutTape } from "../autograd/tape.ts";
import type { Split } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import type { ImageShape, Model } from "../models/model.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ImageBatch } from "./grid.ts";

/** Images are encoded and decoded in portions, so that a large figure needs no large buffers. */
const PORTION = 64;

/**
 * A model's encoder and decoder for values on the host. All portions have one size, since every shape
 * has kernels of its own to compile; the last is filled up with zeros.
 */
export class Codec {
  constructor(
    private readonly device: Device,
    private readonly model: Model,
    readonly image: ImageShape,
  ) {}

  /** Latent dimensions. */
  get latent(): number {
    return this.model.latent;
  }

  /** Means of the posterior, [count, latent]. */
  encode({ values, count }: ImageBatch): Promise<Float32Array> {
    const { height, width, channels } = this.image;
    const shape = [height, width, channels];
    return this.map(values, count, shape, this.latent, (x) => this.model.encode(x));
  }

  /** Images in [0, 1]. z: [count, latent] */
  async decode(z: Float32Array, count: number): Promise<ImageBatch> {
    const { height, width, channels } = this.image;
    const size = height * width * channels;
    const decode = (codes: Tensor) => this.model.decode(codes);
    const values = await this.map(z, count, [this.latent], size, decode);
    return { values, count, height, width, channels };
  }

  /** [count, …shape] → [count, size], portion by portion. */
  private async map(
    values: Float32Array,
    count: number,
    shape: readonly number[],
    size: number,
    apply: (x: Tensor) => Tensor,
  ): Promise<Float32Array> {
    const { device } = this;
    const each = values.length / count;
    const result = new Float32Array(count * size);
    for (let start = 0; start < count; start += PORTION) {
      const portion = new Float32Array(PORTION * each);
      portion.set(values.subarray(start * each, (start + PORTION) * each));
      const y = scope(device, () =>
        withoutTape(() => apply(tensor(device, portion, [PORTION, ...shape]))),
      );
      const here = Math.min(PORTION, count - start);
      result.set((await y.data()).subarray(0, here * size), start * size);
    }
    return result;
  }
}

/** The images at some indices, scaled to [0, 1]. */
export function imagesAt(split: Split, image: ImageShape, indices: readonly number[]): ImageBatch {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const values = new Float32Array(indices.length * size);
  for (const [to, from] of indices.entries())
    for (let i = 0; i < size; i++) values[to * size + i] = split.images[from * size + i]! / 255;
  return { values, count: indices.length, height, width, channels };
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

import { noGrad } from "../autograd/tape.ts";
import type { ImageBatch } from "../data/image-batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { evaluating, type ImageShape, type Model } from "./model.ts";

/** Images are encoded and decoded in portions, so that a large figure needs no large buffers. */
const PORTION = 64;

/** Random points of the prior are drawn from a stream of their own. */
const SAMPLE_STREAM = 2000;

/** Draws that the scale of a model's own prior is taken from. */
const SCALE_DRAWS = 1024;

/** How far a prior reaches in each dimension. */
export interface PriorScale {
  /** [latent] */
  readonly mean: Float64Array;
  /** [latent] */
  readonly deviation: Float64Array;
  /** It is not that of N(0, I). */
  readonly own: boolean;
}

/**
 * A model's encoder, decoder and prior for values on the host, in evaluation mode. All portions have one
 * size, since every shape has kernels of its own to compile; the last is filled up with zeros.
 *
 * A model that knows classes is told one for each image or code: its own, or else those of all classes in
 * turn.
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

  /** Classes that the model knows; 0 where it knows none. */
  get classes(): number {
    return this.model.classes ?? 0;
  }

  /** Means of the posterior, [count, latent]. */
  encode({ values, count, labels }: ImageBatch): Promise<Float32Array> {
    const { height, width, channels } = this.image;
    const inputs = [{ values, shape: [height, width, channels] }];
    return this.map(inputs, count, this.latent, labels, ([x], label) =>
      this.model.encode({ x: x as Tensor, ...(label ? { label } : {}) }),
    );
  }

  /** Images in [0, 1]. z: [count, latent] */
  async decode(z: Float32Array, count: number, labels?: Uint32Array): Promise<ImageBatch> {
    const { height, width, channels } = this.image;
    const { model } = this;
    if (!model.decode) throw new UsageError("the model has no decoder: it makes no pictures");
    if (this.image.vectors) throw new UsageError("the data are vectors: there are no pictures");
    const inputs = [{ values: z, shape: [this.latent] }];
    const values = await this.map(
      inputs,
      count,
      height * width * channels,
      labels,
      ([code], label) => model.decode!(code as Tensor, label),
    );
    return { values, count, height, width, channels, ...(labels ? { labels } : {}) };
  }

  /** Draws from the prior, [count, latent]: the same for the same seed. */
  async draw(count: number, seed: number, labels?: Uint32Array): Promise<Float32Array> {
    const random = new HostRandom(seed, SAMPLE_STREAM);
    const { prior } = this.model;
    const normal = random.normal(count * (prior?.noise ?? this.latent));
    if (!prior) return normal;
    const inputs = [
      { values: normal, shape: [prior.noise] },
      { values: random.uniform(count), shape: [1] },
    ];
    return this.map(inputs, count, this.latent, labels, ([noise, uniform], label) =>
      prior.draw(noise as Tensor, uniform as Tensor, label),
    );
  }

  /**
   * Mean and deviation of each dimension under the prior: 0 and 1, or of a model with a prior of its own
   * what 1,024 draws have.
   *
   * @param label the class, of a model whose prior depends on it
   */
  async priorScale(label = 0): Promise<PriorScale> {
    const { latent, model } = this;
    const mean = new Float64Array(latent);
    if (!model.prior) return { mean, deviation: new Float64Array(latent).fill(1), own: false };
    const draws = await this.draw(SCALE_DRAWS, 1, new Uint32Array(SCALE_DRAWS).fill(label));
    const squares = new Float64Array(latent);
    draws.forEach((z, i) => {
      mean[i % latent]! += z / SCALE_DRAWS;
    });
    draws.forEach((z, i) => {
      squares[i % latent]! += (z - mean[i % latent]!) ** 2 / SCALE_DRAWS;
    });
    return { mean, deviation: squares.map(Math.sqrt), own: true };
  }

  /** [count, …shape] each → [count, size], portion by portion. */
  private async map(
    inputs: readonly { readonly values: Float32Array; readonly shape: readonly number[] }[],
    count: number,
    size: number,
    labels: Uint32Array | undefined,
    apply: (inputs: readonly Tensor[], label: Tensor<"u32"> | undefined) => Tensor,
  ): Promise<Float32Array> {
    const { device, model, classes } = this;
    const result = new Float32Array(count * size);
    for (let start = 0; start < count; start += PORTION) {
      const y = scope(device, () =>
        noGrad(() => {
          const portions = inputs.map(({ values, shape }) => {
            const each = values.length / count;
            const portion = new Float32Array(PORTION * each);
            portion.set(values.subarray(start * each, (start + PORTION) * each));
            return tensor(device, portion, [PORTION, ...shape]);
          });
          const classOf = (_: unknown, i: number) => labels?.[start + i] ?? (start + i) % classes;
          const label =
            classes > 0
              ? tensor(device, Uint32Array.from({ length: PORTION }, classOf))
              : undefined;
          return evaluating(model, () => apply(portions, label));
        }),
      );
      const here = Math.min(PORTION, count - start);
      result.set((await y.data()).subarray(0, here * size), start * size);
      device.release(y.value);
    }
    return result;
  }
}

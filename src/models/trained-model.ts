import { checkImage } from "../data/arguments.ts";
import { type ImageBatch, imagesAt } from "../data/image-batch.ts";
import type { Dataset, Split } from "../data/types.ts";
import { checkDevice, checkObject, checkOptions, checkWhole, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { Shown } from "../gpu/shown.ts";
import { Codec } from "./codec.ts";
import { DEFAULT_SEED } from "./definition.ts";
import { type InterpolationMethod, interpolationRows, interpolations } from "./interpolation.ts";
import { checkModel, type ImageShape, type Model } from "./model.ts";

/** Images as programs have them: a part of a data set, or values from 0 to 1. */
export type Images = ImageBatch | Split | Dataset;

/** Which images are drawn from a model. */
export interface SampleOptions {
  /** Of the codes that are drawn: the same seed gives the same images. Default 1. */
  readonly seed?: number | undefined;
  /** Classes, [count], of a model that knows classes. Default: all in turn. */
  readonly labels?: Uint32Array | undefined;
}

/** How codes lead from one image to another. */
export interface InterpolationOptions {
  /** Images in a row, both ends included. Default 8. */
  readonly steps?: number | undefined;
  /** `lerp`, along the line, or `slerp`, along the arc. Default `lerp`. */
  readonly method?: InterpolationMethod | undefined;
}

/**
 * A model with weights that were trained, for images on the host. Images come out in [0, 1], never as
 * logits. All of it is in evaluation mode.
 */
export class TrainedModel<M extends Model = Model> extends Shown {
  private readonly codec: Codec;

  /**
   * @param image the size of its images
   * @param metadata what the file says that the weights are from
   * @param release what `close` does: it gives the model's buffers back; default nothing
   */
  constructor(
    /** Where its weights are. */
    readonly device: Device,
    /** The network itself, for ops of one's own. */
    readonly model: M,
    readonly image: ImageShape,
    readonly metadata: Readonly<Record<string, string>> = {},
    private readonly release?: () => void,
  ) {
    super();
    const op = "trainedModel";
    checkDevice(op, device);
    checkModel(op, model);
    checkImage(op, image);
    checkObject(op, "metadata", metadata, []);
    this.codec = new Codec(device, model, image);
  }

  override toString(): string {
    const { height, width, channels } = this.image;
    return `Trained ${this.metadata.model ?? "model"} of ${height}×${width}×${channels}`;
  }

  /** Latent dimensions. */
  get latent(): number {
    return this.model.latent;
  }

  /**
   * Images decoded from draws from the prior.
   *
   * @returns `values` is [count, height, width, channels]
   * @throws UsageError for a model without a decoder, or of vectors
   */
  async sample(count: number, options: SampleOptions = {}): Promise<ImageBatch> {
    checkWhole("sample", "count", count);
    checkOptions("sample", options, { seed: "number?", labels: "any?" });
    const { seed = DEFAULT_SEED, labels } = options;
    checkWhole("sample", "seed", seed, 0);
    if (labels && labels.length !== count)
      throw new ShapeError("sample", `${labels.length} labels for ${count} images`);
    return this.codec.decode(await this.codec.draw(count, seed, labels), count, labels);
  }

  /** The means of the posterior: [count, latent]. */
  async encode(images: Images): Promise<Float32Array> {
    return this.codec.encode(imagesOf("encode", images, this.image));
  }

  /**
   * Images of codes.
   *
   * @param codes [count, latent]
   * @param labels [count], of a model that knows classes. Default: all classes in turn
   */
  async decode(codes: Float32Array, labels?: Uint32Array): Promise<ImageBatch> {
    if (!(codes instanceof Float32Array))
      throw new UsageError(`decode: ${isNot("codes", codes, "a Float32Array, [count, latent]")}`);
    const count = codes.length / this.latent;
    if (labels !== undefined && !(labels instanceof Uint32Array))
      throw new UsageError(`decode: ${isNot("labels", labels, "a Uint32Array, [count]")}`);
    if (!Number.isInteger(count))
      throw new ShapeError(
        "decode",
        `codes are [count, ${this.latent}], got ${codes.length} values`,
      );
    return this.codec.decode(codes, count, labels);
  }

  /** What the decoder makes of the means of the posterior of each image. */
  async reconstruct(images: Images): Promise<ImageBatch> {
    const given = imagesOf("reconstruct", images, this.image);
    return this.codec.decode(await this.codec.encode(given), given.count, given.labels);
  }

  /**
   * Rows of images from one to another: of the first image to the second, of the third to the fourth, …
   *
   * @returns [images / 2 · steps] images, row by row
   */
  async interpolate(images: Images, options: InterpolationOptions = {}): Promise<ImageBatch> {
    checkOptions("interpolate", options, { steps: "number?", method: "text?" });
    const { steps = 8, method = "lerp" } = options;
    checkWhole("interpolate", "steps", steps, 2);
    if (!Object.hasOwn(interpolations, method))
      throw new UsageError(
        `interpolate: method is "${method}", wanted ${Object.keys(interpolations).join(" or ")}`,
      );
    const ends = imagesOf("interpolate", images, this.image);
    const rows = ends.count / 2;
    if (!Number.isInteger(rows) || rows < 1)
      throw new ShapeError("interpolate", `${ends.count} images, wanted pairs of images`);
    const codes = await this.codec.encode(ends);
    const z = interpolationRows(codes, { rows, steps, latent: this.latent }, method);
    // A class that is told does not change along a row: it is that of the row's first image.
    const labels = Uint32Array.from(
      { length: rows * steps },
      (_, i) => ends.labels?.[2 * Math.floor(i / steps)] ?? 0,
    );
    return this.codec.decode(z, rows * steps, labels);
  }

  /** Gives the model's buffers back; it cannot be used any more. */
  close(): void {
    this.release?.();
  }
}

/** Images as values from 0 to 1. Throws UsageError or ShapeError. */
function imagesOf(op: string, images: Images, image: ImageShape): ImageBatch {
  const { height, width, channels } = image;
  const size = height * width * channels;
  const part =
    (images as Partial<Dataset> | null)?.train ?? (images as Partial<ImageBatch & Split>);
  const { count, values, images: stored } = (part ?? {}) as Partial<ImageBatch & Split>;
  const data = values ?? stored;
  if (!data || !Number.isInteger(count))
    throw new UsageError(
      `${op}: ${isNot("images", images, "a part of a data set, or { values, count, height, … }")}`,
    );
  if (data.length !== count! * size)
    throw new ShapeError(
      op,
      `${count} images of ${data.length} values, the model has ${height}×${width}×${channels}`,
    );
  if (values) return part as ImageBatch;
  const all = Array.from({ length: count! }, (_, i) => i);
  return imagesAt(part as Split, image, all);
}

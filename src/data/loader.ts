import { gather, gatherParts } from "../autograd/ops/indexing.ts";
import { batchIndices, checkSeed } from "../autograd/ops/random.ts";
import { checkDevice, checkText, checkWhole, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { checkTensors } from "../tensor/arguments.ts";
import { bytes, variable } from "../tensor/create.ts";
import { formatShape, type Tensor } from "../tensor/tensor.ts";
import { checkImage, checkSplit } from "./arguments.ts";
import type { Batch } from "./batch.ts";
import type { Labels, Split } from "./types.ts";

/** Pixels and numbers a pixel. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Images that live on the device as bytes, and their labels; batches are gathered and scaled to [0, 1]
 * there. Vectors live there as floats. Where all are more than one buffer may hold, they are in
 * several, each of whole images.
 */
export class DeviceImages {
  /** How many images. */
  readonly count: number;
  /** One behind the other, [count of the part, height, width, channels] each. */
  private readonly parts: readonly Tensor<"f32" | "u8">[];
  private readonly labels: Tensor<"u32">;
  private readonly attributes: Readonly<Record<string, Tensor<"u32">>>;
  private readonly factors: Tensor | undefined;

  constructor(
    /** Where they are. */
    readonly device: Device,
    split: Split,
    image: ImageSize,
    /** What errors call them. */
    label = "images",
    /** Most bytes of images in one buffer. */
    largest = device?.pool?.largest,
  ) {
    checkDevice("deviceImages", device);
    checkSplit("deviceImages", "split", split);
    checkImage("deviceImages", image);
    checkText("deviceImages", "label", label);
    checkWhole("deviceImages", "largest", largest);
    this.count = split.count;
    this.parts = uploadParts(device, split, image, label, largest);
    const column = (values: Labels, what: string) =>
      variable(device, Uint32Array.from(values), [split.count], `${label}' ${what}`);
    this.labels = column(split.labels, "labels");
    this.attributes = Object.fromEntries(
      Object.entries(split.attributes ?? {}).map(([name, values]) => [name, column(values, name)]),
    );
    const { factors } = split;
    this.factors =
      factors &&
      variable(device, factors.values, [split.count, factors.names.length], `${label}' factors`);
  }

  /** Gives their buffers back; they cannot be taken from any more. */
  release(): void {
    const { device, parts, labels, attributes, factors } = this;
    const all = [...parts, labels, ...Object.values(attributes), ...(factors ? [factors] : [])];
    for (const { value } of all) device.release(value);
  }

  /** Examples by their numbers. indices: u32 [batch] */
  take(indices: Tensor<"u32">): Examples {
    checkTensors("take", [["indices", indices, "u32"]], this.device);
    return new Examples(gatherParts(this.parts, indices), (what) => {
      const { labels, attributes, factors } = this;
      const column =
        what === "label" ? labels : what === "factors" ? factors : attributes[what.attribute];
      return column && gather(column, indices);
    });
  }
}

/** Images in as few tensors of whole images as buffers of at most `largest` bytes allow. */
function uploadParts(
  device: Device,
  { images, count }: Split,
  { height, width, channels }: ImageSize,
  label: string,
  largest: number,
): Tensor<"f32" | "u8">[] {
  const size = height * width * channels;
  const bytesEach = size * images.BYTES_PER_ELEMENT;
  // Buffers are whole vectors of 16 bytes. An image larger than a buffer is refused by the device.
  const most = Math.max(1, Math.floor((largest - (largest % 16)) / bytesEach));
  const parts: Tensor<"f32" | "u8">[] = [];
  for (let from = 0; from < Math.max(1, count); from += most) {
    const rows = Math.min(most, count - from);
    const shape = [rows, height, width, channels];
    // The last part takes what is left, so that data that do not fit the count are refused.
    const end = from + rows < count ? (from + rows) * size : images.length;
    const values = images.subarray(from * size, end);
    parts.push(
      values instanceof Uint8Array
        ? bytes(device, values, shape, label)
        : variable(device, values, shape, label),
    );
  }
  return parts;
}

/** What is known of examples beside their values. */
type Known = "label" | "factors" | { readonly attribute: string };

/** A batch whose labels are gathered when they are asked for: most models never do. */
export class Examples implements Batch {
  private readonly gathered = new Map<string, Tensor<"f32" | "u32"> | undefined>();

  constructor(
    readonly x: Tensor,
    private readonly gatherKnown: (what: Known) => Tensor<"f32" | "u32"> | undefined,
  ) {}

  get label(): Tensor<"u32"> {
    return this.once("label", "label") as Tensor<"u32">;
  }

  attribute(name: string): Tensor<"u32"> | undefined {
    return this.once(`attribute ${name}`, { attribute: name }) as Tensor<"u32"> | undefined;
  }

  get factors(): Tensor | undefined {
    return this.once("factors", "factors") as Tensor | undefined;
  }

  /** The same examples with other values. */
  withValues(x: Tensor): Examples {
    return new Examples(x, (what) =>
      what === "label"
        ? this.label
        : what === "factors"
          ? this.factors
          : this.attribute(what.attribute),
    );
  }

  private once(key: string, what: Known): Tensor<"f32" | "u32"> | undefined {
    if (!this.gathered.has(key)) this.gathered.set(key, this.gatherKnown(what));
    return this.gathered.get(key);
  }
}

/**
 * Draws the batches of an epoch without replacement. The order is a permutation that the seed and
 * the epoch decide, computed where it is needed; what is left over at the end of an epoch (less than
 * a batch) sits that epoch out.
 */
export class ShuffledBatches {
  /** [epoch, offset of the batch], as `placeOf` gives them: u32 variable. */
  readonly position: Tensor<"u32">;
  /** Whole batches in an epoch: what is left of the images waits for another. */
  readonly batchesPerEpoch: number;

  /** @param position who says which batch is next, as a training's `StepState` does. Default: a variable of its own */
  constructor(
    private readonly images: DeviceImages,
    private readonly batch: number,
    private readonly seed: readonly [number, number],
    position?: Tensor<"u32">,
  ) {
    if (!(images instanceof DeviceImages))
      throw new UsageError(`shuffledBatches: ${isNot("images", images, "DeviceImages")}`);
    checkWhole("shuffledBatches", "batch", batch);
    checkSeed("shuffledBatches", seed);
    if (position !== undefined) checkPosition(position, images.device);
    this.position = position ?? variable(images.device, new Uint32Array(2), [2], "batch position");
    this.batchesPerEpoch = Math.floor(images.count / batch);
  }

  /** The batch at the current position. Recordable. */
  next(): Examples {
    const { images, batch, position, seed } = this;
    return images.take(batchIndices(images.device, images.count, batch, position, seed));
  }

  /** Sets which batch `next` gives, for the runs of a recorded step. */
  moveTo(epoch: number, index: number): void {
    checkWhole("moveTo", "epoch", epoch, 0);
    checkWhole("moveTo", "index", index, 0);
    this.position.set(Uint32Array.from(this.placeOf(epoch, index)));
  }

  /** What `position` holds for a batch of an epoch, both from 0. */
  placeOf(epoch: number, index: number): readonly [number, number] {
    return [epoch, index * this.batch];
  }
}

function checkPosition(position: Tensor<"u32">, device: Device): void {
  checkTensors("shuffledBatches", [["position", position, "u32"]], device);
  if (position.size !== 2)
    throw new ShapeError(
      "shuffledBatches",
      `position is ${formatShape(position.shape)}, wanted [2]: the epoch and the offset of the batch`,
    );
}

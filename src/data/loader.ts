import { gather } from "../autograd/ops/indexing.ts";
import { batchIndices } from "../autograd/ops/random.ts";
import type { Device } from "../gpu/device.ts";
import type { Batch } from "../models/model.ts";
import { bytes, upload, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Split } from "./types.ts";

/**
 * Images that live on the device as bytes, and their labels; batches are gathered and scaled to [0, 1]
 * there. Vectors live there as floats.
 */
export class DeviceImages {
  readonly count: number;
  private readonly images: Tensor;
  private readonly labels: Tensor;

  constructor(
    readonly device: Device,
    split: Split,
    image: { readonly height: number; readonly width: number; readonly channels: number },
    /** What errors call them. */
    label = "images",
  ) {
    this.count = split.count;
    const shape = [split.count, image.height, image.width, image.channels];
    const { images } = split;
    this.images =
      images instanceof Uint8Array
        ? bytes(device, images, shape, label)
        : variable(device, images, shape, label);
    this.labels = variable(
      device,
      Uint32Array.from(split.labels),
      [split.count],
      `${label}' labels`,
    );
  }

  /** Examples by their numbers. indices: u32 [batch] */
  take(indices: Tensor): Examples {
    return new Examples(gather(this.images, indices), () => gather(this.labels, indices));
  }
}

/** A batch whose labels are gathered when they are asked for: most models never do. */
export class Examples implements Batch {
  private gathered: Tensor | undefined;

  constructor(
    readonly x: Tensor,
    private readonly gatherLabels: () => Tensor,
  ) {}

  get label(): Tensor {
    this.gathered ??= this.gatherLabels();
    return this.gathered;
  }

  /** The same examples with other values. */
  withValues(x: Tensor): Examples {
    return new Examples(x, () => this.label);
  }
}

/**
 * Draws the batches of an epoch without replacement. The order is a permutation that the seed and
 * the epoch decide, computed where it is needed; what is left over at the end of an epoch (less than
 * a batch) sits that epoch out.
 */
export class ShuffledBatches {
  /** [epoch, offset of the batch]. */
  private readonly position: Tensor;
  readonly batchesPerEpoch: number;

  constructor(
    private readonly images: DeviceImages,
    private readonly batch: number,
    private readonly seed: readonly [number, number],
  ) {
    this.position = variable(images.device, new Uint32Array(2), [2], "batch position");
    this.batchesPerEpoch = Math.floor(images.count / batch);
  }

  /** The batch at the current position. Recordable. */
  next(): Examples {
    const { images, batch, position, seed } = this;
    return images.take(batchIndices(images.device, images.count, batch, position, seed));
  }

  /** Sets which batch `next` gives, for the runs of a recorded step. */
  moveTo(epoch: number, index: number): void {
    upload(this.position.value, Uint32Array.of(epoch, index * this.batch));
  }
}

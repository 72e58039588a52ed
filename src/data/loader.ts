import { gather } from "../autograd/ops/indexing.ts";
import { batchIndices } from "../autograd/ops/random.ts";
import type { Device } from "../gpu/device.ts";
import { bytes, upload, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Split } from "./types.ts";

/** Images that live on the device as bytes; batches are gathered and scaled to [0, 1] there. */
export class DeviceImages {
  readonly count: number;
  private readonly images: Tensor;

  constructor(
    readonly device: Device,
    split: Split,
    image: { readonly height: number; readonly width: number; readonly channels: number },
    /** What errors call them. */
    label = "images",
  ) {
    this.count = split.count;
    const shape = [split.count, image.height, image.width, image.channels];
    this.images = bytes(device, split.images as Uint8Array<ArrayBuffer>, shape, label);
  }

  /** Images by their numbers. indices: [batch] u32 → [batch, height, width, channels]. */
  take(indices: Tensor): Tensor {
    return gather(this.images, indices);
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

  /** The batch at the current position: [batch, height, width, channels]. Recordable. */
  next(): Tensor {
    const { images, batch, position, seed } = this;
    return images.take(batchIndices(images.device, images.count, batch, position, seed));
  }

  /** Sets which batch `next` gives, for the runs of a recorded step. */
  moveTo(epoch: number, index: number): void {
    upload(this.position.value, Uint32Array.of(epoch, index * this.batch));
  }
}

import { DeviceImages } from "../data/loader.ts";
import { selectImages } from "../data/splits.ts";
import type { Split } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** The images of a training on its device. Trainers that were forked from one another share them. */
export class TrainerImages {
  readonly training: DeviceImages;
  readonly validation: DeviceImages | undefined;
  /** Trainers that use them. */
  private users = 1;

  constructor(device: Device, { dataset, split, held }: TrainingPlan) {
    const imagesOf = (from: Split, rows: Uint32Array, label: string) =>
      new DeviceImages(device, selectImages(from, rows), dataset, label);
    this.training = imagesOf(dataset.train, split.train, "training images");
    this.validation =
      split.validation.length > 0
        ? imagesOf(held, split.validation, "validation images")
        : undefined;
  }

  /** Another trainer uses them. */
  share(): this {
    this.users++;
    return this;
  }

  /** A trainer uses them no more; the last gives their buffers back. */
  release(): void {
    if (--this.users > 0) return;
    this.training.release();
    this.validation?.release();
  }
}

import { DeviceImages } from "../data/loader.ts";
import { selectImages } from "../data/splits.ts";
import type { Split } from "../data/types.ts";
import { Allocations } from "../gpu/allocations.ts";
import type { Device } from "../gpu/device.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** The images of a training on its device. Trainers that were forked from one another share them. */
export class TrainerImages {
  readonly training: DeviceImages;
  readonly validation: DeviceImages | undefined;
  private readonly allocations: Allocations;
  /** Trainers that use them. */
  private users = 1;

  /** @throws OutOfMemoryError; then nothing is left behind */
  constructor(device: Device, plan: TrainingPlan) {
    const { dataset, split, held } = plan;
    this.allocations = new Allocations(device);
    const imagesOf = (from: Split, rows: Uint32Array, label: string) =>
      this.allocations.of(() => new DeviceImages(device, selectImages(from, rows), dataset, label));
    try {
      this.training = imagesOf(dataset.train, split.train, "training images");
      this.validation =
        split.validation.length > 0
          ? imagesOf(held, split.validation, "validation images")
          : undefined;
    } catch (error) {
      this.allocations.release();
      throw error;
    }
  }

  /** Another trainer uses them. */
  share(): this {
    this.users++;
    return this;
  }

  /** A trainer uses them no more; the last gives their buffers back. */
  release(): void {
    if (--this.users > 0) return;
    this.allocations.release();
  }
}

import type { ShuffledBatches } from "../data/loader.ts";
import { upload, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Element at which the position lies behind the step's number: parts of a buffer are bound at 256 bytes. */
const POSITION = 64;

/** The words that change with every step, in one variable: an upload costs the host as much as five dispatches. */
export class TrainingPlace {
  private readonly home: Tensor;

  /** Moves the counter of the steps and the position of the batches there. */
  constructor(
    step: Tensor,
    private readonly batches: ShuffledBatches,
  ) {
    const { device } = step;
    this.home = variable(
      device,
      new Uint32Array(POSITION + 2),
      [POSITION + 2],
      "place in training",
    );
    device.rehome(step.value, this.home.value, 0);
    device.rehome(batches.position.value, this.home.value, POSITION * 4);
  }

  /** @param step from 1; epoch and index of the batch from 0 */
  moveTo(step: number, epoch: number, index: number): void {
    const words = new Uint32Array(this.home.size);
    words[0] = step;
    words.set(this.batches.placeOf(epoch, index), POSITION);
    upload(this.home.value, words);
  }
}

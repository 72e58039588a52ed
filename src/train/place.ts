import type { ShuffledBatches } from "../data/loader.ts";
import type { Advance } from "../kernels/record-row.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Calendar } from "./calendar.ts";

/** Element at which the position lies behind the step's number: parts of a buffer are bound at 256 bytes. */
const POSITION = 64;

/**
 * The words that change with every step, in one variable. An upload costs the host as much as five
 * dispatches, so the kernel that records a step's losses moves them on, and the host writes them only
 * where it does not know that they are what it wants.
 */
export class TrainingPlace {
  /** u32 variable: the number of the step, from 1, and at POSITION [epoch, offset of the batch]. */
  readonly words: Tensor<"u32">;
  /** How they move on to the next step. */
  readonly advance: Advance;
  /** The step whose words the device holds, as long as nothing has changed since. */
  private held: number | undefined;
  private changes = 0;

  /** Moves the counter of the steps and the position of the batches there. */
  constructor(
    step: Tensor<"u32">,
    private readonly batches: ShuffledBatches,
    private readonly calendar: Calendar,
  ) {
    const { device } = step;
    this.words = variable(
      device,
      new Uint32Array(POSITION + 2),
      [POSITION + 2],
      "place in training",
    );
    device.rehome(step.value, this.words.value, 0);
    device.rehome(batches.position.value, this.words.value, POSITION * 4);
    const [, batch] = batches.placeOf(0, 1);
    const [, end] = batches.placeOf(0, batches.batchesPerEpoch);
    this.advance = { position: POSITION, batch, end };
  }

  /** Makes sure that a step's words, from 1, are there; nothing but that step may run next. */
  moveTo(step: number): void {
    const { device } = this.words;
    device.flush(); // what waits to be submitted may change them, and is counted then
    if (this.held !== step || this.changes !== device.changes) {
      const { batches, calendar } = this;
      const words = new Uint32Array(this.words.size);
      words[0] = step;
      const epoch = calendar.epochOf(step);
      words.set(batches.placeOf(epoch - 1, step - 1 - calendar.beginOf(epoch)), POSITION);
      this.words.set(words);
    }
    this.held = step;
  }

  /** Notes that the step has been queued: behind it, the device holds the next one's words. */
  moved(): void {
    this.held = (this.held as number) + 1;
    this.changes = this.words.device.changes;
  }
}

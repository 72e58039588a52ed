import { checkDevice, checkOptions, checkWhole, type OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { Shown } from "../gpu/shown.ts";
import type { StepAdvance } from "../kernels/record-row.ts";
import { partOf, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What `StepState.nonFiniteStep` holds as long as every step was finite; step numbers are below it. */
export const ALL_FINITE = 0xffffffff;

/** Elements at which the parts of the words begin: parts of a buffer are bound at multiples of 256 bytes. */
const POSITION = 64;
const STAGE_STEP = 128;
const SIZE = STAGE_STEP + 1;

/** One step of a training: what a `StepState` holds before it. */
export interface StepPlace {
  /** Number of the step, from 1, through all epochs and stages. */
  readonly step: number;
  /** Its number within its stage, from 1. Default: `step`. */
  readonly stageStep?: number;
  /** Number of the epoch, from 0. Default 0. */
  readonly epoch?: number;
  /** Images of the epoch before its batch. Default 0. */
  readonly offset?: number;
}

const placeRules: OptionRules<StepPlace> = {
  step: "number",
  stageStep: "number?",
  epoch: "number?",
  offset: "number?",
};

/** What an epoch consists of, where a training has epochs. */
export interface StepEpochs {
  /** Images a step. */
  readonly batch: number;
  /** Images there are; those that fill no batch sit the epoch out. */
  readonly images: number;
}

/**
 * Which step this is, on the device: the one place that says it to the optimisers, batches, random numbers and
 * the log of the losses of a training. An optimiser that is given none makes its own.
 *
 * An upload costs the host as much as five dispatches, so in a training the kernel that logs a step's losses moves
 * the words on; `moveTo` then uploads only where the device does not hold what is wanted.
 */
export class StepState extends Shown {
  /** u32 variable of all words, [step, …, epoch, offset, …, step of the stage]; the others are parts of it. @internal */
  readonly words: Tensor<"u32">;
  /** u32 [1]: number of the step, from 1. */
  readonly step: Tensor<"u32">;
  /** u32 [1]: its number within its stage, from 1, as optimisers count: Adam's bias correction, for one. */
  readonly stageStep: Tensor<"u32">;
  /** u32 [2]: the epoch, from 0, and the images of it before the batch. */
  readonly position: Tensor<"u32">;
  /**
   * u32 [1], a variable of its own: the first step whose gradients or guarded tensors were not finite, else
   * ALL_FINITE. Once it is set, parameters and state of all optimisers that share it stay as they are.
   */
  readonly nonFiniteStep: Tensor<"u32">;
  /** How a kernel moves the words on to the next step. @internal */
  readonly advance: StepAdvance;

  /** What the device holds, as long as nothing has changed there since. */
  private held: Required<StepPlace> | undefined;
  private changes = 0;

  /** @param epochs where each step takes a batch; else epoch and offset stay what they are set to */
  constructor(
    /** Where its variables are. */
    readonly device: Device,
    epochs: StepEpochs = { batch: 0, images: 0 },
  ) {
    super();
    checkDevice("stepState", device);
    checkOptions("stepState", epochs, { batch: "number", images: "number" }, "epochs");
    const { batch, images } = epochs;
    checkWhole("stepState", "batch", batch, 0);
    checkWhole("stepState", "images", images, 0);
    const words = new Uint32Array(SIZE);
    words[0] = words[STAGE_STEP] = 1;
    this.words = variable(device, words, [SIZE], "step state");
    this.step = partOf(this.words, 0, [1], "step");
    this.position = partOf(this.words, POSITION, [2], "batch position");
    this.stageStep = partOf(this.words, STAGE_STEP, [1], "step of the stage");
    this.nonFiniteStep = variable(device, Uint32Array.of(ALL_FINITE), [1], "non-finite step");
    const end = batch > 0 ? Math.floor(images / batch) * batch : 0;
    this.advance = { position: POSITION, stageStep: STAGE_STEP, batch, end };
  }

  override toString(): string {
    return "StepState";
  }

  /** Makes sure that the device holds a step's words when what is queued from now on runs. */
  moveTo(place: StepPlace): void {
    checkOptions("moveTo", place, placeRules, "place");
    const { step, stageStep = step, epoch = 0, offset = 0 } = place;
    checkWhole("moveTo", "step", step, 0, ALL_FINITE);
    checkWhole("moveTo", "stageStep", stageStep, 0, ALL_FINITE);
    checkWhole("moveTo", "epoch", epoch, 0);
    checkWhole("moveTo", "offset", offset, 0);
    const { device, held } = this;
    device.flush(); // what waits to be submitted may change them, and is counted then
    const holds =
      held?.step === step &&
      held.stageStep === stageStep &&
      held.epoch === epoch &&
      held.offset === offset;
    if (holds && this.changes === device.changes) return;
    const words = new Uint32Array(SIZE);
    words[0] = step;
    words[POSITION] = epoch;
    words[POSITION + 1] = offset;
    words[STAGE_STEP] = stageStep;
    this.words.set(words);
    this.held = { step, stageStep, epoch, offset };
    this.changes = device.changes;
  }

  /**
   * Notes that the step of the last `moveTo`, alone, was queued, and with it the kernel that moves the words on.
   *
   * @internal
   */
  advanced(): void {
    const { held, device } = this;
    if (!held) return;
    const { batch, end } = this.advance;
    const next = held.offset + batch;
    const over = next >= end;
    this.held = {
      step: held.step + 1,
      stageStep: held.stageStep + 1,
      epoch: held.epoch + (over ? 1 : 0),
      offset: over ? 0 : next,
    };
    this.changes = device.changes;
  }

  /** Forgets that a step was not finite: the optimisers go on. */
  clearNonFinite(): void {
    this.nonFiniteStep.set(Uint32Array.of(ALL_FINITE));
  }
}

import type { RandomKey } from "../autograd/ops/random.ts";
import { grad } from "../autograd/tape.ts";
import type { DeviceImages } from "../data/loader.ts";
import { ShuffledBatches } from "../data/loader.ts";
import type { Device } from "../gpu/device.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import type { Model } from "../models/model.ts";
import { Adam } from "../optim/adam.ts";
import { NEVER } from "../optim/optimiser.ts";
import { WeightAverage } from "../optim/weight-average.ts";
import { full, upload } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { LossLog } from "./loss-log.ts";

/** The loss terms of one step: means over the batch by name, in nats per sample. */
export type LossRow = Readonly<Record<string, number>>;

/** A number that stays, or one for each step, counted from 1. */
export type Rate = number | ((step: number) => number);

export interface TrainingRunOptions {
  /** Images a step. */
  readonly batch: number;
  readonly learningRate: Rate;
  /** Weight of the KL term, for a model that has one; default: as the model was built. */
  readonly beta?: Rate | undefined;
  readonly seed: readonly [number, number];
  /** Most that the global norm of the gradients may be. */
  readonly clip?: number | undefined;
  /** Decay of a moving average of the weights. */
  readonly ema?: number | undefined;
  /** Applied to each batch: dynamic binarisation. x: [batch, height, width, channels], in [0, 1]. */
  readonly transform?: ((x: Tensor, key: RandomKey) => Tensor) | undefined;
}

/**
 * How long the steps take that are queued at once. Two such portions are under way at any time, so
 * that the adapter never waits for the host; more would make Ctrl-C and errors late.
 */
const QUEUE_SECONDS = 0.5;
/** Rows of the loss log: both portions must fit. */
const LOG_ROWS = 1024;
const MOST_QUEUED = LOG_ROWS / 4;

/** A model with its optimiser and data, and the recorded step that trains it. */
export class TrainingRun {
  /** Values that the variables hold already. */
  private rate = Number.NaN;
  private weight = Number.NaN;

  private constructor(
    readonly device: Device,
    readonly model: Model,
    readonly program: Program,
    readonly optimiser: Adam,
    /** Moving average of the weights, where the options ask for one. */
    readonly average: WeightAverage | undefined,
    private readonly batches: ShuffledBatches,
    private readonly log: LossLog,
    private readonly options: TrainingRunOptions,
  ) {}

  static async create(
    model: Model,
    images: DeviceImages,
    options: TrainingRunOptions,
  ): Promise<TrainingRun> {
    const { device } = images;
    const { batch, seed, clip, ema, transform } = options;
    const parameters = model.parameters().map(({ name, tensor }) => {
      tensor.value.label = name;
      return tensor;
    });
    const clipNorm = clip === undefined ? {} : { clipNorm: clip };
    // The learning rate is written before every step.
    const optimiser = new Adam(device, parameters, { learningRate: 0, ...clipNorm });
    const average = ema === undefined ? undefined : new WeightAverage(optimiser, ema);
    const batches = new ShuffledBatches(images, batch, seed);
    const key: RandomKey = { seed, step: optimiser.stepCounter, stream: 0 };
    let log: LossLog | undefined;
    const { program } = await record(device, () => {
      const x = batches.next();
      const terms = model.terms(transform?.(x, key) ?? x, key);
      // The derivative of the batch's mean loss: each sample's loss has the cotangent 1/batch.
      const dy = full(device, [batch], 1 / batch);
      optimiser.step(grad(terms.loss, parameters, { dy }), { guard: [terms.loss] });
      average?.update();
      log = new LossLog(device, LOG_ROWS, Object.keys(terms));
      log.write(optimiser.stepCounter, terms);
    });
    await device.finish();
    const made = log as LossLog | undefined as LossLog;
    return new TrainingRun(device, model, program, optimiser, average, batches, made, options);
  }

  /** Steps in an epoch. */
  get steps(): number {
    return this.batches.batchesPerEpoch;
  }

  /** Names of the loss terms. */
  get terms(): readonly string[] {
    return this.log.columns;
  }

  /** The learning rate at a step, from 1. */
  learningRateAt(step: number): number {
    return valueAt(this.options.learningRate, step);
  }

  /** The weight of the KL term at a step, from 1; undefined where the model has none. */
  betaAt(step: number): number | undefined {
    const { beta } = this.model;
    return beta && valueAt(this.options.beta ?? beta.value, step);
  }

  /** Queues one training step; they count from 1, through all epochs. */
  runStep(step: number): void {
    this.prepare(step);
    this.program.run();
  }

  /**
   * Runs the steps from `from + 1` to `to`, as far as `stop` permits; it is asked about twice a second.
   *
   * @param on.rows gets the loss terms of the steps from `first` on, as they become known; the adapter
   *   goes on meanwhile
   * @returns the last step that was done
   * @throws NonFiniteError naming the step and the first op whose result was NaN or infinite. The
   *   weights are those before that step, and the rows of all steps before it have been given
   */
  async advance(
    from: number,
    to: number,
    on: {
      readonly rows?: (first: number, rows: readonly LossRow[]) => void | Promise<void>;
      readonly stop?: () => boolean;
    } = {},
  ): Promise<number> {
    let queued = from;
    let portion = 1;
    let waited = performance.now();
    let before: Portion | undefined;
    for (;;) {
      let next: Portion | undefined;
      if (queued < to && !(before && on.stop?.())) {
        const last = Math.min(to, queued + portion);
        for (let step = queued + 1; step <= last; step++) this.runStep(step);
        next = this.observe(queued + 1, last);
        queued = last;
      }
      if (before) {
        await this.settle(before, on.rows);
        const seconds = (performance.now() - waited) / 1000;
        const done = before.last - before.first + 1;
        const fitting = Math.round((done * QUEUE_SECONDS) / Math.max(seconds, 1e-6));
        portion = Math.max(1, Math.min(MOST_QUEUED, 4 * portion, fitting));
        waited = performance.now();
      }
      if (!next) return queued;
      before = next;
    }
  }

  /** Asks for what the queue will have come to behind these steps. */
  private observe(first: number, last: number): Portion {
    const outcome = Promise.all([this.optimiser.flag.integers(), this.log.read()]);
    outcome.catch(() => undefined); // awaited later, unless something else fails before
    return { first, last, outcome };
  }

  private async settle(
    { first, last, outcome }: Portion,
    onRows: ((first: number, rows: readonly LossRow[]) => void | Promise<void>) | undefined,
  ): Promise<void> {
    const [[flag = NEVER], values] = await outcome;
    const good = Math.min(last, flag - 1);
    const rows: LossRow[] = [];
    for (let step = first; step <= good; step++) rows.push(this.log.rowOf(values, step));
    if (rows.length > 0) await onRows?.(first, rows);
    if (flag === NEVER) return;
    // The optimiser has left the weights alone since that step, so it can be run again, op by op.
    this.prepare(flag);
    await this.program.diagnose(flag);
    throw new NonFiniteError("gradient", flag, "a value is NaN or infinite");
  }

  /** Writes the variables that say which step it is. */
  private prepare(step: number): void {
    const done = step - 1;
    this.batches.moveTo(Math.floor(done / this.steps), done % this.steps);
    this.optimiser.setStep(step);
    const rate = this.learningRateAt(step);
    if (rate !== this.rate) this.optimiser.setLearningRate(rate);
    this.rate = rate;
    const weight = this.betaAt(step);
    if (weight !== undefined) this.writeBeta(weight);
  }

  /** Puts β to its full value, for validation: losses of different epochs are then comparable. */
  restoreBeta(): void {
    const { beta } = this.model;
    if (beta) this.writeBeta(beta.value);
  }

  private writeBeta(weight: number): void {
    if (weight !== this.weight) upload(this.model.beta!.variable.value, Float32Array.of(weight));
    this.weight = weight;
  }
}

/** Steps that were queued together, and what they come to: the optimiser's flag and the loss log. */
interface Portion {
  readonly first: number;
  readonly last: number;
  readonly outcome: Promise<[Uint32Array, Float32Array]>;
}

function valueAt(rate: Rate, step: number): number {
  return typeof rate === "number" ? rate : rate(step);
}

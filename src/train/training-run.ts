import type { RandomKey } from "../autograd/ops/random.ts";
import type { DeviceImages } from "../data/loader.ts";
import { ShuffledBatches } from "../data/loader.ts";
import { Allocations } from "../gpu/allocations.ts";
import type { Device } from "../gpu/device.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import { type Model, stageEpochs } from "../models/model.ts";
import { ALL_FINITE, type StepPlace, StepState } from "../optim/step-state.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Calendar } from "./calendar.ts";
import { LossLog } from "./loss-log.ts";
import { PortionSize } from "./portion-size.ts";
import {
  makeOptimisers,
  recordUpdates,
  type TrainedUpdate,
  type UpdateOptions,
} from "./updates.ts";

/** The loss terms of one step: means over the batch by name, in nats per sample. */
export type LossRow = Readonly<Record<string, number>>;

/** A number that stays, or one for each step, counted from 1. */
export type Rate = number | ((step: number) => number);

export interface TrainingRunOptions extends UpdateOptions {
  /** Images a step. */
  readonly batch: number;
  /** Epochs in all: a model of several stages divides them. Default: the one at work is the last. */
  readonly epochs?: number | undefined;
  /** Which step is of which epoch; default: epochs of as many steps as the images have batches. */
  readonly calendar?: Calendar | undefined;
  /** Factor on the updates' learning rates; default 1. */
  readonly learningRateFactor?: Rate | undefined;
  /** Factor on the weight of the KL term, for a model that has one; default 1. */
  readonly betaFactor?: Rate | undefined;
  readonly seed: readonly [number, number];
  /** Applied to each batch: dynamic binarisation. x: [batch, height, width, channels], in [0, 1]. */
  readonly transform?: ((x: Tensor, key: RandomKey) => Tensor) | undefined;
}

/** Rows of the loss log: two portions must fit. */
const LOG_ROWS = 1024;

/** Steps that were queued together, and their loss terms. */
export interface StepRows {
  /** Number of the first step, from 1. */
  readonly first: number;
  /** Number of the last step. */
  readonly last: number;
  /** Of each step in turn. */
  readonly rows: readonly LossRow[];
}

/** A model with its optimisers and data, and the recorded step that trains it. */
export class TrainingRun {
  /** Values that the variables hold already. */
  private readonly held = new Map<Tensor, number>();
  /** Learning rates before any schedule, one for each update; they may change between steps. */
  readonly rates: number[];
  /** Weight of the KL term before any schedule, where the model has one; it may change between steps. */
  beta: number | undefined;
  /** Epochs in all, as far as that is known; it may change between epochs. */
  epochs: number | undefined;

  private constructor(
    readonly device: Device,
    readonly model: Model,
    /** The recorded step of each stage. */
    readonly stages: readonly RecordedStage[],
    /** The updates of all stages in their order, at least one. */
    readonly trained: readonly TrainedUpdate[],
    /** What it is trained on. */
    readonly images: DeviceImages,
    private readonly calendar: Calendar,
    /** Which step this is, for all that ask on the device. */
    private readonly stepState: StepState,
    private readonly batches: ShuffledBatches,
    private readonly options: TrainingRunOptions,
    private readonly allocations: Allocations,
  ) {
    this.rates = trained.map(({ update }) => update.rate);
    this.beta = model.beta?.value;
    this.epochs = options.epochs;
  }

  static async create(
    model: Model,
    images: DeviceImages,
    options: TrainingRunOptions,
  ): Promise<TrainingRun> {
    const { device } = images;
    const { batch, seed, transform } = options;
    for (const { name, tensor } of model.parameters()) tensor.value.label = name;
    const allocations = new Allocations(device);
    const { stepState, trained, batches } = allocations.of(() => {
      const stepState = new StepState(device, { batch, images: images.count });
      const trained = makeOptimisers(device, model, stepState, options);
      const batches = new ShuffledBatches(images, batch, seed, stepState.position);
      return { stepState, trained, batches };
    });
    const { calendar = new Calendar(batches.batchesPerEpoch) } = options;
    const key: RandomKey = { seed, step: stepState.step, stream: 0 };
    const stages: RecordedStage[] = [];
    for (let stage = 0; stage < (model.stages ?? 1); stage++) {
      const active = trained.filter(({ update }) => (update.stage ?? 0) === stage);
      let log: LossLog | undefined;
      const body = () => {
        const drawn = batches.next();
        const taken = transform ? drawn.withValues(transform(drawn.x, key)) : drawn;
        const terms = recordUpdates(active, taken, key, trained.length > 1);
        log = new LossLog(device, LOG_ROWS, Object.keys(terms));
        log.write(stepState.words, terms, stepState.advance);
      };
      const { program } = await allocations.begin(() => record(device, body));
      stages.push({ program, log: log as LossLog | undefined as LossLog });
    }
    await device.finish();
    return new TrainingRun(
      device,
      model,
      stages,
      trained,
      images,
      calendar,
      stepState,
      batches,
      options,
      allocations,
    );
  }

  /** Gives back all buffers but the images' and those that the model made for itself. */
  release(): void {
    for (const { program } of this.stages) program.release();
    this.allocations.release();
  }

  /** The recorded step; of several stages the first's. */
  get program(): Program {
    return this.stages[0]!.program;
  }

  /** The first step that was not finite, if there was one. */
  async nonFiniteStep(): Promise<number | undefined> {
    const [step = ALL_FINITE] = await this.stepState.nonFiniteStep.data();
    return step === ALL_FINITE ? undefined : step;
  }

  /** A step makes one update: one that fails has moved no weights. */
  get isSingle(): boolean {
    const steps = this.trained.map(({ update }) => update.stage ?? 0);
    const once = this.trained.every(({ update }) => (update.substeps ?? 1) === 1);
    return once && new Set(steps).size === steps.length;
  }

  /** Steps in an epoch. */
  get steps(): number {
    return this.calendar.stepsPerEpoch;
  }

  /** Names of the loss terms, of all stages. */
  get terms(): readonly string[] {
    return [...new Set(this.stages.flatMap(({ log }) => log.columns))];
  }

  /** The learning rate of the first update at a step, from 1. */
  learningRateAt(step: number): number {
    return this.rates[0]! * this.learningRateFactorAt(step);
  }

  private learningRateFactorAt(step: number): number {
    return valueAt(this.options.learningRateFactor ?? 1, step);
  }

  /** The weight of the KL term at a step, from 1; undefined where the model has none. */
  betaAt(step: number): number | undefined {
    const { beta } = this;
    return beta === undefined ? undefined : beta * valueAt(this.options.betaFactor ?? 1, step);
  }

  /**
   * Refits what the model refits between the epochs, from 1.
   *
   * @param pause asked between the parts of the work, when the device has done them; it may throw
   */
  async beforeEpoch(epoch: number, pause: () => Promise<void>): Promise<void> {
    const { device, model, images, options } = this;
    await model.beforeEpoch?.(epoch, images, options.seed, async () => {
      await device.finish();
      await pause();
    });
  }

  async afterEpoch(epoch: number): Promise<void> {
    await this.model.afterEpoch?.(epoch, this.images, this.options.seed);
  }

  /** Queues one training step; they count from 1, through all epochs. */
  runStep(step: number): void {
    this.prepare(step);
    this.stageAt(step).program.run();
    this.stepState.advanced();
  }

  /**
   * Runs the steps from `from + 1` to `to`, as far as `stop` permits; it is asked about twice a second.
   *
   * @param on.rows gets the loss terms of the steps from `first` on, as they become known; the adapter
   *   goes on meanwhile
   * @returns the last step that was done
   * @throws NonFiniteError as `settle` does, when the rows of all steps before have been given
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
    const portion = new PortionSize();
    let before: Portion | undefined;
    for (;;) {
      let next: Portion | undefined;
      if (queued < to && !(before && on.stop?.())) {
        next = this.queue(queued + 1, Math.min(to, queued + portion.steps));
        queued = next.last;
      }
      if (before) {
        await this.settle(before, async ({ first, rows }) => on.rows?.(first, rows));
        portion.done(before.last - before.first + 1);
      }
      if (!next) return queued;
      before = next;
    }
  }

  /** Queues the steps of one epoch from `first` to `last`, and asks for what they will have come to. */
  queue(first: number, last: number): Portion {
    for (let step = first; step <= last; step++) this.runStep(step);
    return this.observe(first, last);
  }

  /** Asks for what the queue will have come to behind these steps. */
  private observe(first: number, last: number): Portion {
    const outcome = Promise.all([this.nonFiniteStep(), this.stageAt(last).log.read()]);
    outcome.catch(() => undefined); // awaited later, unless something else fails before
    return { first, last, outcome };
  }

  /**
   * Waits for steps that were queued.
   *
   * @param onRows gets their loss terms, where there are any that are finite
   * @throws NonFiniteError naming the step, the first op whose result was NaN or infinite and, of several
   *   updates, the one that it is of. The weights are those before that update
   */
  async settle(
    { first, last, outcome }: Portion,
    onRows: (done: StepRows) => void | Promise<void>,
  ): Promise<void> {
    const [failed, values] = await outcome;
    const good = failed === undefined ? last : Math.min(last, failed - 1);
    const rows: LossRow[] = [];
    for (let step = first; step <= good; step++) {
      const row = this.stageAt(step).log.rowOf(values, step);
      const failure = this.model.divergenceReason?.(row);
      if (failure !== undefined) throw new NonFiniteError("training", step, failure);
      rows.push(row);
    }
    if (rows.length > 0) await onRows({ first, last: good, rows });
    if (failed !== undefined) await this.diagnose(failed);
  }

  /** Throws the NonFiniteError of a step that was not finite, if there was one. */
  async requireFinite(): Promise<void> {
    const failed = await this.nonFiniteStep();
    if (failed !== undefined) await this.diagnose(failed);
  }

  private async diagnose(step: number): Promise<never> {
    // The optimiser has left the weights alone since that step, so it can be run again, op by op.
    this.prepare(step);
    await this.stageAt(step).program.diagnose(step);
    throw new NonFiniteError("gradient", step, "a value is NaN or infinite");
  }

  /** The stage that a step, from 1, belongs to: it changes between epochs only. */
  private stageAt(step: number): RecordedStage {
    return this.stages[this.stageNumber(step)] as RecordedStage;
  }

  private stageNumber(step: number): number {
    const epoch = this.calendar.epochOf(step);
    return this.model.stageAt?.(epoch, this.epochs ?? epoch) ?? 0;
  }

  /** A step, from 1, is the first of its stage: its kernels are others than those before. */
  beginsStage(step: number): boolean {
    return this.stageStart(step) === step - 1;
  }

  /** Steps before the stage of a step. */
  private stageStart(step: number): number {
    if (this.stages.length === 1) return 0;
    const epoch = this.calendar.epochOf(step);
    const { first } = stageEpochs(this.model, epoch, this.epochs ?? epoch);
    return this.calendar.firstBeginOf(first);
  }

  /** What the device is to know of a step, from 1. */
  private placeOf(step: number): StepPlace {
    const { calendar, batches } = this;
    const number = calendar.epochOf(step);
    const [epoch, offset] = batches.placeOf(number - 1, step - 1 - calendar.beginOf(number));
    return { step, stageStep: step - this.stageStart(step), epoch, offset };
  }

  /** Writes the variables that depend on which step it is. */
  private prepare(step: number): void {
    this.stepState.moveTo(this.placeOf(step));
    const factor = this.learningRateFactorAt(step);
    for (const [i, { optimiser }] of this.trained.entries())
      this.hold(optimiser.learningRate, this.rates[i]! * factor);
    const weight = this.betaAt(step);
    if (weight !== undefined) this.hold(this.model.beta!.variable, weight);
    for (const { variable, at } of this.model.schedules ?? []) this.hold(variable, at(step));
  }

  /** Puts β to its full value, for validation: losses of different epochs are then comparable. */
  restoreBeta(): void {
    if (this.beta !== undefined) this.hold(this.model.beta!.variable, this.beta);
  }

  /** Writes a variable of one number, unless it has that value. */
  private hold(variable: Tensor, value: number): void {
    if (this.held.get(variable) !== value) variable.set(Float32Array.of(value));
    this.held.set(variable, value);
  }
}

/** The recorded step of one stage, and where its losses go. */
interface RecordedStage {
  readonly program: Program;
  readonly log: LossLog;
}

/** Steps that were queued together, and what they come to: the first that was not finite, and the loss log. */
export interface Portion {
  readonly first: number;
  readonly last: number;
  readonly outcome: Promise<[number | undefined, Float32Array]>;
}

function valueAt(rate: Rate, step: number): number {
  return typeof rate === "number" ? rate : rate(step);
}

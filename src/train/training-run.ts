import type { RandomKey } from "../autograd/ops/random.ts";
import { grad } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { DeviceImages } from "../data/loader.ts";
import { ShuffledBatches } from "../data/loader.ts";
import type { Device } from "../gpu/device.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import {
  type LossTerms,
  type Model,
  type SampleTerms,
  stageEpochs,
  type Update,
} from "../models/model.ts";
import { NEVER, type Optimiser } from "../optim/optimiser.ts";
import { makeOptimiser } from "../optim/rules.ts";
import { WeightAverage } from "../optim/weight-average.ts";
import { full, upload } from "../tensor/create.ts";
import { record, recordPart } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Calendar } from "./calendar.ts";
import { LossLog } from "./loss-log.ts";
import { TrainingPlace } from "./place.ts";

/** The loss terms of one step: means over the batch by name, in nats per sample. */
export type LossRow = Readonly<Record<string, number>>;

/** A number that stays, or one for each step, counted from 1. */
export type Rate = number | ((step: number) => number);

export interface TrainingRunOptions {
  /** Images a step. */
  readonly batch: number;
  /** Epochs in all: a model of several stages divides them. Default: the one at work is the last. */
  readonly epochs?: number;
  /** Which step is of which epoch; default: epochs of as many steps as the images have batches. */
  readonly calendar?: Calendar | undefined;
  /** Factor on the updates' learning rates; default 1. */
  readonly pace?: Rate | undefined;
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

/** An update of the step with the optimiser that makes it. */
export interface Trained {
  readonly update: Update;
  readonly optimiser: Optimiser;
  /** Moving average of its parameters, where the options ask for one and no other update has it. */
  readonly average?: WeightAverage;
}

/** Random streams that one update may use. */
const STREAMS = 16;

/** A model with its optimisers and data, and the recorded step that trains it. */
export class TrainingRun {
  /** Values that the variables hold already. */
  private readonly held = new Map<Tensor, number>();

  private constructor(
    readonly device: Device,
    readonly model: Model,
    /** The recorded step of each stage. */
    readonly stages: readonly RecordedStage[],
    /** The updates of all stages in their order, at least one. */
    readonly trained: readonly Trained[],
    /** What it is trained on. */
    readonly images: DeviceImages,
    private readonly calendar: Calendar,
    private readonly place: TrainingPlace,
    private readonly options: TrainingRunOptions,
  ) {}

  static async create(
    model: Model,
    images: DeviceImages,
    options: TrainingRunOptions,
  ): Promise<TrainingRun> {
    const { device } = images;
    const { batch, seed, transform } = options;
    for (const { name, tensor } of model.parameters()) tensor.value.label = name;
    const trained = makeOptimisers(device, model, options);
    const { stepCounter: step } = trained[0]!.optimiser;
    const batches = new ShuffledBatches(images, batch, seed);
    const { calendar = new Calendar(batches.batchesPerEpoch) } = options;
    const place = new TrainingPlace(step, batches, calendar);
    const key: RandomKey = { seed, step, stream: 0 };
    const stages: RecordedStage[] = [];
    for (let stage = 0; stage < (model.stages ?? 1); stage++) {
      const active = trained.filter(({ update }) => (update.stage ?? 0) === stage);
      let log: LossLog | undefined;
      const { program } = await record(device, () => {
        const drawn = batches.next();
        const taken = transform ? drawn.withValues(transform(drawn.x, key)) : drawn;
        const terms = recordUpdates(active, taken, key, trained.length > 1);
        log = new LossLog(device, LOG_ROWS, Object.keys(terms));
        log.write(place.words, terms, place.advance);
      });
      stages.push({ program, log: log as LossLog | undefined as LossLog });
    }
    await device.finish();
    return new TrainingRun(device, model, stages, trained, images, calendar, place, options);
  }

  /** The recorded step; of several stages the first's. */
  get program(): Program {
    return this.stages[0]!.program;
  }

  /** The optimiser whose step counter and flag all share. */
  get optimiser(): Optimiser {
    return this.trained[0]!.optimiser;
  }

  /** A step makes one update: one that fails has moved no weights. */
  get isSingle(): boolean {
    const steps = this.trained.map(({ update }) => update.stage ?? 0);
    const once = this.trained.every(({ update }) => (update.times ?? 1) === 1);
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
    return this.trained[0]!.update.rate * this.paceAt(step);
  }

  private paceAt(step: number): number {
    return valueAt(this.options.pace ?? 1, step);
  }

  /** The weight of the KL term at a step, from 1; undefined where the model has none. */
  betaAt(step: number): number | undefined {
    const { beta } = this.model;
    return beta && valueAt(this.options.beta ?? beta.value, step);
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
    this.place.moved();
  }

  /**
   * Runs the steps from `from + 1` to `to`, as far as `stop` permits; it is asked about twice a second.
   *
   * @param on.rows gets the loss terms of the steps from `first` on, as they become known; the adapter
   *   goes on meanwhile
   * @returns the last step that was done
   * @throws NonFiniteError naming the step, the first op whose result was NaN or infinite and, of several
   *   updates, the one that it is of. The weights are those before that update, and the rows of all steps
   *   before have been given
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
    const outcome = Promise.all([this.optimiser.flag.integers(), this.stageAt(last).log.read()]);
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
    for (let step = first; step <= good; step++) {
      const row = this.stageAt(step).log.rowOf(values, step);
      const failure = this.model.divergenceReason?.(row);
      if (failure !== undefined) throw new NonFiniteError("training", step, failure);
      rows.push(row);
    }
    if (rows.length > 0) await onRows?.(first, rows);
    if (flag === NEVER) return;
    // The optimiser has left the weights alone since that step, so it can be run again, op by op.
    this.prepare(flag);
    await this.stageAt(flag).program.diagnose(flag);
    throw new NonFiniteError("gradient", flag, "a value is NaN or infinite");
  }

  /** The stage that a step, from 1, belongs to: it changes between epochs only. */
  private stageAt(step: number): RecordedStage {
    return this.stages[this.stageNumber(step)] as RecordedStage;
  }

  private stageNumber(step: number): number {
    const epoch = this.calendar.epochOf(step);
    return this.model.stageAt?.(epoch, this.options.epochs ?? epoch) ?? 0;
  }

  /** A step, from 1, is the first of its stage: its kernels are others than those before. */
  beginsStage(step: number): boolean {
    return this.stageStart(step) === step - 1;
  }

  /** Steps before the stage of a step. */
  private stageStart(step: number): number {
    const epoch = this.calendar.epochOf(step);
    const { first } = stageEpochs(this.model, epoch, this.options.epochs ?? epoch);
    return this.calendar.firstBeginOf(first);
  }

  /** Writes the variables that say which step it is. */
  private prepare(step: number): void {
    this.place.moveTo(step);
    const pace = this.paceAt(step);
    const stage = this.stageNumber(step);
    for (const { update, optimiser } of this.trained) {
      this.hold(optimiser.learningRate, update.rate * pace);
      if (isLater(update) && update.stage === stage)
        optimiser.setCount(step - this.stageStart(step));
    }
    const weight = this.betaAt(step);
    if (weight !== undefined) this.hold(this.model.beta!.variable, weight);
    for (const { variable, at } of this.model.schedules ?? []) this.hold(variable, at(step));
  }

  /** Puts β to its full value, for validation: losses of different epochs are then comparable. */
  restoreBeta(): void {
    const { beta } = this.model;
    if (beta) this.hold(beta.variable, beta.value);
  }

  /** Writes a variable of one number, unless it has that value. */
  private hold(variable: Tensor, value: number): void {
    if (this.held.get(variable) !== value) upload(variable.value, Float32Array.of(value));
    this.held.set(variable, value);
  }
}

/**
 * Records the updates one after another; the loss terms of all.
 *
 * @param named errors of their ops say which update it was
 */
function recordUpdates(
  active: readonly Trained[],
  batch: Batch,
  { seed, step }: RandomKey,
  named: boolean,
): Record<string, Tensor> {
  const [size = 1] = batch.x.shape;
  const terms: Record<string, Tensor> = {};
  let stream = 0;
  for (const [i, { update, optimiser, average }] of active.entries()) {
    const parameters = update.parameters.map(({ tensor }) => tensor);
    const { times = 1 } = update;
    let found: LossTerms | undefined;
    const make = () => {
      for (let turn = 0; turn < times; turn++) {
        found = update.terms(batch, { seed, step, stream });
        stream += STREAMS;
        // The derivative of the batch's mean loss: each sample's loss has the cotangent 1/batch.
        const dy = full(batch.x.device, [size], 1 / size);
        optimiser.step(grad(found.loss, parameters, { dy }), { guard: [found.loss], turn });
        update.after?.();
      }
      average?.update();
    };
    if (named) recordPart(batch.x.device, update.name, make);
    else make();
    Object.assign(terms, i === 0 ? found : renamed(found!, update.name));
  }
  return terms;
}

/** An optimiser for each update; where two move the same parameters, these stay with the first. */
function makeOptimisers(
  device: Device,
  model: Model,
  { clip, ema }: TrainingRunOptions,
): Trained[] {
  const trained: Trained[] = [];
  for (const update of model.updates()) {
    const { rule, times } = update;
    const parameters = update.parameters.map(({ tensor }) => tensor);
    const together = trained[0]?.optimiser;
    const within = trained.find(({ optimiser }) =>
      optimiser.parameters.some(({ value }) => value === parameters[0]?.value),
    )?.optimiser;
    const optimiser = makeOptimiser(device, parameters, rule, {
      ...(clip === undefined ? {} : { clipNorm: clip }),
      ...(together ? { together } : {}),
      ...(within ? { within } : {}),
      ...(times === undefined ? {} : { times }),
      ...(isLater(update) ? { ownCount: true } : {}),
    });
    const average =
      ema === undefined || within ? {} : { average: new WeightAverage(optimiser, ema) };
    trained.push({ update, optimiser, ...average });
  }
  return trained;
}

/** An update of a later stage, whose optimiser counts from the start of that stage. */
function isLater({ stage = 0 }: Update): boolean {
  return stage > 0;
}

/** The terms of an update behind the first: its loss goes by the update's name. */
function renamed({ loss, ...others }: LossTerms, name: string): SampleTerms {
  return { ...others, [name]: loss };
}

/** The recorded step of one stage, and where its losses go. */
interface RecordedStage {
  readonly program: Program;
  readonly log: LossLog;
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

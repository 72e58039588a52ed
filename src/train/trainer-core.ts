import type { Fingerprint } from "../data/fingerprint.ts";
import type { ImageBatch } from "../data/image-batch.ts";
import { DeviceImages } from "../data/loader.ts";
import { attributeClasses, type Dataset, type Split } from "../data/types.ts";
import { Allocations } from "../gpu/allocations.ts";
import { checkOptions } from "../gpu/arguments.ts";
import { withCleanUp } from "../gpu/clean-up.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import { Shown } from "../gpu/shown.ts";
import type { Model } from "../models/model.ts";
import {
  type Images,
  type InterpolationOptions,
  type SampleOptions,
  TrainedModel,
} from "../models/trained-model.ts";
import type { Calendar } from "./calendar.ts";
import type { Evaluation, TermStatistics } from "./evaluation.ts";
import { PortionSize } from "./portion-size.ts";
import type { StateFacts } from "./state.ts";
import { StepQueue } from "./step-queue.ts";
import type { TrainerImages } from "./trainer-images.ts";
import { evaluationOf, requireLength, seenAsTrained, type TrainerParts } from "./trainer-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";
import type { StepRows } from "./training-run.ts";
import { type Pause, Turns } from "./turns.ts";

/** What stands below a trainer's loop: its place, its steps, and looks at the model in between. */
export abstract class TrainerCore extends Shown {
  /** @internal */
  protected readonly queue: StepQueue;
  /** @internal */
  protected epochsDone = 0;
  /** Of other data that the model was trained on before, in their order. @internal */
  protected earlier: readonly Fingerprint[] = [];
  /** What trains at the moment. @internal */
  protected working: string | undefined;
  /** @internal */
  protected pausing: Pause | undefined;
  /** Whoever exchanges the weights for their average, or reads them all, has them to himself. @internal */
  protected readonly turns = new Turns();
  /** @internal */
  protected closed = false;

  /** @internal */
  protected constructor(
    readonly device: Device,
    readonly plan: TrainingPlan,
    /** @internal */ protected readonly parts: TrainerParts,
    /** @internal */ protected readonly images: TrainerImages,
  ) {
    super();
    this.queue = new StepQueue(parts.run);
  }

  override toString(): string {
    return `Trainer of ${this.plan.entry.name}, step ${this.stepsDone}`;
  }

  /** The model that is trained. */
  get model(): Model {
    return this.parts.model;
  }

  /** Which step is of which epoch. @internal */
  get calendar(): Calendar {
    return this.parts.calendar;
  }

  /** By what other data are known again that the model was trained on before, in their order. */
  get earlierData(): readonly Fingerprint[] {
    return this.earlier;
  }

  /** Steps done, those under way included. */
  get stepsDone(): number {
    return this.queue.last;
  }

  /** Epochs done. */
  get epochs(): number {
    return this.epochsDone;
  }

  /** Names of the loss terms. */
  get terms(): readonly string[] {
    return this.parts.run.terms;
  }

  /** The training step as it was recorded; of a model of several stages the first's. */
  get program(): Program {
    return this.parts.run.program;
  }

  // ---- steps ----------------------------------------------------------------------------------

  /**
   * The way below `train`: trains on within the epoch at work and gives the loss terms of every step as
   * they become known, about twice a second. `prepareEpoch` goes before an epoch, `finishEpoch` ends it.
   *
   * @param range.to the last step; default and at most the epoch's last
   * @param range.stop asked about twice a second whether to stop, once something was done
   * @throws NonFiniteError, DeviceLostError
   */
  async *steps(
    range: { readonly to?: number | undefined; readonly stop?: (() => boolean) | undefined } = {},
  ): AsyncGenerator<StepRows, void, void> {
    checkOptions("steps", range, { to: "number?", stop: "function?" });
    const { to = Number.POSITIVE_INFINITY, stop } = range;
    this.begin("steps", this.parts.run.epochs);
    try {
      const { queue } = this;
      const last = Math.min(to, this.atWork.end);
      const size = new PortionSize();
      const first = queue.last;
      let stopped = false;
      for (;;) {
        while (queue.portions < 2 && queue.last < last && !stopped) {
          // Something is done in any case.
          stopped = queue.last > first && (stop?.() ?? false);
          if (!stopped) await this.add(Math.min(last, queue.last + size.steps));
        }
        if (queue.portions === 0) return;
        const before = queue.settled;
        const found: StepRows[] = [];
        // What was good before a step that failed is told of all the same.
        const failed = await queue
          .settle((done) => found.push(done))
          .then(
            () => [],
            (error) => [error],
          );
        size.done(queue.settled - before);
        yield* found;
        for (const error of failed) throw error;
      }
    } finally {
      this.working = undefined;
    }
  }

  /**
   * Refits what the model refits between its epochs, where an epoch begins; `train` does it by itself.
   *
   * @param pause asked between the parts of the work; it may throw to give up
   */
  async prepareEpoch(pause: () => Promise<void> = async () => undefined): Promise<void> {
    const { epochsDone } = this;
    const { run } = this.parts;
    if (this.stepsDone === this.atWork.begin)
      await this.turns.take(() => run.beforeEpoch(epochsDone + 1, pause));
  }

  /**
   * Ends an epoch whose steps are done: what the model refits then, with the averaged weights where there
   * are some, and `review`. The epoch counts as done when that has come to an end. `train` does it by
   * itself.
   */
  async finishEpoch<T = void>(review?: () => Promise<T>): Promise<T> {
    const { epochsDone } = this;
    const { run } = this.parts;
    if (this.stepsDone < this.atWork.end)
      throw new UsageError(`finishEpoch: epoch ${epochsDone + 1} has steps that are not done`);
    await this.withAverage(() => run.afterEpoch(epochsDone + 1));
    const result = (await review?.()) as T;
    this.epochsDone++;
    return result;
  }

  /** A step, from 1, is the first of its stage, of a model that has several. */
  beginsStage(step: number): boolean {
    return this.parts.run.beginsStage(step);
  }

  /** The learning rate of the first update at a step, from 1. */
  learningRateAt(step: number): number {
    return this.parts.run.learningRateAt(step);
  }

  /** The weight of the KL term at a step, from 1; undefined where the model has none. */
  betaAt(step: number): number | undefined {
    return this.parts.run.betaAt(step);
  }

  // ---- looking --------------------------------------------------------------------------------

  /**
   * The loss terms on images: mean and standard deviation over them, with the averaged weights where
   * there are some and with β in full whatever its schedule is at. Pixels become black and white as in
   * training: where that is done once and for all, those of a `Split` do as a test part's, those of a
   * `Dataset` as its training part's. Black and white ones stay as they are.
   *
   * @param images default: those that are held out; of a data set its training part
   * @throws UsageError where none are held out
   */
  async evaluate(
    images?: Dataset | Split,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Readonly<Record<string, TermStatistics>>> {
    this.requireOpen("evaluate");
    const { device, plan } = this;
    const { model, run, validation } = this.parts;
    if (images === undefined && !validation)
      throw new UsageError("evaluate: no images are held out: give some, or the option validation");
    const allocations = new Allocations(device);
    let own: Evaluation | undefined;
    const work = async () => {
      run.restoreBeta();
      const terms = await (own ?? validation!).run(() => signal?.aborted ?? false);
      if (terms) return terms;
      throw signal!.reason;
    };
    return withCleanUp(
      async () => {
        if (images !== undefined) {
          const split = seenAsTrained(images, plan);
          const given = allocations.of(
            () => new DeviceImages(device, split, plan.dataset, "evaluated images"),
          );
          own = await evaluationOf(model, given, plan);
        }
        return this.withAverage(work);
      },
      () => {
        own?.release();
        allocations.release();
      },
    );
  }

  /** Does something with the averaged weights in the place of the weights, where there are some. */
  withAverage<T>(body: () => Promise<T>): Promise<T> {
    const exchange = () => {
      for (const { average } of this.parts.run.trained) average?.exchange();
    };
    return this.turns.take(async () => {
      exchange();
      return withCleanUp(body, () => this.device.lost || exchange());
    });
  }

  // ---- images ---------------------------------------------------------------------------------

  /** Images decoded from draws from the prior, with the averaged weights where there are some. */
  sample(count: number, options: SampleOptions = {}): Promise<ImageBatch> {
    return this.look((model) => model.sample(count, options));
  }

  /** The means of the posterior, [count, latent], with the averaged weights where there are some. */
  encode(images: Images): Promise<Float32Array> {
    return this.look((model) => model.encode(images));
  }

  /** Images of codes, [count, latent], with the averaged weights where there are some. */
  decode(codes: Float32Array, labels?: Uint32Array): Promise<ImageBatch> {
    return this.look((model) => model.decode(codes, labels));
  }

  /** What the decoder makes of the means of the posterior of each image, as `sample`. */
  reconstruct(images: Images): Promise<ImageBatch> {
    return this.look((model) => model.reconstruct(images));
  }

  /** Rows of images between pairs of images, as `TrainedModel.interpolate`. */
  interpolate(images: Images, options: InterpolationOptions = {}): Promise<ImageBatch> {
    return this.look((model) => model.interpolate(images, options));
  }

  private async look<T>(body: (model: TrainedModel) => Promise<T>): Promise<T> {
    this.requireOpen("trainer");
    const { device, model, plan } = this;
    return this.withAverage(() => body(new TrainedModel(device, model, plan.dataset)));
  }

  /** Gives all buffers back. The trainer and its model cannot be used any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pausing?.end(); // whoever waits for its end hears that it is closed
    const { validation, run, allocations } = this.parts;
    validation?.release();
    run.release();
    allocations.release();
    this.images.release();
  }

  // ---- within ---------------------------------------------------------------------------------

  /** @internal */
  protected get facts(): StateFacts {
    const { plan, device } = this;
    const { live, calendar, kernels } = this.parts;
    const { dataset, entry, fingerprint, seed, config, split } = plan;
    const { height, width, channels, vectors, classNames } = dataset;
    return {
      model: entry.name,
      data: dataset.name,
      image: { height, width, channels, ...(vectors ? { vectors } : {}) },
      classes: classNames,
      attributes: attributeClasses(dataset),
      images: split.train.length,
      options: { ...config, set: live.texts() },
      adapter: device.adapter.name,
      runtime: device.adapter.runtime,
      variants: kernels,
      ...{ fingerprint, earlierData: this.earlier, seed, calendar },
    };
  }

  /** The epoch at work, from 1, with the steps before it and before the next. @internal */
  protected get atWork(): { readonly epoch: number; readonly begin: number; readonly end: number } {
    const { epochsDone } = this;
    const { calendar } = this.parts;
    const epoch = epochsDone + 1;
    const begin = calendar.beginOf(epoch);
    return { epoch, begin, end: begin + calendar.stepsPerEpoch };
  }

  /** Queues steps when nobody has the weights to himself. @internal */
  protected async add(last: number): Promise<void> {
    await this.turns.free();
    this.requireOpen(this.working ?? "train");
    this.queue.add(last);
  }

  /** @internal */
  protected begin(op: string, epochs: number | undefined): void {
    this.requireOpen(op);
    this.queue.requireSound();
    if (this.working)
      throw new UsageError(`${op}: ${this.working} is at work already; leave its loop first`);
    const { model, run } = this.parts;
    requireLength(op, this.plan, model, epochs);
    run.epochs = epochs;
    this.working = op;
  }

  /** @internal */
  protected requireOpen(op: string): void {
    if (this.closed) throw new UsageError(`${op}: the trainer is closed`);
    if (this.device.lost) throw this.device.lost;
  }
}

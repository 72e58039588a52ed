import {
  checkDevice,
  checkOptions,
  checkWhole,
  isNot,
  type OptionRules,
} from "../gpu/arguments.ts";
import { withCleanUp } from "../gpu/clean-up.ts";
import type { Device } from "../gpu/device.ts";
import { NonFiniteError, UsageError } from "../gpu/errors.ts";
import { optionName } from "../settings/settings.ts";
import { goingOn, type Restored } from "./going-on.ts";
import type { SettingValues } from "./live-settings.ts";
import {
  type CheckpointFile,
  type MetadataCheck,
  namedFile,
  readMetadata,
  requireImage,
  requireModel,
  restoreModel,
  saveModel,
} from "./model-file.ts";
import { MOST_QUEUED } from "./portion-size.ts";
import type { TrainProgress, TrainRange } from "./progress.ts";
import { type Best, choicesIn, optionsIn, requireSameRun, toMetadata } from "./state.ts";
import { TermMeans } from "./term-means.ts";
import { TrainerCore } from "./trainer-core.ts";
import { TrainerImages } from "./trainer-images.ts";
import {
  checkRestore,
  type ModelChoice,
  planFromCheckpoint,
  planTrainer,
  type RestoreOptions,
  type TrainerOptions,
} from "./trainer-options.ts";
import { buildTrainer, type CreateOptions } from "./trainer-parts.ts";
import type { TrainingPlan } from "./training-plan.ts";
import { Pause } from "./turns.ts";

const createRules: OptionRules<CreateOptions> = { signal: "signal?", onCompile: "function?" };

/**
 * Trains a model on a device. Several trainers may share one: their steps take turns. All that is
 * random follows from the seed: the same options on the same adapter give the same bits.
 *
 * While some steps are told of, the next are under way: `stepsDone` says how far the queue is, and what is
 * read or changed then is read or changed behind it.
 */
export class Trainer extends TrainerCore {
  /**
   * Builds a model, records its training step and compiles it. Nothing is left behind when that fails.
   *
   * @param options what to train on what and how, or what `planTrainer` made of that
   * @throws UsageError naming the option and what it wants, DataError for too few images
   */
  static async create<C extends ModelChoice>(
    device: Device,
    options: TrainerOptions<C> | TrainingPlan,
    how: CreateOptions = {},
  ): Promise<Trainer> {
    checkDevice("trainer", device);
    checkOptions("trainer", how, createRules, "how");
    const plan = isPlan(options) ? options : await planTrainer(options as TrainerOptions);
    return Trainer.build(device, plan, new TrainerImages(device, plan), how);
  }

  /**
   * A trainer that goes on from a checkpoint, its own or one of `latentgrad train`: on the same adapter bit
   * for bit as the training that wrote it would have gone on.
   *
   * @throws CheckpointError for a damaged file, one of another model, or of other data unless that is allowed
   */
  static async restore(
    device: Device,
    file: Uint8Array | CheckpointFile,
    options: RestoreOptions,
    how: CreateOptions = {},
  ): Promise<Trainer> {
    checkDevice("restore", device);
    checkRestore(options);
    checkOptions("restore", how, createRules, "how");
    const from = namedFile("restore", file);
    const metadata = await readMetadata(from);
    const plan = await planFromCheckpoint(metadata, options, from.path);
    // The same kernels give the same bits.
    const variants = device.variants.known();
    device.variants.replace(choicesIn(metadata, from.path));
    const trainer = await withCleanUp(
      () => Trainer.create(device, plan, how),
      () => device.variants.replace(variants),
    );
    try {
      await trainer.restore(from);
      return trainer;
    } catch (error) {
      trainer.close();
      throw error;
    }
  }

  private static async build(
    device: Device,
    plan: TrainingPlan,
    images: TrainerImages,
    how: CreateOptions = {},
  ): Promise<Trainer> {
    try {
      return new Trainer(device, plan, await buildTrainer(device, plan, images, how), images);
    } catch (error) {
      images.release();
      throw error;
    }
  }

  // ---- training -------------------------------------------------------------------------------

  /**
   * Trains, and tells of it every so many steps and at the end of each epoch. The device goes on while
   * the body of the loop runs, as far as the next report. Leaving the loop stops it with everything
   * kept; another `train` goes on.
   *
   * @throws NonFiniteError naming step and op when a value is NaN or infinite, DeviceLostError
   */
  async *train(range: TrainRange = {}): AsyncGenerator<TrainProgress, void, void> {
    checkOptions("train", range, { epochs: "number?", every: "number?", signal: "signal?" });
    const { every = 10, signal, epochs = this.plan.epochs } = range;
    checkWhole("train", "every", every);
    if (epochs !== undefined) checkWhole("train", "epochs", epochs);
    this.begin("train", epochs);
    try {
      while (this.epochsDone < (epochs ?? Number.POSITIVE_INFINITY) && !signal?.aborted) {
        await this.prepareEpoch();
        yield* this.trainEpoch(every, signal);
      }
    } finally {
      this.working = undefined;
    }
  }

  /** Trains to the end of the epoch at work, or until it is stopped. */
  private async *trainEpoch(
    every: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TrainProgress, void, void> {
    const { queue } = this;
    const { begin, end, epoch } = this.atWork;
    const reportBehind = (step: number) =>
      Math.min(end, begin + every * (Math.floor((step - begin) / every) + 1));
    const means = new TermMeans();
    for (;;) {
      while (queue.portions < 2 && queue.last < end && !signal?.aborted && !this.pausing)
        await this.add(Math.min(reportBehind(queue.last), queue.last + MOST_QUEUED));
      await queue.settle(({ rows }) => means.add(rows));
      const { settled: step, portions } = queue;
      const endOfEpoch = step === end;
      if (endOfEpoch) await this.finishEpoch();
      const due = endOfEpoch || portions === 0 || step === reportBehind(step - 1);
      if (due && means.count > 0) yield { step, epoch, terms: means.take(), endOfEpoch };
      if (endOfEpoch || (queue.portions === 0 && signal?.aborted)) return;
      if (queue.portions === 0 && this.pausing) {
        await Promise.race([this.pausing.orAborted(signal), this.device.gpu.lost]);
        this.requireOpen("train");
        this.device.alive();
      }
    }
  }

  /**
   * Trains so many steps, through the ends of epochs where there are some, and waits for them.
   *
   * @returns the means of the loss terms over these steps
   * @throws NonFiniteError, DeviceLostError
   */
  async step(steps = 1): Promise<TrainProgress> {
    checkWhole("step", "steps", steps);
    this.begin("step", this.parts.run.epochs);
    try {
      const { queue } = this;
      const means = new TermMeans();
      const before = queue.last;
      const last = before + steps;
      for (;;) {
        await this.prepareEpoch();
        const { end, epoch } = this.atWork;
        while (queue.settled < Math.min(end, last)) {
          if (queue.last < Math.min(end, last))
            await this.add(Math.min(end, last, queue.last + MOST_QUEUED));
          await queue.settle(({ last: to, rows }) => {
            if (to > before) means.add(rows);
          });
        }
        const endOfEpoch = queue.last === end;
        if (endOfEpoch) await this.finishEpoch();
        if (queue.last >= last) return { step: queue.last, epoch, terms: means.take(), endOfEpoch };
      }
    } finally {
      this.working = undefined;
    }
  }

  /** Stops `train` before the next steps that it would queue, until `resume`. */
  pause(): void {
    this.pausing ??= new Pause();
  }

  /** Lets `train` go on. */
  resume(): void {
    this.pausing?.end();
    this.pausing = undefined;
  }

  /** `pause` was called, and `resume` not yet. */
  get isPaused(): boolean {
    return this.pausing !== undefined;
  }

  /**
   * Changes β or learning rates, by the names of the model's settings, for the steps that are queued from
   * now on. Nothing is recorded or compiled anew. Schedules multiply them.
   *
   * @throws UsageError for a setting that the model does not have or that stays as it was built
   */
  set(values: Readonly<Record<string, number>>): void {
    this.requireOpen("set");
    if (typeof values !== "object" || values === null)
      throw new UsageError(`set: ${isNot("values", values, "an object, as { beta: 4 }")}`);
    this.parts.live.set("set", values);
  }

  /** The model's settings as they are now. */
  get settings(): SettingValues {
    return this.parts.live.all();
  }

  // ---- files ----------------------------------------------------------------------------------

  /**
   * Everything as it is now: weights, their average, the optimisers' state, the place in the data, the
   * settings. `latentgrad sample` reads it, and `loadModel`; `Trainer.restore` goes on from it.
   *
   * @param also.best the best epoch so far, by whoever chooses one, and how many epochs were no better since
   * @throws NonFiniteError after a step that failed, unless the weights are those before it, and for weights
   *   that are not finite
   */
  async checkpoint(
    also: { readonly best?: Best | undefined; readonly stale?: number | undefined } = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    this.requireOpen("checkpoint");
    return this.turns.take(async () => {
      const { queue, epochsDone: epochs } = this;
      // A step that was not finite is no reason not to save the weights before it.
      await queue.requireFinite().catch((error) => {
        if (!(error instanceof NonFiniteError)) throw error;
      });
      queue.requireWhole();
      const { best, stale = 0 } = also;
      const state = { step: queue.last, epochs, stale, ...(best ? { best } : {}) };
      const { model, run } = this.parts;
      return saveModel({ model, trained: run.trained }, toMetadata(state, this.facts), state.step);
    });
  }

  /**
   * Puts back a checkpoint of this training: what follows is then bit for bit what followed there. Settings
   * that were changed since are as they were.
   *
   * @param check looks at the file's metadata before anything is changed
   * @returns how far it was, and why what follows may differ, if it may
   * @throws CheckpointError for a damaged file, or one of another training
   */
  async restore(file: Uint8Array | CheckpointFile, check?: MetadataCheck): Promise<Restored> {
    this.requireOpen("restore");
    if (this.working)
      throw new UsageError(`restore: ${this.working} is at work; leave its loop first`);
    const { plan, facts } = this;
    const { model, run, live, validation } = this.parts;
    const from = namedFile("restore", file);
    return this.turns.take(async () => {
      let found: Restored | undefined;
      await restoreModel({ model, trained: run.trained }, from, (metadata) => {
        requireModel(facts.model, from.path)(metadata);
        requireImage(facts.image, from.path)(metadata);
        // Data that the file knows by their bytes may have another name by now.
        const anywhere = plan.options.allowOtherData || metadata.training_data !== undefined;
        const fixed = plan.fixed.filter((name) => !(anywhere && name === "data"));
        requireSameRun(metadata, facts, fixed, live.names.map(optionName), from.path);
        check?.(metadata);
        found = goingOn(metadata, facts, {
          path: from.path,
          allow: plan.options.allowOtherData ? undefined : plan.named("allowOtherData"),
          validated: validation !== undefined,
        });
        live.restore("restore", optionsIn(metadata, from.path));
      });
      const { state } = found!;
      this.queue.restart(state.step);
      this.epochsDone = state.epochs;
      this.earlier = found!.earlierData;
      return found!;
    });
  }

  /**
   * Another trainer of the same training, as it is now: both go on bit for bit alike, and independently of one
   * another. They share the images on the device.
   */
  async fork(): Promise<Trainer> {
    const { device, plan, images } = this;
    const { run } = this.parts;
    const file = await this.checkpoint();
    const copy = await Trainer.build(device, plan, images.share());
    copy.parts.run.epochs = run.epochs; // schedules of both are as long
    try {
      await copy.restore(file);
      return copy;
    } catch (error) {
      copy.close();
      throw error;
    }
  }
}

function isPlan(options: object): options is TrainingPlan {
  return typeof options === "object" && options !== null && "split" in options;
}

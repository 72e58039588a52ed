import type { EventImage } from "../formats/tensorboard.ts";
import { afterFailure } from "../gpu/clean-up.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import { InterruptedError, type Interruption } from "../host/interruption.ts";
import { meansOf } from "./evaluation.ts";
import { type MetricsLog, now } from "./metrics-log.ts";
import { Pace, type Progress } from "./pace.ts";
import type { Plan } from "./plan.ts";
import type { RunFolder } from "./run-folder.ts";
import type { TrainState } from "./state.ts";
import type { Trainer } from "./trainer.ts";

/** What one epoch came to. Loss terms are nats per sample. */
export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly steps: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  readonly train: Readonly<Record<string, number>>;
  readonly validation?: Readonly<Record<string, number>>;
  /** It is the best so far. */
  readonly best: boolean;
}

/** Why a run ended. */
export type Ending = "all epochs" | "no progress" | "time is up";

/** What the loop tells and asks. */
export interface LoopHooks {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly onEpoch?: ((report: EpochReport) => void) | undefined;
  /** A checkpoint of this state is on disk. */
  readonly onSaved?: ((state: TrainState) => void) | undefined;
  /** Pictures for TensorBoard by tag. */
  readonly pictures?: (() => Promise<Readonly<Record<string, EventImage>>>) | undefined;
  readonly interruption?: Interruption | undefined;
  /** When to stop, by `performance.now()`. */
  readonly deadline?: number | undefined;
}

/** Saved at least about as often, unless the user says how often. Where it falls changes no number. */
const SAVE_SECONDS = 120;

/** The search for the best epoch. */
export type Search = Pick<TrainState, "best" | "stale">;

/** Trains epoch by epoch: metrics, validation, checkpoints, and the reasons to stop. */
export class EpochLoop {
  private readonly pace: Pace;
  private savedAt = performance.now();
  /** Step of the last checkpoint, 0 without one. */
  private savedStep: number;
  /** Step from which it is trained at the moment. */
  private from: number;
  private final: EpochReport | undefined;
  /** When the epoch at work began, by `performance.now()`. */
  private begin: number | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly trainer: Trainer,
    private readonly folder: RunFolder,
    private readonly log: MetricsLog,
    private readonly hooks: LoopHooks,
    /** What was found before. */
    private search: Search,
  ) {
    this.savedStep = trainer.stepsDone;
    this.from = trainer.stepsDone;
    this.pace = new Pace(plan.split.validation.length / plan.batch);
  }

  /** How far the run is. */
  get state(): TrainState {
    const { trainer, search } = this;
    return { ...search, step: trainer.stepsDone, epochs: trainer.epochs };
  }

  /**
   * Trains until there is a reason to stop.
   *
   * @throws NonFiniteError whose message says which checkpoints there are
   * @throws InterruptedError when everything is saved
   */
  async run(): Promise<{ ending: Ending; final: EpochReport | undefined }> {
    const ending = await this.runEpochs();
    return { ending, final: this.final };
  }

  private async runEpochs(): Promise<Ending> {
    const { plan, trainer } = this;
    const { epochs } = plan;
    const { patience } = plan.options;
    while (trainer.epochs < epochs) {
      if (patience !== undefined && this.search.stale >= patience) return "no progress";
      const begin = performance.now();
      this.begin = begin;
      const before = trainer.stepsDone;
      try {
        await this.trainEpoch();
        if (this.late) return await this.timeIsUp();
        await this.finishEpoch((performance.now() - begin) / 1000, trainer.stepsDone - before);
        this.begin = undefined;
        if (this.interrupted) await this.saveAndStop();
      } catch (error) {
        if (error instanceof NonFiniteError) throw await this.diverged(error);
        throw error;
      }
      if (this.late && trainer.epochs < epochs) return await this.timeIsUp();
      if (patience !== undefined && this.search.stale >= patience) {
        await this.note("stopped early", {
          message: `no better loss in ${patience} epoch${patience === 1 ? "" : "s"}`,
        });
        return "no progress";
      }
    }
    return "all epochs";
  }

  /** Trains to the end of the epoch, or until there is a reason to stop. */
  private async trainEpoch(): Promise<void> {
    const { plan, trainer, log, pace } = this;
    const epoch = trainer.epochs + 1;
    const end = trainer.calendar.beginOf(epoch) + plan.steps;
    const { saveEvery } = plan.options;
    await this.prepareEpoch();
    if (trainer.beginsStage(trainer.stepsDone + 1)) pace.startAnew();
    pace.start();
    const stop = () => this.interrupted || this.late || (saveEvery === undefined && this.saveIsDue);
    while (trainer.stepsDone < end) {
      this.from = trainer.stepsDone;
      const to = saveEvery ? (Math.floor(this.from / saveEvery) + 1) * saveEvery : end;
      for await (const { first, last, rows } of trainer.steps({ to, stop })) {
        log.steps(first, epoch, rows);
        pace.tick(rows.length);
        this.report("training", last);
        await log.flush();
      }
      this.from = trainer.stepsDone;
      if (this.interrupted) await this.saveAndStop();
      if (this.late) return;
      // At the end of the epoch everything is saved behind the validation.
      if (trainer.stepsDone < end) await this.save();
      pace.start();
    }
  }

  /** Refits what the model refits before an epoch. An interruption gives that up. */
  private async prepareEpoch(): Promise<void> {
    const pause = async () => {
      if (this.interrupted) throw this.hooks.interruption!.error("");
    };
    let givenUp = false;
    try {
      await this.trainer.prepareEpoch(pause);
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      givenUp = true;
    }
    if (givenUp) await this.saveAndStop();
  }

  /** The loss terms on the validation images, where there are some. An interruption gives that up. */
  private async validate(): Promise<Record<string, number> | undefined> {
    const { plan, trainer, pace, hooks } = this;
    if (plan.split.validation.length === 0) return undefined;
    const begin = performance.now();
    const signal = hooks.interruption?.signal;
    const terms = await trainer.evaluate(undefined, { signal }).catch(async (error: unknown) => {
      if (error instanceof InterruptedError) await this.saveAndStop();
      throw error;
    });
    pace.validated((performance.now() - begin) / 1000);
    const means = meansOf(terms);
    for (const [name, value] of Object.entries(means))
      if (!Number.isFinite(value))
        throw new NonFiniteError(`validation ${name}`, trainer.stepsDone, `the mean is ${value}`);
    return means;
  }

  /** Validates, decides what is best, and saves. */
  private async finishEpoch(seconds: number, steps: number): Promise<void> {
    const { plan, trainer, folder, log } = this;
    const { batch, epochs, options } = plan;
    const { stepsDone: step } = trainer;
    const epoch = trainer.epochs + 1;
    if (this.interrupted) await this.saveAndStop();
    this.report("validation", step);
    const validation = await trainer.finishEpoch(async () => {
      const found = await this.validate();
      if (this.interrupted) await this.saveAndStop();
      return found;
    });
    const train = log.means();
    const loss = validation?.loss ?? train.loss ?? Number.NaN;
    // The loss is missing where the metrics of a run that goes on were lost.
    const best = Number.isFinite(loss) && this.isBetter(loss) ? { epoch, step, loss } : undefined;
    const { best: before, stale } = this.search;
    const search = best
      ? { best, stale: 0 }
      : { stale: stale + 1, ...(before ? { best: before } : {}) };
    const bytes = await trainer.checkpoint(search);
    log.add({
      kind: "epoch",
      step,
      epoch,
      time: now(),
      seconds,
      ...(steps > 0 ? { images_per_second: (steps * batch) / seconds } : {}),
      ...train,
      ...prefixed("validation_", validation),
      learning_rate: trainer.learningRateAt(step),
      ...(trainer.model.beta ? { beta: trainer.betaAt(step) as number } : {}),
    });
    const { pictures } = this.hooks;
    await log.flush(pictures && (await trainer.withAverage(pictures)));
    if (best) await folder.writeCheckpoint(bytes, "best");
    if (options.keep > 0) await folder.writeCheckpoint(bytes, epochName(epoch));
    this.search = search;
    await this.saved(bytes, this.state);
    await this.prune();
    log.nextEpoch();
    const imagesPerSecond = steps > 0 ? (steps * batch) / seconds : 0;
    this.final = {
      ...{ epoch, epochs, steps: plan.steps, seconds, imagesPerSecond, train },
      ...(validation ? { validation } : {}),
      best: best !== undefined,
    };
    this.hooks.onEpoch?.(this.final);
  }

  private get interrupted(): boolean {
    return this.hooks.interruption?.requested ?? false;
  }

  private get late(): boolean {
    return performance.now() >= (this.hooks.deadline ?? Number.POSITIVE_INFINITY);
  }

  private get saveIsDue(): boolean {
    return performance.now() - this.savedAt > 1000 * SAVE_SECONDS;
  }

  /** Without validation images nothing can be chosen: the newest epoch is the best there is. */
  private isBetter(loss: number): boolean {
    const { best } = this.search;
    const { split, options } = this.plan;
    return !best || split.validation.length === 0 || loss < best.loss - options.minDelta;
  }

  private report(phase: Progress["phase"], step: number): void {
    const { epochs, steps, batch } = this.plan;
    const done = this.trainer.epochs;
    const begin = this.trainer.calendar.beginOf(done + 1);
    const place = { phase, epoch: done + 1, epochs, step: step - begin, steps };
    this.hooks.onProgress?.(this.pace.at({ ...place, terms: this.log.means() }, batch));
  }

  private async save(): Promise<string> {
    return this.saved(await this.trainer.checkpoint(this.search), this.state);
  }

  /** The metrics are on disk before the checkpoint that vouches for them. */
  private async saved(bytes: Uint8Array, state: TrainState): Promise<string> {
    await this.log.flush();
    const path = await this.folder.writeCheckpoint(bytes);
    this.savedAt = performance.now();
    this.savedStep = state.step;
    this.hooks.onSaved?.(state);
    return path;
  }

  /** Removes the checkpoints of epochs that are no longer kept. */
  private async prune(): Promise<void> {
    const names = (await this.folder.checkpoints()).filter((name) => /^epoch-\d+$/.test(name));
    const { keep } = this.plan.options;
    const old = keep > 0 ? names.slice(0, -keep) : names;
    for (const name of old) await this.folder.removeCheckpoint(name);
  }

  private async note(event: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { log, trainer } = this;
    const { stepsDone: step, epochs } = trainer;
    // At the end of an epoch it is that one, not the next.
    const epoch = step === trainer.calendar.beginOf(epochs + 1) ? Math.max(1, epochs) : epochs + 1;
    log.add({ kind: "event", step, epoch, time: now(), event, ...more });
    await log.flush();
  }

  /** Seconds that went into an epoch that is not finished. */
  private unfinished(): { readonly seconds?: number } {
    return this.begin === undefined ? {} : { seconds: (performance.now() - this.begin) / 1000 };
  }

  private async timeIsUp(): Promise<Ending> {
    await this.note("time is up", this.unfinished());
    await this.save();
    return "time is up";
  }

  private async saveAndStop(): Promise<never> {
    await this.note("interrupted", this.unfinished());
    const path = await this.save();
    throw this.hooks.interruption!.error(`${path} holds step ${this.trainer.stepsDone}`);
  }

  /** The error to end with: what was kept is in its message. */
  private async diverged(error: NonFiniteError): Promise<NonFiniteError> {
    const { folder, trainer, savedStep } = this;
    const { op, step, detail } = error;
    if (this.plan.options.dryRun) return error; // nothing of it is kept
    const last =
      savedStep > 0
        ? `${folder.checkpoint("last")} holds step ${savedStep}`
        : "no checkpoint was saved before";
    // The optimiser has left the weights as they were before that step, and the trainer is there again.
    const rescued =
      step !== undefined && trainer.stepsDone === step - 1 && trainer.stepsDone > this.from;
    let also = "";
    if (rescued)
      try {
        const bytes = await trainer.checkpoint(this.search);
        const path = await folder.writeCheckpoint(bytes, "diverged");
        also = `, ${path} the weights of step ${trainer.stepsDone}`;
      } catch (other) {
        // Weights that are no good are not kept, nor those in the middle of a step of several updates; a
        // full disk must not hide what happened.
        if (!(other instanceof NonFiniteError)) also = `; ${(other as Error).message}`;
      }
    const final = new NonFiniteError(op, step, `${detail}; ${last}${also}`);
    this.log.add({
      kind: "event",
      step: step ?? trainer.stepsDone,
      epoch: trainer.calendar.epochOf(step ?? trainer.stepsDone),
      time: now(),
      event: "diverged",
      message: final.message,
    });
    await afterFailure(() => this.log.flush());
    return final;
  }
}

/** Sorted by name they are in order. */
function epochName(epoch: number): string {
  return `epoch-${String(epoch).padStart(6, "0")}`;
}

function prefixed(
  prefix: string,
  record: Readonly<Record<string, number>> = {},
): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [prefix + k, v]));
}

import type { EventImage } from "../formats/tensorboard.ts";
import { afterFailure } from "../gpu/clean-up.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import type { Interruption } from "../host/interruption.ts";
import { meansOf } from "./evaluation.ts";
import { type MetricsLog, now } from "./metrics-log.ts";
import { Pace, type Progress } from "./pace.ts";
import type { Plan } from "./plan.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Session } from "./session.ts";
import type { Best, TrainState } from "./state.ts";

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

/** Trains a session epoch by epoch: metrics, validation, checkpoints, and the reasons to stop. */
export class EpochLoop {
  private readonly pace: Pace;
  private savedAt = performance.now();
  /** Step of the last checkpoint, 0 without one. */
  private savedStep: number;
  private final: EpochReport | undefined;
  /** When the epoch at work began, by `performance.now()`. */
  private begin: number | undefined;

  constructor(
    private readonly plan: Plan,
    private readonly session: Session,
    private readonly folder: RunFolder,
    private readonly log: MetricsLog,
    private readonly hooks: LoopHooks,
    /** How far the run is. */
    public state: TrainState,
  ) {
    this.savedStep = state.step;
    this.pace = new Pace(plan.split.validation.length / plan.batch);
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
    const { epochs, options } = this.plan;
    const { patience } = options;
    while (this.state.epochs < epochs) {
      if (patience !== undefined && this.state.stale >= patience) return "no progress";
      const begin = performance.now();
      this.begin = begin;
      const before = this.state.step;
      try {
        await this.trainEpoch();
        if (this.late) return await this.timeIsUp();
        await this.finishEpoch((performance.now() - begin) / 1000, this.state.step - before);
        this.begin = undefined;
        if (this.interrupted) await this.saveAndStop();
      } catch (error) {
        if (error instanceof NonFiniteError) throw await this.diverged(error);
        throw error;
      }
      if (this.late && this.state.epochs < epochs) return await this.timeIsUp();
      if (patience !== undefined && this.state.stale >= patience) {
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
    const { plan, session, log, pace } = this;
    const begin = session.calendar.beginOf(this.state.epochs + 1);
    const end = begin + plan.steps;
    const { saveEvery } = plan.options;
    const rows = async (first: number, terms: readonly Readonly<Record<string, number>>[]) => {
      log.steps(first, this.state.epochs + 1, terms);
      pace.tick(terms.length);
      this.report("training", first + terms.length - 1);
      await log.flush();
    };
    if (this.state.step === begin)
      await session.run.beforeEpoch(this.state.epochs + 1, async () => {
        if (this.interrupted) await this.saveAndStop();
      });
    if (session.run.beginsStage(this.state.step + 1)) pace.startAnew();
    pace.start();
    while (this.state.step < end) {
      const { step } = this.state;
      const to = saveEvery ? Math.min(end, (Math.floor(step / saveEvery) + 1) * saveEvery) : end;
      const stop = () =>
        this.interrupted || this.late || (saveEvery === undefined && this.saveIsDue);
      const done = await session.run.advance(step, to, { rows, stop });
      this.state = { ...this.state, step: done };
      if (this.interrupted) await this.saveAndStop();
      if (this.late) return;
      // At the end of the epoch everything is saved behind the validation.
      if (done < end) await this.save();
      pace.start();
    }
  }

  /** Validates, decides what is best, and saves. */
  private async finishEpoch(seconds: number, steps: number): Promise<void> {
    const { plan, session, folder, log, pace } = this;
    const { batch, epochs, options } = plan;
    const { step } = this.state;
    const epoch = this.state.epochs + 1;
    if (this.interrupted) await this.saveAndStop();
    this.report("validation", step);
    // What is used later are the averaged weights, where there are some.
    await session.withAverage(() => session.run.afterEpoch(epoch));
    const begin = performance.now();
    const terms = await session.validate(() => this.interrupted);
    if (this.interrupted) await this.saveAndStop();
    pace.validated((performance.now() - begin) / 1000);
    const validation = terms && meansOf(terms);
    for (const [name, value] of Object.entries(validation ?? {}))
      if (!Number.isFinite(value))
        throw new NonFiniteError(`validation ${name}`, step, `the mean is ${value}`);
    const train = log.means();
    const loss = validation?.loss ?? train.loss ?? Number.NaN;
    // The loss is missing where the metrics of a run that goes on were lost.
    const best = Number.isFinite(loss) && this.isBetter(loss) ? { epoch, step, loss } : undefined;
    const next = nextState(this.state, best);
    const bytes = await session.save(next);
    log.add({
      kind: "epoch",
      step,
      epoch,
      time: now(),
      seconds,
      ...(steps > 0 ? { images_per_second: (steps * batch) / seconds } : {}),
      ...train,
      ...prefixed("validation_", validation),
      learning_rate: session.run.learningRateAt(step),
      ...(session.model.beta ? { beta: session.run.betaAt(step) as number } : {}),
    });
    const { pictures } = this.hooks;
    await log.flush(pictures && (await session.withAverage(pictures)));
    if (best) await folder.writeCheckpoint(bytes, "best");
    if (options.keep > 0) await folder.writeCheckpoint(bytes, epochName(epoch));
    await this.saved(bytes, next);
    await this.prune();
    log.nextEpoch();
    this.state = next;
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
    const { best } = this.state;
    const { split, options } = this.plan;
    return !best || split.validation.length === 0 || loss < best.loss - options.minDelta;
  }

  private report(phase: Progress["phase"], step: number): void {
    const { epochs, steps, batch } = this.plan;
    const done = this.state.epochs;
    const begin = this.session.calendar.beginOf(done + 1);
    const place = { phase, epoch: done + 1, epochs, step: step - begin, steps };
    this.hooks.onProgress?.(this.pace.at({ ...place, terms: this.log.means() }, batch));
  }

  private async save(): Promise<string> {
    return this.saved(await this.session.save(this.state), this.state);
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
    const { step, epochs } = this.state;
    const { log, session } = this;
    // At the end of an epoch it is that one, not the next.
    const epoch = step === session.calendar.beginOf(epochs + 1) ? Math.max(1, epochs) : epochs + 1;
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
    throw this.hooks.interruption!.error(`${path} holds step ${this.state.step}`);
  }

  /** The error to end with: what was kept is in its message. */
  private async diverged(error: NonFiniteError): Promise<NonFiniteError> {
    const { folder, session } = this;
    const { op, step, detail } = error;
    if (this.plan.options.dryRun) return error; // nothing of it is kept
    const { savedStep } = this;
    const last =
      savedStep > 0
        ? `${folder.checkpoint("last")} holds step ${savedStep}`
        : "no checkpoint was saved before";
    // The optimiser has left the weights as they were before that step.
    const before = step === undefined ? undefined : { ...this.state, step: step - 1 };
    // In a step of several updates those before the one that failed have moved their weights.
    const whole = session.run.isSingle;
    const rescued = whole && before && before.step > this.state.step;
    let also = "";
    if (rescued)
      try {
        const bytes = await session.save(before);
        const path = await folder.writeCheckpoint(bytes, "diverged");
        also = `, ${path} the weights of step ${before.step}`;
      } catch (other) {
        // Weights that are no good either are not kept; a full disk must not hide what happened.
        if (!(other instanceof NonFiniteError)) also = `; ${(other as Error).message}`;
      }
    const final = new NonFiniteError(op, step, `${detail}; ${last}${also}`);
    this.log.add({
      kind: "event",
      step: step ?? this.state.step,
      epoch: this.state.epochs + 1,
      time: now(),
      event: "diverged",
      message: final.message,
    });
    await afterFailure(() => this.log.flush());
    return final;
  }
}

function nextState(state: TrainState, best: Best | undefined): TrainState {
  const epochs = state.epochs + 1;
  return best
    ? { step: state.step, epochs, best, stale: 0 }
    : { ...state, epochs, stale: state.stale + 1 };
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

import type { Download } from "../data/files.ts";
import { selectImages } from "../data/splits.ts";
import type { Dataset, Split } from "../data/types.ts";
import type { EventImage } from "../formats/tensorboard.ts";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import type { Device } from "../gpu/device.ts";
import { DeviceLostError, NoAdapterError, UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";
import { InterruptedError, type Interruption } from "../host/interruption.ts";
import type { Model } from "../models/model.ts";
import { readVariants, withVariants } from "../tune/variant-files.ts";
import { type Ending, EpochLoop, type EpochReport } from "./epochs.ts";
import { factsOf } from "./facts.ts";
import { prepareNext } from "./free-folder.ts";
import { MetricsLog, now } from "./metrics-log.ts";
import { loadModel, readMetadata, requireModel } from "./model-file.ts";
import { readRunConfig } from "./open-run.ts";
import type { TrainOptions } from "./options.ts";
import type { Progress } from "./pace.ts";
import { makePlan, type Plan } from "./plan.ts";
import { planResumed } from "./run-data.ts";
import { factsKey } from "./run-files.ts";
import { RunFolder } from "./run-folder.ts";
import {
  machineOf,
  type Phase,
  startOf,
  type TrainingMachine,
  type TrainingStart,
} from "./start.ts";
import {
  type Best,
  beginning,
  choicesIn,
  optionsIn,
  requireSameSettings,
  type TrainState,
} from "./state.ts";
import { Trainer } from "./trainer.ts";

export interface TrainResult {
  /** The run folder. */
  readonly out: string;
  readonly figures: readonly string[];
  /** The report's path. */
  readonly report?: string;
  readonly adapter: string;
  readonly seconds: number;
  /** Epochs and steps of the run, those before `--resume` included. */
  readonly epochs: number;
  readonly steps: number;
  /** Why it ended before its last epoch, if it did. */
  readonly ending: Ending;
  /** The last epoch that was trained now; none where there was nothing left to train. */
  readonly final?: EpochReport;
  readonly best?: Best;
}

/** A finished training while its device is still open: what pictures are made from. */
export interface Trained {
  readonly device: Device;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly seed: number;
  /** What pictures during training show: some validation images, or training ones without them. */
  readonly watched: Split;
}

/** Images that can be watched during training. */
const WATCHED = 64;

/** Who looks on, and what is done beside the training. */
export interface TrainHooks {
  /** Told once each, before the device is opened and before anything is compiled. */
  readonly onStart?: (start: TrainingStart) => void;
  readonly onMachine?: (machine: TrainingMachine) => void;
  /** Work begins that no other progress tells of. */
  readonly onPhase?: (phase: Phase) => void;
  /** About twice a second. */
  readonly onProgress?: (progress: Progress) => void;
  readonly onEpoch?: (report: EpochReport) => void;
  /** Something that the user should know: a lost device, what a run goes on from. */
  readonly onNotice?: (line: string) => void;
  readonly onDownload?: (download: Download) => void;
  /** Draws what a finished run leaves behind, and returns the paths. */
  readonly finish?: (trained: Trained) => Promise<string[]>;
  /** Pictures for TensorBoard by tag, after an epoch. */
  readonly pictures?: (trained: Trained) => Promise<Record<string, EventImage>>;
  /** Writes the report of what the run folder holds. */
  readonly report?: (folder: RunFolder) => Promise<string>;
  readonly interruption?: Interruption | undefined;
  /** Default: `openDevice` with the host's `collect`. */
  readonly openDevice?: () => Promise<Device>;
}

/** New devices that are tried in a row, before a run that does not get on is given up. */
const TRIES = 3;
/** A driver that is being reset needs a moment; the pauses double. */
const FIRST_PAUSE_SECONDS = 0.5;

/**
 * Trains a model and writes its run folder: config.json, metrics.jsonl, checkpoints/last.safetensors
 * and best.safetensors, figures, report.html.
 *
 * An interruption stops it within about a second of work: everything is saved as it then is, and
 * `resume` goes on bit for bit. Before the first step of a new run nothing is left behind. When the
 * device is lost, another one is opened, and the run goes on from what was saved last.
 *
 * @throws NonFiniteError when the loss, a gradient, a weight or a term on the validation images stops
 *   being finite; the message says which checkpoints there are
 * @throws DataError when the data of a run that goes on are not those it had
 * @throws DeviceLostError when three new devices in a row were lost, too
 * @throws InterruptedError after an interruption
 */
export async function train(
  options: TrainOptions,
  host: Host,
  hooks: TrainHooks = {},
): Promise<TrainResult> {
  const begin = performance.now();
  const { dryRun } = options;
  // The next of a series is chosen when all else is known to be in order.
  const named = options.numbered ? undefined : await namedFolder(options, host);
  const plan =
    options.resume && named
      ? await planResumed(named, await readRunConfig(named), options, host, hooks)
      : await makePlan(options, host, hooks);
  hooks.interruption?.attend();
  const folder = named ?? (await prepareNext(options.out, host));
  const out = dryRun ? options.out : folder.path;
  const run = new Run(plan, folder, host, hooks, begin);
  const work = async () => {
    if (named) await folder.prepare();
    hooks.onStart?.(startOf(plan, out));
    const done = await run.persist();
    const seconds = (performance.now() - begin) / 1000;
    if (!dryRun) return { out, seconds, ...done };
    await folder.discard();
    const { report: _, ...rest } = done;
    return { out, seconds, ...rest, figures: [] };
  };
  const workOrLeave = async () => {
    try {
      return await work();
    } catch (error) {
      await afterFailure(() => leave(error, run.begun, folder, options, hooks));
      if (dryRun && error instanceof InterruptedError)
        throw new InterruptedError("it was a dry run; nothing was kept");
      throw error;
    }
  };
  return withCleanUp(workOrLeave, () => folder.release());
}

/** Leaves the folder of a run that failed in order. */
async function leave(
  error: unknown,
  begun: boolean,
  folder: RunFolder,
  { dryRun, resume }: TrainOptions,
  { report }: TrainHooks,
): Promise<void> {
  const early = async () => error instanceof InterruptedError && !(await folder.hasCheckpoint());
  if (dryRun || (!resume && (!begun || (await early())))) await folder.discard();
  else if (begun) await report?.(folder);
}

/** The folder that the user has named, in which a run begins or goes on. */
function namedFolder(options: TrainOptions, host: Host): Promise<RunFolder> {
  const { out, dryRun, resume } = options;
  if (dryRun) return RunFolder.createBeside(out, host);
  return resume ? RunFolder.open(out, host) : RunFolder.create(out, options, host);
}

/** A run on as many devices as it takes. */
class Run {
  /** The folder's files are this run's. */
  begun: boolean;
  /** What the last checkpoint holds, once that is known. */
  private saved: TrainState | undefined;
  /** The last epoch that was trained; a device that is lost behind it changes nothing about that. */
  private final: EpochReport | undefined;
  /** The table that the run began with. */
  private variants: VariantChoices | undefined;
  /** The first device and model were told of. */
  private known = false;
  /** Events that the metrics do not have yet. */
  private events: { readonly event: string; readonly message: string }[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly folder: RunFolder,
    private readonly host: Host,
    private readonly hooks: TrainHooks,
    /** When the run began, by `performance.now()`. */
    private readonly begin: number,
  ) {
    this.begun = plan.options.resume;
  }

  /** Trains until it is done; a lost device is replaced. */
  async persist(): Promise<Omit<TrainResult, "out" | "seconds">> {
    /** Losses in a row without a step saved in between. */
    let losses = 0;
    let reached = -1;
    for (;;) {
      let device: Device | undefined;
      try {
        const { host, hooks } = this;
        const anew = hooks.openDevice ?? (() => openDevice({ collect: host.collect }));
        device = await withVariants(anew, (opened) => this.chooseVariants(opened))();
        this.stopIfAsked();
        return await this.train(await this.makeTrainer(device));
      } catch (error) {
        const lost = error instanceof DeviceLostError ? error : device?.lost;
        // While a run recovers, an adapter that is not back yet is as good as lost.
        const absent = losses > 0 && error instanceof NoAdapterError;
        if (!lost && !absent) throw error;
        const step = this.saved?.step ?? 0;
        losses = step > reached ? 1 : losses + 1;
        reached = step;
        const failure = lost ?? new DeviceLostError("open", (error as Error).message);
        if (losses > TRIES) throw this.lostForGood(failure);
        await this.recover(failure, losses);
      } finally {
        device?.close();
      }
    }
  }

  private async makeTrainer(device: Device): Promise<Trainer> {
    const { plan, hooks } = this;
    const signal = hooks.interruption?.signal;
    const onCompile = (model: Model) => {
      requireNoPatience(plan, model);
      if (!this.known) hooks.onMachine?.(machineOf(device, model));
      this.known = true;
      hooks.onPhase?.("compiling");
    };
    try {
      return await Trainer.create(device, plan, { signal, onCompile });
    } catch (error) {
      if (error instanceof InterruptedError) this.stopIfAsked();
      throw error;
    }
  }

  /** The kernel variants of a run stay what they were when it began, also on other devices. */
  private async chooseVariants(device: Device): Promise<VariantChoices> {
    const { folder } = this;
    if (this.begun && (await folder.hasCheckpoint())) {
      const file = await folder.readCheckpoint();
      return choicesIn(await readMetadata(file), file.path);
    }
    this.variants ??= await readVariants(this.host, device);
    return this.variants;
  }

  /** Trains on one device from what was saved last, or from the beginning. */
  private async train(trainer: Trainer): Promise<Omit<TrainResult, "out" | "seconds">> {
    const { plan, folder, hooks } = this;
    const { options } = plan;
    const state = await this.restore(trainer);
    // A damaged file is found out before anything is written.
    if (this.begun) await folder.readMetrics();
    if (!this.begun || options.resume)
      await folder.writeConfig({ ...plan.config, [factsKey]: factsOf(plan, trainer) });
    this.begun = true;
    const { csv, tensorboard } = options;
    const { terms } = trainer;
    const begin = trainer.calendar.beginOf(state.epochs + 1);
    const log = await MetricsLog.open(folder, state, { begin, terms, csv, tensorboard });
    if (log.lastStep < state.step)
      hooks.onNotice?.(
        `metrics.jsonl ends with step ${log.lastStep}: the lines up to step ${state.step} are lost`,
      );
    const place = { step: state.step, epoch: Math.min(state.epochs + 1, plan.epochs) };
    for (const event of this.events.splice(0))
      log.add({ kind: "event", ...place, time: now(), ...event });
    await log.flush(); // another loss must not lose them
    const trained = this.trained(trainer);
    const { pictures } = hooks;
    const loop = new EpochLoop(
      plan,
      trainer,
      folder,
      log,
      {
        ...hooks,
        pictures: tensorboard && pictures ? () => pictures(trained) : undefined,
        onSaved: (saved) => {
          this.saved = saved;
        },
        deadline: options.maxTime === undefined ? undefined : this.begin + 1000 * options.maxTime,
      },
      state,
    );
    const { ending, final } = await loop.run();
    this.final = final ?? this.final;
    const done = await this.finish(trainer, loop.state);
    return { ...done, ending, ...(this.final ? { final: this.final } : {}) };
  }

  /** Puts back what was saved last. */
  private async restore(trainer: Trainer): Promise<TrainState> {
    const { folder, hooks } = this;
    if (!this.begun || !(await folder.hasCheckpoint())) return beginning;
    const file = await folder.readCheckpoint();
    const { state, otherwise } = await trainer.restore(file, (metadata) =>
      requireSameSettings(optionsIn(metadata, file.path), this.plan.config, [], file.path),
    );
    const first = this.saved === undefined;
    this.saved = state;
    if (!first) return state;
    const other = otherwise === "" ? "" : `; ${otherwise}`;
    const message = `step ${state.step} of ${file.path}${other}`;
    hooks.onNotice?.(`going on from ${message}`);
    this.events.push({ event: "resumed", message });
    return state;
  }

  /** Draws and reports what the best weights make. */
  private async finish(trainer: Trainer, state: TrainState) {
    const { plan, folder, hooks } = this;
    const { options } = plan;
    const name = (await folder.hasCheckpoint("best")) ? "best" : "last";
    const file = await folder.readCheckpoint(name);
    await loadModel(trainer.model, file, requireModel(options.model, file.path));
    this.stopIfAsked();
    if (!options.dryRun)
      hooks.interruption?.ignore(`${folder.checkpoint("last")} holds step ${state.step}`);
    const { device } = trainer;
    if (hooks.finish) hooks.onPhase?.("drawing figures");
    const figures = (await hooks.finish?.(this.trained(trainer))) ?? [];
    this.stopIfAsked();
    const report = await hooks.report?.(folder);
    return {
      figures,
      ...(report === undefined ? {} : { report }),
      adapter: `${device.adapter.name} (${device.adapter.runtime})`,
      epochs: state.epochs,
      steps: state.step,
      ...(state.best ? { best: state.best } : {}),
    };
  }

  private trained({ device, model }: Trainer): Trained {
    const { plan, folder } = this;
    const { dataset, held, split, options } = plan;
    const watched =
      split.validation.length > 0
        ? selectImages(held, split.validation.slice(0, WATCHED))
        : selectImages(dataset.train, split.train.slice(0, WATCHED));
    return { device, model, dataset, folder, seed: options.seed, watched };
  }

  /** Notes a loss, and waits a moment. */
  private async recover({ message }: DeviceLostError, losses: number): Promise<void> {
    const { saved } = this;
    const from = saved ? `from step ${saved.step}` : "from where it began";
    this.hooks.onNotice?.(`${message}; going on ${from} with a new device (${losses} of ${TRIES})`);
    this.events.push({ event: "device lost", message });
    const pause = FIRST_PAUSE_SECONDS * 2 ** (losses - 1);
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }

  private lostForGood({ op, detail }: DeviceLostError): DeviceLostError {
    const { saved, folder } = this;
    const kept = saved
      ? `${folder.checkpoint("last")} holds step ${saved.step}`
      : "nothing was saved";
    return new DeviceLostError(op, `${detail}; ${TRIES} new devices were lost as well; ${kept}`);
  }

  /** Throws if the run was interrupted; for the times between the steps. */
  private stopIfAsked(): void {
    const { interruption } = this.hooks;
    if (!interruption?.requested) return;
    const { saved, folder } = this;
    const { resume } = this.plan.options;
    throw interruption.error(
      saved
        ? `${folder.checkpoint("last")} holds step ${saved.step}`
        : resume
          ? `${folder.path} is as it was`
          : this.begun
            ? "nothing had been saved, and nothing was kept"
            : "it was before the first step; nothing was kept",
    );
  }
}

/** Stages are shares of the epochs, and none of them may be cut short. */
function requireNoPatience({ entry, options }: Plan, { stages = 1 }: Model): void {
  if (stages > 1 && options.patience !== undefined && !options.dryRun)
    throw new UsageError(
      `--patience: ${entry.name} is trained in stages, of which the last might never begin; take --epochs`,
    );
}

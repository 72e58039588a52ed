import type { RandomKey } from "../autograd/ops/random.ts";
import { grad } from "../autograd/tape.ts";
import { loadDataset } from "../data/datasets.ts";
import { DeviceImages, ShuffledBatches } from "../data/loader.ts";
import { joinPath } from "../data/paths.ts";
import { selectImages, splitTraining } from "../data/splits.ts";
import type { Dataset } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import { DataError, NonFiniteError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { Program } from "../gpu/program.ts";
import type { Host } from "../host/host.ts";
import type { Model } from "../models/model.ts";
import { findModel, models } from "../models/registry.ts";
import { resolveSettings } from "../models/settings.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { Adam } from "../optim/adam.ts";
import { full, upload } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import { Evaluation } from "./evaluation.ts";
import { InterruptedError, type Interruption } from "./interruption.ts";
import { LossLog } from "./loss-log.ts";
import { requireFinite, saveModel } from "./model-file.ts";
import { type MetricRecord, RunFolder } from "./run-folder.ts";

export interface TrainOptions {
  model: string;
  data: string;
  dataDir?: string;
  out: string;
  epochs: number;
  batch: number;
  /** Most training images. */
  limit?: number;
  seed: number;
  /** Train on all training images and keep none for validation. */
  fullTrain: boolean;
  /** The model's own settings (`--set`). */
  settings: Record<string, string>;
  /** Replace a run that is in the folder already. */
  force: boolean;
}

/** What one epoch came to. Loss terms are nats per sample. */
export interface EpochReport {
  epoch: number;
  epochs: number;
  steps: number;
  seconds: number;
  imagesPerSecond: number;
  train: Record<string, number>;
  validation?: Record<string, number>;
}

export interface TrainResult {
  out: string;
  figures: string[];
  adapter: string;
  seconds: number;
  final: EpochReport;
}

/** A finished training while its device is still open: what pictures are made from. */
export interface Trained {
  readonly device: Device;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly folder: RunFolder;
  readonly seed: number;
}

/** A queue of this many seconds keeps the adapter busy and Ctrl-C and errors prompt. */
const QUEUE_SECONDS = 1;
/** The value of the optimiser's flag while everything is finite. */
const NEVER = 0xffffffff;

/**
 * Trains a model and writes its run folder: config.json, metrics.jsonl, checkpoints/last.safetensors
 * after every epoch, and whatever figures `onTrained` draws (it returns their paths).
 *
 * An interruption stops it within about a second of work: the weights are saved as they then are,
 * and the steps done so far are in metrics.jsonl. Before the first step nothing is left behind.
 *
 * @throws NonFiniteError when the loss, a gradient, a parameter or a term on the validation images
 *   stops being finite; the checkpoint of the last whole epoch stays, and metrics.jsonl has the
 *   steps before
 * @throws InterruptedError after an interruption
 */
export async function train(
  options: TrainOptions,
  host: Host,
  onEpoch: (report: EpochReport) => void,
  onTrained: (trained: Trained) => Promise<string[]>,
  interruption?: Interruption,
): Promise<TrainResult> {
  const begin = performance.now();
  const entry = findModel(options.model, models);
  const settings = resolveSettings(entry, options.settings);
  const folder = await RunFolder.create(options.out, { force: options.force }, host);
  const source = { host, ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }) };
  const dataset = await loadDataset(options.data, source);
  const parts = splitTraining(dataset.train.count, options.seed, {
    fullTrain: options.fullTrain,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  if (parts.train.length < options.batch)
    throw new DataError(
      `${options.data}: ${parts.train.length} training images do not fill a batch of ${options.batch}`,
    );
  const stopEarly = () => {
    if (interruption?.requested)
      throw interruption.error("it was before the first step; nothing was kept");
  };
  interruption?.attend();
  let device: Device | undefined;
  let begun = false;
  try {
    await folder.prepare();
    stopEarly();
    device = await openDevice();
    stopEarly();
    const seed: [number, number] = [options.seed >>> 0, Math.floor(options.seed / 2 ** 32) >>> 0];
    const model = entry.build(device, new HostRandom(options.seed), dataset, settings);
    const imagesOf = (rows: Parameters<typeof selectImages>[1], label: string) =>
      new DeviceImages(device as Device, selectImages(dataset.train, rows), dataset, label);
    const images = imagesOf(parts.train, "training images");
    const run = await TrainingRun.create(model, images, {
      batch: options.batch,
      learningRate: settings.number("learning-rate"),
      seed,
    });
    stopEarly();
    const validation =
      parts.validation.length > 0
        ? await Evaluation.create(
            model,
            imagesOf(parts.validation, "validation images"),
            options.batch,
            seed,
          )
        : undefined;
    stopEarly();
    await folder.writeConfig({
      ...options,
      ...(options.dataDir === undefined ? {} : { dataDir: joinPath(host.cwd, options.dataDir) }),
      settings: settings.all(),
      image: { height: dataset.height, width: dataset.width, channels: dataset.channels },
      adapter: device.adapter,
      step: run.program.statistics,
    });
    begun = true;

    const save = async (epoch: number, step: number) =>
      folder.writeCheckpoint(
        await saveModel(model, run.optimiser, {
          model: options.model,
          epoch: String(epoch),
          step: String(step),
          seed: String(options.seed),
        }),
      );
    let final: EpochReport | undefined;
    for (let epoch = 0; epoch < options.epochs; epoch++) {
      const start = performance.now();
      const first = epoch * run.steps;
      let rows: Record<string, number>[] = [];
      let validated: Record<string, number> | undefined;
      let seconds = 0;
      const stepLines = (): MetricRecord[] =>
        rows.map((row, i) => ({ kind: "step", step: first + i + 1, epoch: epoch + 1, ...row }));
      try {
        rows = await run.epoch(epoch, interruption);
        seconds = (performance.now() - start) / 1000;
        if (!interruption?.requested) validated = await validation?.run(interruption);
        if (interruption?.requested) {
          const step = first + rows.length;
          await requireFinite(model, step);
          const path = await save(rows.length < run.steps ? epoch : epoch + 1, step);
          const event = { kind: "event", step, epoch: epoch + 1, event: "interrupted" } as const;
          await folder.appendMetrics([...stepLines(), event]);
          throw interruption.error(`${path} holds step ${step}`);
        }
        const step = first + rows.length;
        for (const [name, value] of Object.entries(validated ?? {}))
          if (!Number.isFinite(value))
            throw new NonFiniteError(`validation ${name}`, step, `the mean is ${value}`);
        await requireFinite(model, step);
      } catch (error) {
        if (!(error instanceof NonFiniteError)) throw error;
        if (rows.length === 0 && error.step !== undefined)
          rows = await run.rows(epoch, error.step - 1 - first);
        const { message } = error;
        const step = error.step ?? first + rows.length;
        const event = {
          kind: "event",
          step,
          epoch: epoch + 1,
          event: "diverged",
          message,
        } as const;
        await folder.appendMetrics([...stepLines(), event]);
        throw error;
      }
      const report: EpochReport = {
        epoch: epoch + 1,
        epochs: options.epochs,
        steps: rows.length,
        seconds,
        imagesPerSecond: (rows.length * options.batch) / seconds,
        train: meanOf(rows),
        ...(validated ? { validation: validated } : {}),
      };
      const line: MetricRecord = {
        kind: "epoch",
        step: first + report.steps,
        epoch: report.epoch,
        seconds,
        ...report.train,
        ...prefixed("validation_", report.validation),
      };
      await folder.appendMetrics([...stepLines(), line]);
      const path = await save(report.epoch, first + report.steps);
      onEpoch(report);
      final = report;
      const outcome = `${path} holds epoch ${report.epoch}`;
      if (interruption?.requested) throw interruption.error(outcome);
      if (report.epoch === options.epochs) interruption?.ignore(outcome);
    }
    const figures = await onTrained({ device, model, dataset, folder, seed: options.seed });
    return {
      out: options.out,
      figures,
      adapter: `${device.adapter.name} (${device.adapter.runtime})`,
      seconds: (performance.now() - begin) / 1000,
      final: final as EpochReport,
    };
  } catch (error) {
    const early = error instanceof InterruptedError && !(await folder.hasCheckpoint());
    if (!begun || early) await folder.discard().catch(() => undefined);
    throw error;
  } finally {
    device?.close();
  }
}

/** A model with its optimiser and data, and the recorded step that trains it. */
export class TrainingRun {
  private constructor(
    readonly device: Device,
    readonly program: Program,
    readonly optimiser: Adam,
    private readonly batches: ShuffledBatches,
    private readonly log: LossLog,
  ) {}

  static async create(
    model: Model,
    images: DeviceImages,
    options: { batch: number; learningRate: number; seed: readonly [number, number] },
  ): Promise<TrainingRun> {
    const { device } = images;
    const parameters = model.parameters().map(({ name, tensor }) => {
      tensor.value.label = name;
      return tensor;
    });
    const optimiser = new Adam(device, parameters, { learningRate: options.learningRate });
    const batches = new ShuffledBatches(images, options.batch, options.seed);
    const key: RandomKey = { seed: options.seed, step: optimiser.stepCounter, stream: 0 };
    let log: LossLog | undefined;
    const { program } = await record(device, () => {
      const terms = model.terms(batches.next(), key);
      // The derivative of the batch's mean loss: each sample's loss has the cotangent 1/batch.
      const dy = full(device, [options.batch], 1 / options.batch);
      optimiser.step(grad(terms.loss, parameters, { dy }), { guard: [terms.loss] });
      log = new LossLog(device, batches.batchesPerEpoch, Object.keys(terms));
      log.write(optimiser.stepCounter, terms);
    });
    await device.finish();
    return new TrainingRun(device, program, optimiser, batches, log as LossLog);
  }

  /** Steps in an epoch. */
  get steps(): number {
    return this.batches.batchesPerEpoch;
  }

  /**
   * Runs an epoch (counted from 0); the loss terms of each of its steps. After an interruption, of
   * those that were done.
   */
  async epoch(epoch: number, interruption?: Interruption): Promise<Record<string, number>[]> {
    let waited = performance.now();
    let queued = 0;
    let patience = 1;
    let done = 0;
    while (done < this.steps) {
      this.runStep(epoch, done++);
      if (++queued < patience) continue;
      await this.checkFinite(epoch);
      if (interruption?.requested) break;
      // Queue as many steps as the adapter does in a while: waiting costs a round trip.
      const seconds = (performance.now() - waited) / 1000;
      patience = Math.max(1, Math.min(1000, Math.round((queued * QUEUE_SECONDS) / seconds)));
      waited = performance.now();
      queued = 0;
    }
    await this.checkFinite(epoch);
    return this.rows(epoch, done);
  }

  /** The loss terms of the first `count` steps of the latest epoch (counted from 0). */
  async rows(epoch: number, count: number): Promise<Record<string, number>[]> {
    const rows = await this.log.read(this.steps);
    // Step s (from 1) stands in row s mod steps.
    return Array.from(
      { length: Math.max(0, Math.min(count, this.steps)) },
      (_, i) => rows[(epoch * this.steps + i + 1) % this.steps] as Record<string, number>,
    );
  }

  /** Queues one training step. */
  runStep(epoch: number, index: number): void {
    this.batches.moveTo(epoch, index);
    upload(this.optimiser.stepCounter.value, Uint32Array.of(epoch * this.steps + index + 1));
    this.program.run();
  }

  /** Waits for the queue; if a step was not finite, finds the op and throws. */
  private async checkFinite(epoch: number): Promise<void> {
    const [step] = await this.optimiser.flag.integers();
    if (step === undefined || step === NEVER) return;
    // The optimiser has left the weights alone since that step, so it can be run again, op by op.
    this.batches.moveTo(epoch, step - 1 - epoch * this.steps);
    upload(this.optimiser.stepCounter.value, Uint32Array.of(step));
    await this.program.diagnose(step);
    throw new NonFiniteError("gradient", step, "a value is NaN or infinite");
  }
}

function meanOf(rows: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, rows.reduce((sum, row) => sum + (row[name] ?? 0), 0) / rows.length]),
  );
}

function prefixed(prefix: string, record: Record<string, number> = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [prefix + k, v]));
}

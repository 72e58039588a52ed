import { openDevice } from "../src/gpu/open.ts";
import { median } from "../src/gpu/profiler.ts";
import type { Host } from "../src/host/host.ts";
import { toTrainOptions } from "../src/train/config.ts";
import { EpochLoop } from "../src/train/epochs.ts";
import { MetricsLog } from "../src/train/metrics-log.ts";
import { makePlan } from "../src/train/plan.ts";
import { RunFolder } from "../src/train/run-folder.ts";
import { beginning } from "../src/train/state.ts";
import { Trainer } from "../src/train/trainer.ts";

export interface TrainerOptions {
  readonly model: "conv" | "dense";
  readonly batch: number;
  /** Rounds; each trains an epoch and replays as many bare steps. */
  readonly runs: number;
  /** Steps of an epoch here. */
  readonly steps: number;
  readonly json: boolean;
}

/** What the trainer costs beside the steps; times in milliseconds, medians over the rounds. */
export interface TrainerReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly model: string;
  readonly batch: number;
  readonly steps: number;
  readonly rounds: number;
  /** One replayed step, nothing else. */
  readonly bareMs: number;
  /** One step in the trainer: reading losses back, metrics.jsonl, progress, the loop. */
  readonly trainedMs: number;
  /** trainedMs over bareMs in the same round. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Saving last and best: reading everything back once, hashing, writing and syncing twice. */
  readonly saveMs: number;
  readonly checkpointBytes: number;
  /** The trainer's share beyond the bare steps in an epoch of 60,000 images with one save. */
  readonly overhead: number;
}

const EPOCH_IMAGES = 60_000;

/**
 * Trains on glyphs as `latentgrad train` does, in a real run folder, and replays the same recorded
 * step bare, in turns.
 */
export async function measureTrainer(options: TrainerOptions, host: Host): Promise<TrainerReport> {
  const { batch, steps, runs } = options;
  const out = `${host.cacheDir}/bench-trainer`;
  await host.remove(out);
  const latent = options.model === "dense" ? "20" : "2";
  const given = {
    model: "vae",
    texts: {
      batch: String(batch),
      limit: String(batch * steps),
      epochs: String(runs + 1),
      "full-train": "true",
    },
    settings: { network: options.model, latent },
  } as const;
  const training = toTrainOptions(given, () => out);
  const plan = await makePlan(training, host);
  const folder = await RunFolder.create(out, { force: false }, host);
  const device = await openDevice();
  try {
    const trainer = await Trainer.create(device, plan);
    await folder.prepare();
    await folder.writeConfig({});
    const { terms, program } = trainer;
    const log = await MetricsLog.open(folder, beginning, {
      ...{ begin: 0, terms, csv: false, tensorboard: false },
    });
    let saving = 0;
    let checkpointBytes = 0;
    const save = trainer.checkpoint.bind(trainer);
    const writeCheckpoint = folder.writeCheckpoint.bind(folder);
    trainer.checkpoint = (also) => timed(() => save(also));
    folder.writeCheckpoint = (bytes, name) => {
      checkpointBytes = bytes.length;
      return timed(() => writeCheckpoint(bytes, name));
    };
    const timed = async <T>(body: () => Promise<T>): Promise<T> => {
      const start = performance.now();
      const result = await body();
      saving += performance.now() - start;
      return result;
    };
    let progress = 0;
    const bare: number[] = [];
    const trained: number[] = [];
    const saves: number[] = [];
    for (let round = 0; round <= runs; round++) {
      const start = performance.now();
      saving = 0;
      const hooks = { onProgress: () => progress++ };
      const one = { ...plan, epochs: round + 1 };
      const loop = new EpochLoop(one, trainer, folder, log, hooks, { stale: 0 });
      await loop.run();
      const middle = performance.now();
      // The words that say which step it is move on by themselves.
      for (let i = 0; i < steps; i++) program.run();
      await device.finish();
      const end = performance.now();
      if (round === 0) continue; // compiles, and warms the files up
      bare.push((end - middle) / steps);
      trained.push((middle - start - saving) / steps);
      saves.push(saving);
    }
    const ratios = trained.map((ms, i) => ms / bare[i]!);
    const epochSteps = EPOCH_IMAGES / batch;
    const ratio = median(ratios);
    const bareMs = median(bare);
    const saveMs = median(saves);
    return {
      adapter: device.adapter.name,
      runtime: device.adapter.runtime,
      model: `vae-${options.model}`,
      batch,
      steps,
      rounds: runs,
      bareMs,
      trainedMs: median(trained),
      ratio,
      ratios,
      saveMs,
      checkpointBytes,
      overhead: ratio - 1 + saveMs / (epochSteps * bareMs),
    };
  } finally {
    device.close();
    await host.remove(out);
  }
}

/** The report as text for people. */
export function formatTrainer(report: TrainerReport): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const { adapter, runtime, model, batch, steps, rounds } = report;
  const sorted = [...report.ratios].sort((a, b) => a - b);
  const quartile = (q: number) => (sorted[Math.round(q * (sorted.length - 1))] ?? 0).toFixed(3);
  const spread = `quartiles ${quartile(0.25)} to ${quartile(0.75)}`;
  return `${[
    `adapter     ${adapter}`,
    `runtime     ${runtime}`,
    `step        ${model}, batch ${batch}; ${rounds} rounds of ${steps} steps each way`,
    `bare        ${report.bareMs.toFixed(2)} ms a step`,
    `trained     ${report.trainedMs.toFixed(2)} ms a step, ratio ${report.ratio.toFixed(4)} (${spread})`,
    `save        ${report.saveMs.toFixed(1)} ms for last and best, ${(report.checkpointBytes / 2 ** 20).toFixed(2)} MiB each`,
    `overhead    ${percent(report.overhead)} of an epoch of 60,000 images, with best and last saved`,
  ].join("\n")}\n`;
}

/** Runs the benchmark as a process does: `argv` is one JSON of options. Returns the exit status. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const options = JSON.parse(argv[0] ?? "{}") as TrainerOptions;
  const report = await measureTrainer(options, host);
  await host.stdout(
    options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatTrainer(report),
  );
  return 0;
}

import { DeviceImages } from "../src/data/loader.ts";
import { NonFiniteError } from "../src/gpu/errors.ts";
import { openDevice } from "../src/gpu/open.ts";
import { formatProfile, median, type ProfileRow } from "../src/gpu/profiler.ts";
import type { Host } from "../src/host/host.ts";
import { Vae } from "../src/models/vae.ts";
import { HostRandom } from "../src/nn/initialisers.ts";
import { TrainingRun } from "../src/train/training-run.ts";
import { countCalls, since } from "./counting.ts";

export interface StepOptions {
  readonly model: "conv" | "dense";
  readonly batch: number;
  /** How often the step is timed. */
  readonly runs: number;
  readonly json: boolean;
}

/** The training step of one model; times in milliseconds unless the name says otherwise. */
export interface StepMeasurement {
  readonly model: string;
  readonly batch: number;
  /** Median over the runs, and the shortest and longest. */
  readonly ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
  /** Steps queued in one run: short steps are timed in groups, waiting once for each group. */
  readonly queued: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly buffersCreatedPerStep: number;
  readonly bindGroupsCreatedPerStep: number;
  readonly pipelinesCreatedPerStep: number;
  /** Buffers of the recorded step alone, and the most that the device has held. */
  readonly peakBytes: number;
  /** Textures that kernels read in place of buffers. */
  readonly textureBytes: number;
  readonly devicePeakBytes: number;
  /** Median time that the host takes to queue a step. */
  readonly hostMicros: number;
  readonly gflop: number;
  /** Opening the device, then recording with all pipelines, then the first step's end. */
  readonly openMs: number;
  readonly recordMs: number;
  readonly firstStepMs: number;
  /** `timestamps` of the adapter, or `waiting` for each dispatch alone, which adds a round trip. */
  readonly profiledBy: "timestamps" | "waiting";
  readonly kernels: readonly ProfileRow[];
}

export interface StepReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly steps: readonly StepMeasurement[];
}

/** Groups of queued steps take about this long, so that the wait at their end does not count. */
const GROUP_MS = 300;
/** Batches in an epoch of the random data. */
const BATCHES = 8;
const NEVER = 0xffffffff;

/**
 * Records the training step of a VAE on random 28×28 images, as `latentgrad train` does, and
 * measures its replays.
 */
export async function measureStep(options: StepOptions): Promise<StepReport> {
  const { batch, runs } = options;
  const begin = performance.now();
  const device = await openDevice();
  try {
    const counts = countCalls();
    const opened = performance.now();
    const image = { height: 28, width: 28, channels: 1 };
    const random = new HostRandom(1);
    const model = new Vae(device, random, image, {
      network: options.model,
      latent: 2,
      beta: 1,
      width: 1,
    });
    const count = batch * BATCHES;
    const pixels = Uint8Array.from(random.uniform(count * 784), (u) => Math.floor(u * 256));
    const split = { images: pixels, labels: new Uint8Array(count), count };
    const run = await TrainingRun.create(model, new DeviceImages(device, split, image), {
      batch,
      seed: [1, 0],
    });
    const recorded = performance.now();
    let steps = 0;
    const queue = () => {
      run.runStep(++steps);
    };
    queue();
    await device.finish();
    const first = performance.now();

    queue();
    await device.finish();
    const queued = Math.max(1, Math.round(GROUP_MS / (performance.now() - first)));
    const times: number[] = [];
    const hostMicros: number[] = [];
    const created = { buffers: 0, bindGroups: 0, pipelines: 0, dispatches: 0, submits: 0 };
    for (let r = 0; r < runs; r++) {
      const start = performance.now();
      for (let q = 0; q < queued; q++) {
        const before = { ...counts };
        const called = performance.now();
        queue();
        hostMicros.push((performance.now() - called) * 1000);
        const made = since(before, counts);
        for (const kind of Object.keys(created) as (keyof typeof created)[])
          created[kind] += made[kind];
      }
      await device.finish();
      times.push((performance.now() - start) / queued);
    }
    const [flag] = await run.optimiser.flag.integers();
    if (flag !== NEVER) throw new NonFiniteError("gradient", flag, "the benchmark diverged");
    const kernels = await run.program.profile(Math.min(3, runs));
    const { peakBytes, textureBytes, flops } = run.program.statistics;
    const each = (total: number) => total / (runs * queued);
    const measurement: StepMeasurement = {
      model: `vae-${options.model}`,
      batch,
      ms: median(times),
      minMs: Math.min(...times),
      maxMs: Math.max(...times),
      runs,
      queued,
      dispatches: each(created.dispatches),
      submits: each(created.submits),
      buffersCreatedPerStep: each(created.buffers),
      bindGroupsCreatedPerStep: each(created.bindGroups),
      pipelinesCreatedPerStep: each(created.pipelines),
      peakBytes,
      textureBytes,
      devicePeakBytes: device.pool.statistics().peakBytes,
      hostMicros: median(hostMicros),
      gflop: flops / 1e9,
      openMs: opened - begin,
      recordMs: recorded - opened,
      firstStepMs: first - recorded,
      profiledBy: device.hasTimestamps ? "timestamps" : "waiting",
      kernels,
    };
    return {
      adapter: device.adapter.name,
      runtime: device.adapter.runtime,
      steps: [measurement],
    };
  } finally {
    device.close();
  }
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The report as text for people. */
export function formatStep(report: StepReport): string {
  const lines = [`adapter     ${report.adapter}`, `runtime     ${report.runtime}`];
  for (const s of report.steps) {
    const total = s.openMs + s.recordMs + s.firstStepMs;
    lines.push(
      `step        ${s.model}, batch ${s.batch}, ${s.gflop.toFixed(2)} GFLOP`,
      `time        ${s.ms.toFixed(2)} ms (median of ${s.runs} runs of ${s.queued} steps; ${s.minMs.toFixed(2)} to ${s.maxMs.toFixed(2)}), ${((s.gflop * 1e3) / s.ms).toFixed(2)} GFLOP/s`,
      `host        ${s.hostMicros.toFixed(0)} µs a step`,
      `commands    ${s.dispatches} dispatches in ${s.submits} submits`,
      `made        ${s.buffersCreatedPerStep} buffers, ${s.bindGroupsCreatedPerStep} bind groups, ${s.pipelinesCreatedPerStep} pipelines a replayed step`,
      `memory      ${mib(s.peakBytes)} of the step, ${mib(s.textureBytes)} of textures, ${mib(s.devicePeakBytes)} of the device at most`,
      `first step  ${total.toFixed(0)} ms after the start (device ${s.openMs.toFixed(0)}, recording ${s.recordMs.toFixed(0)}, step ${s.firstStepMs.toFixed(0)})`,
      "",
      `kernels, timed by ${s.profiledBy}:`,
      formatProfile(s.kernels),
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Runs the benchmark as a process does: `argv` is one JSON of options. Returns the exit status. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const options = JSON.parse(argv[0] ?? "{}") as StepOptions;
  const report = await measureStep(options);
  await host.stdout(
    options.json ? `${JSON.stringify(report, undefined, 2)}\n` : formatStep(report),
  );
  const wasteful = report.steps.filter(
    (s) => s.buffersCreatedPerStep + s.bindGroupsCreatedPerStep + s.pipelinesCreatedPerStep > 0,
  );
  for (const s of wasteful)
    await host.stderr(`bench: a replayed step of ${s.model} makes WebGPU objects\n`);
  return wasteful.length > 0 ? 1 : 0;
}

import { DeviceImages } from "../data/loader.ts";
import type { Split } from "../data/types.ts";
import type { Device } from "../gpu/device.ts";
import { NonFiniteError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import { median } from "../gpu/profiler.ts";
import { type Timing, timeQueued } from "../gpu/timing.ts";
import { onTunableKernel, type TunableKernel } from "../kernels/variants.ts";
import { buildModel } from "../models/build.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { parseSettings } from "../settings/settings.ts";
import { TrainingRun } from "../train/training-run.ts";
import { type Counts, countCalls, since } from "./counting.ts";

export interface StepOptions {
  readonly entry: ModelDefinition;
  /** As `--set` gives them. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the report calls the model. */
  readonly label: string;
  readonly batch: number;
  /** How often the step is timed. */
  readonly runs?: number | undefined;
  /** Default: openDevice. */
  readonly open?: typeof openDevice | undefined;
}

/** The training step of one model; times in milliseconds unless the name says otherwise. */
export interface StepMeasurement extends Timing {
  readonly model: string;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly gflop: number;
  readonly dispatches: number;
  readonly submits: number;
  readonly buffersCreatedPerStep: number;
  readonly bindGroupsCreatedPerStep: number;
  readonly pipelinesCreatedPerStep: number;
  /** Buffers of the recorded step alone, and the most that the device has held. */
  readonly peakBytes: number;
  readonly devicePeakBytes: number;
  /** Textures that kernels read in place of buffers. */
  readonly textureBytes: number;
  /** Median time that the host takes to queue a step while the adapter is idle. */
  readonly hostMicros: number;
  /** Opening the device, then building and recording with all pipelines, then the first step's end. */
  readonly openMs: number;
  readonly recordMs: number;
  readonly firstStepMs: number;
  /** The three together: from nothing to a trained step. */
  readonly timeToFirstStepMs: number;
}

/** Images of the random data. */
const IMAGE = { height: 28, width: 28, channels: 1 } as const;
const CLASSES = 10;
const STYLES = 4;
/** Batches in an epoch of the random data. */
const BATCHES = 8;
/** So many that models of several stages stay in their first. */
const EPOCHS = 2 ** 20;

/** A recorded training step on a device of its own. */
export interface OpenStep {
  readonly device: Device;
  readonly run: TrainingRun;
  readonly openMs: number;
  readonly recordMs: number;
}

/** Random images with all that a model may want to know of them. */
function randomImages(count: number): Split {
  const { height, width, channels } = IMAGE;
  const size = count * height * width * channels;
  // Part of the pixels, over and over: drawing takes the host longer than the step the adapter.
  const drawn = new HostRandom(1).uniform(Math.min(size, 2 ** 18 + 1));
  const images = Uint8Array.from({ length: size }, (_, i) =>
    Math.floor((drawn[i % drawn.length] as number) * 256),
  );
  const modulo = (n: number) => Uint8Array.from({ length: count }, (_, i) => (i * 7) % n);
  return { images, labels: modulo(CLASSES), attributes: { style: modulo(STYLES) }, count };
}

/**
 * Builds a model and records its training step as `latentgrad train` does, on random 28×28 images.
 *
 * @param listener hears which variants the kernels ask for
 */
export async function openStep(
  {
    entry,
    settings,
    batch,
    open = openDevice,
  }: Pick<StepOptions, "entry" | "settings" | "batch" | "open">,
  listener?: (kernel: TunableKernel) => void,
): Promise<OpenStep> {
  const checked = parseSettings(entry, settings);
  const split = randomImages(batch * BATCHES);
  const begin = performance.now();
  const device = await open();
  try {
    const opened = performance.now();
    if (listener) onTunableKernel(device.variants, listener);
    const data = {
      ...IMAGE,
      classes: CLASSES,
      attributes: { style: STYLES },
      images: split.count,
    };
    const model = buildModel(entry, device, { data, settings: checked });
    const images = new DeviceImages(device, split, IMAGE);
    const run = await TrainingRun.create(model, images, { batch, seed: [1, 0], epochs: EPOCHS });
    return { device, run, openMs: opened - begin, recordMs: performance.now() - opened };
  } catch (error) {
    device.close();
    throw error;
  }
}

/** The kernels with several variants that a training step asks for, on a device of its own. */
export async function kernelsOfStep(
  step: Pick<StepOptions, "entry" | "settings" | "batch">,
): Promise<TunableKernel[]> {
  const asked: TunableKernel[] = [];
  const { device } = await openStep(step, (kernel) => asked.push(kernel));
  device.close();
  return asked;
}

/** Records the training step of a model and measures its replays. */
export async function measureStep(options: StepOptions): Promise<StepMeasurement> {
  const open = await openStep(options);
  try {
    return await timeStep(open, options);
  } finally {
    open.device.close();
  }
}

/**
 * Measures the replays of a step, which has not run yet.
 *
 * @throws NonFiniteError if the training diverges, which would make the figures meaningless
 */
export async function timeStep(
  { device, run, openMs, recordMs }: OpenStep,
  { label, batch, runs }: StepOptions,
): Promise<StepMeasurement> {
  let steps = 0;
  const queue = () => {
    run.runStep(++steps);
  };
  const start = performance.now();
  queue();
  await device.finish();
  const firstStepMs = performance.now() - start;
  const timing = await timeQueued(device, queue, runs === undefined ? {} : { runs });
  // Last: a step's first replays take the host a tenth to a quarter longer, until its engine has compiled them.
  const { made, hostMicros } = await watchHost(device, queue);
  const failed = await run.nonFiniteStep();
  if (failed !== undefined) throw new NonFiniteError("gradient", failed, "the benchmark diverged");
  const { peakBytes, textureBytes, flops } = run.program.statistics;
  return {
    model: label,
    batch,
    ...timing,
    imagesPerSecond: (1000 * batch) / timing.ms,
    gflop: flops / 1e9,
    dispatches: made.dispatches,
    submits: made.submits,
    buffersCreatedPerStep: made.buffers,
    bindGroupsCreatedPerStep: made.bindGroups,
    pipelinesCreatedPerStep: made.pipelines,
    peakBytes,
    devicePeakBytes: device.pool.statistics().peakBytes,
    textureBytes,
    hostMicros,
    openMs,
    recordMs,
    firstStepMs,
    timeToFirstStepMs: openMs + recordMs + firstStepMs,
  };
}

/** Steps that the host is watched at, and for how long at most. */
const WATCHED = { steps: 9, ms: 3000 };

/**
 * What a replayed step asks of WebGPU, and the median time the host takes for it. The adapter is idle
 * before each: with work in front of it some runtimes make the host wait.
 */
async function watchHost(
  device: Device,
  queue: () => void,
): Promise<{ made: Counts; hostMicros: number }> {
  const counts = countCalls();
  const made = since(counts, counts);
  const micros: number[] = [];
  const start = performance.now();
  while (micros.length < WATCHED.steps && performance.now() - start < WATCHED.ms) {
    const earlier = { ...counts };
    const called = performance.now();
    queue();
    micros.push((performance.now() - called) * 1000);
    const step = since(earlier, counts);
    for (const kind of Object.keys(made) as (keyof Counts)[]) made[kind] += step[kind];
    await device.finish();
  }
  for (const kind of Object.keys(made) as (keyof Counts)[]) made[kind] /= micros.length;
  return { made, hostMicros: median(micros) };
}

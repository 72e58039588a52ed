import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import { type FindVariants, tunedDevices } from "../tune/used-variants.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { type KernelCase, nameOfCase } from "./kernel-case.ts";
import {
  type KernelMeasurement,
  type KernelTiming,
  kernelCases,
  measureKernel,
} from "./kernels.ts";
import type { PeerFailure, PeerResult } from "./peers.ts";
import { raiseCeilings, standingOf } from "./roofline.ts";
import type { StepMeasurement } from "./step.ts";
import {
  type GrowthMeasurement,
  growthCases,
  isUsual,
  measureSteps,
  type StepCase,
  stepCases,
} from "./steps.ts";

export interface BenchOptions {
  /** What the names of measurements have to match; without it the usual ones are made. */
  readonly filter?: RegExp | undefined;
  /** Groups that are timed of each kernel and step. */
  readonly runs?: number | undefined;
  /** Opens the devices, one for the kernels and one for each step; default: openDevice. f16 is measured where they get the features that are asked for. */
  readonly open?: typeof openDevice | undefined;
  /** Finds the variants that the devices are to use; without it the heuristics choose. */
  readonly variants?: FindVariants | undefined;
}

/** What was measured of this engine. */
export interface BenchmarkReport {
  /** The adapter's name. */
  readonly adapter: string;
  /** `chrome`, `node`, `deno`, … */
  readonly runtime: string;
  /** Variants that a tuning had found and kernels used; absent where none were asked for. */
  readonly tuned?: VariantChoices;
  readonly ceilings: Ceilings;
  readonly kernels: readonly KernelMeasurement[];
  /** Kernels that would take too long and were not asked for by name; absent where there are none. */
  readonly leftOut?: readonly string[];
  readonly steps: readonly StepMeasurement[];
  /** Steps of one model with more and more latent dimensions. */
  readonly growth: readonly GrowthMeasurement[];
}

/** What `bench --json` writes. */
export interface BenchReport extends BenchmarkReport {
  readonly peers: readonly PeerResult[];
  /** Comparisons that a peer did not go through with; absent where none were made. */
  readonly peerFailures?: readonly PeerFailure[];
}

/** Names of the ceilings, which are measured in every run. */
const ceilingNames = ["ceiling/multiply-add", "ceiling/copy", "ceiling/latency"] as const;

export interface Selection {
  readonly kernels: readonly KernelCase[];
  readonly steps: readonly StepCase[];
  readonly growth: typeof growthCases;
}

/**
 * What the filter's names are of; without a filter all kernels, the VAE's steps at batch 128 and every
 * other model's at batch 32.
 *
 * @throws UsageError where nothing matches
 */
export function select(filter: RegExp | undefined): Selection {
  if (!filter) return { kernels: kernelCases, steps: stepCases.filter(isUsual), growth: [] };
  const matches = (name: string) => filter.test(name);
  const selection = {
    kernels: kernelCases.filter((kernel) => matches(nameOfCase(kernel))),
    steps: stepCases.filter(({ name }) => matches(name)),
    growth: growthCases.filter(({ name }) => matches(name)),
  };
  const found = Object.values(selection).some((cases) => cases.length > 0);
  if (!found && !ceilingNames.some(matches))
    throw new UsageError(
      `--filter ${filter.source.replaceAll("\\/", "/")}: no measurement has such a name; there are kernel/NAME/SHAPE, step/MODEL/BATCH, growth/latent/N and ${ceilingNames.join(", ")}, and with --peers peer/ENGINE/WHAT`,
    );
  return selection;
}

/** Without a filter kernels are left out that may take longer than this for one run. */
const LONGEST_RUN_MS = 2000;
/** A kernel may be that much slower than the ceiling. */
const ASSUMED_FRACTION = 0.1;

/** Names of kernels that no filter asks for and that may take too long. */
export function tooLong(
  kernels: readonly KernelCase[],
  filter: RegExp | undefined,
  fmaGflops: number,
): string[] {
  if (filter) return [];
  const longest = ({ flops }: KernelCase) => flops / (ASSUMED_FRACTION * fmaGflops) / 1e6;
  return kernels.filter((kernel) => longest(kernel) > LONGEST_RUN_MS).map(nameOfCase);
}

/**
 * Measures what was selected and the ceilings, one after another, in this process.
 *
 * @param log gets a line about each thing that is measured next
 */
export async function runBenchmarks(
  options: BenchOptions,
  log: (line: string) => void,
): Promise<BenchReport> {
  const { filter, runs } = options;
  const { open, used } = tunedDevices(options.open ?? openDevice, options.variants);
  const selection = select(filter);
  // Before all else, as in training: behind the ceilings the host took about a fifth longer for a step.
  const steps: StepMeasurement[] = [];
  for (const step of selection.steps) {
    log(step.name);
    steps.push(await measureSteps(step, runs, open));
  }
  const growth: GrowthMeasurement[] = [];
  for (const step of selection.growth) {
    log(step.name);
    growth.push({ ...(await measureSteps(step, runs, open)), latent: step.latent });
  }
  const { ceilings, timings, leftOut, facts } = await onDevice(open, async (device) => {
    const ceilings = await measureCeilings(device, open, log);
    const timings: KernelTiming[] = [];
    const leftOut = tooLong(selection.kernels, filter, ceilings.fmaGflops);
    for (const kernel of selection.kernels) {
      const name = nameOfCase(kernel);
      if (leftOut.includes(name)) {
        log(`${name} is left out: it may take more than ${LONGEST_RUN_MS / 1000} s a run`);
        continue;
      }
      log(name);
      timings.push(await measureKernel(device, kernel, runs));
    }
    return { ceilings, timings, leftOut, facts: device.adapter };
  });
  const raised = raiseCeilings(ceilings, timings);
  const tuned = used();
  return {
    adapter: facts.name,
    runtime: facts.runtime,
    ...(tuned === undefined ? {} : { tuned }),
    ceilings: raised,
    kernels: timings.map((timing) => measurementOf(timing, raised)),
    ...(leftOut.length > 0 ? { leftOut } : {}),
    steps,
    growth,
    peers: [],
  };
}

async function onDevice<T>(
  open: () => Promise<Device>,
  body: (device: Device) => Promise<T>,
): Promise<T> {
  const device = await open();
  try {
    return await body(device);
  } finally {
    device.close();
  }
}

function measurementOf(timing: KernelTiming, ceilings: Ceilings): KernelMeasurement {
  const { kernel, variant, dispatches, ms, minMs, maxMs, runs, queued, timedBy } = timing;
  return {
    name: kernel.name,
    shape: kernel.shape,
    variant,
    ms,
    ...standingOf(timing, ceilings),
    minMs,
    maxMs,
    runs,
    queued,
    timedBy,
    dispatches,
  };
}

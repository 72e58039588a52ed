import { openDevice } from "../gpu/open.ts";
import { median } from "../gpu/profiler.ts";
import type { Step } from "../gpu/step.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import { type FindVariants, tunedDevices } from "../tune/used-variants.ts";
import { openStep, type StepOptions } from "./step.ts";

/** One command of a recorded step. */
export interface ProgramLine {
  /** The update of the training step that it is of; empty where the step has but one. */
  readonly part: string;
  /** Kernel and shape, or `copy`. */
  readonly name: string;
  readonly variant: string;
  readonly workgroups: readonly number[];
  /** Median over the runs; textures that are filled for it are in it. */
  readonly micros: number;
  /** Of the whole step. */
  readonly share: number;
  readonly gflops: number;
  readonly gbps: number;
}

export interface ListingOptions extends StepOptions {
  /** Finds the variants that the device is to use; without it the heuristics choose. */
  readonly variants?: FindVariants | undefined;
}

export interface ProgramListing {
  readonly adapter: string;
  readonly runtime: string;
  /** Variants that a tuning had found and kernels used; absent where none were asked for. */
  readonly tuned?: VariantChoices;
  readonly model: string;
  readonly batch: number;
  readonly timedBy: "timestamps" | "waiting";
  /** In the order in which they run. */
  readonly lines: readonly ProgramLine[];
  readonly dispatches: number;
  readonly copies: number;
  readonly submits: number;
  /** All lines together. */
  readonly micros: number;
  readonly gflop: number;
  readonly peakBytes: number;
}

/** Records the training step of a model and times each command of it. */
export async function listProgram(options: ListingOptions): Promise<ProgramListing> {
  const { open, used } = tunedDevices(options.open ?? openDevice, options.variants);
  const { device, run } = await openStep({ ...options, open });
  try {
    run.runStep(1);
    await device.finish();
    const { program } = run;
    const samples = await program.timeSteps(options.runs ?? 5);
    const lines = linesOf(program.steps, samples);
    const { dispatches, copies, submits, flops, peakBytes } = program.statistics;
    const tuned = used();
    return {
      adapter: device.adapter.name,
      runtime: device.adapter.runtime,
      ...(tuned === undefined ? {} : { tuned }),
      model: options.label,
      batch: options.batch,
      timedBy: device.hasTimestamps ? "timestamps" : "waiting",
      lines,
      dispatches,
      copies,
      submits,
      micros: lines.reduce((sum, line) => sum + line.micros, 0),
      gflop: flops / 1e9,
      peakBytes,
    };
  } finally {
    device.close();
  }
}

/**
 * A line for each step, with the medians of the samples. What changes variables, as an optimiser does,
 * says no part of its own: it is of that of the step before it.
 */
export function linesOf(steps: readonly Step[], samples: readonly Float64Array[]): ProgramLine[] {
  const times = steps.map((_, i) => median(samples.map((sample) => sample[i] as number)));
  const total = times.reduce((sum, micros) => sum + micros, 0);
  let part = "";
  return steps.map((step, i) => {
    const micros = times[i] as number;
    const rate = (amount: number) => (micros > 0 ? amount / micros / 1e3 : 0);
    const share = total > 0 ? micros / total : 0;
    if (step.kind === "copy") {
      const gbps = rate(2 * step.bytes);
      return {
        part,
        name: "copy",
        variant: "",
        workgroups: [],
        micros,
        share,
        gflops: 0,
        gbps,
      };
    }
    const { source, written } = step;
    part = written[0]?.part ?? part;
    return {
      part,
      name: source.name,
      variant: source.variant ?? "",
      workgroups: source.workgroups,
      micros,
      share,
      gflops: rate(source.flops),
      gbps: rate(source.bytes),
    };
  });
}

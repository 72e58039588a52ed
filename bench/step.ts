import { openStep, type StepMeasurement, timeStep } from "../src/bench/step.ts";
import { formatProfile, type ProfileRow } from "../src/gpu/profiler.ts";
import type { Host } from "../src/host/host.ts";
import { findModel, models } from "../src/models/registry.ts";

export interface StepOptions {
  readonly model: "conv" | "dense";
  readonly batch: number;
  /** How often the step is timed. */
  readonly runs: number;
  readonly json: boolean;
}

/** A measured step with its kernels. */
export interface ProfiledStep extends StepMeasurement {
  /** `timestamps` of the adapter, or `waiting` for each dispatch alone, which adds a round trip. */
  readonly profiledBy: "timestamps" | "waiting";
  readonly kernels: readonly ProfileRow[];
}

export interface StepReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly steps: readonly ProfiledStep[];
}

/** Measures the training step of a VAE with two latent dimensions, and each of its kernels. */
export async function measureProfiledStep(options: StepOptions): Promise<StepReport> {
  const { model, batch, runs } = options;
  const wanted = {
    entry: findModel("vae", models),
    settings: { network: model, latent: "2" },
    label: `vae-${model}`,
    batch,
    runs,
  };
  const open = await openStep(wanted);
  const { device, run } = open;
  try {
    const measured = await timeStep(open, wanted);
    const kernels = await run.program.profile(Math.min(3, runs));
    const profiledBy = device.hasTimestamps ? "timestamps" : "waiting";
    const { name: adapter, runtime } = device.adapter;
    return { adapter, runtime, steps: [{ ...measured, profiledBy, kernels }] };
  } finally {
    device.close();
  }
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The report as text for people. */
export function formatStep(report: StepReport): string {
  const lines = [`adapter     ${report.adapter}`, `runtime     ${report.runtime}`];
  for (const s of report.steps) {
    lines.push(
      `step        ${s.model}, batch ${s.batch}, ${s.gflop.toFixed(2)} GFLOP`,
      `time        ${s.ms.toFixed(2)} ms (median of ${s.runs} runs of ${s.queued} steps; ${s.minMs.toFixed(2)} to ${s.maxMs.toFixed(2)}), ${((s.gflop * 1e3) / s.ms).toFixed(2)} GFLOP/s`,
      `host        ${s.hostMicros.toFixed(0)} µs a step`,
      `commands    ${s.dispatches} dispatches in ${s.submits} submits`,
      `made        ${s.buffersCreatedPerStep} buffers, ${s.bindGroupsCreatedPerStep} bind groups, ${s.pipelinesCreatedPerStep} pipelines a replayed step`,
      `memory      ${mib(s.peakBytes)} of the step, ${mib(s.textureBytes)} of textures, ${mib(s.devicePeakBytes)} of the device at most`,
      `first step  ${s.timeToFirstStepMs.toFixed(0)} ms after the start (device ${s.openMs.toFixed(0)}, recording ${s.recordMs.toFixed(0)}, step ${s.firstStepMs.toFixed(0)})`,
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
  const report = await measureProfiledStep(options);
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

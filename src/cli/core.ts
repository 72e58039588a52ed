import { runNamedLadder } from "../bench/ladders/run.ts";
import { rateOwnKernels } from "../bench/own-kernels.ts";
import { listProgram } from "../bench/program.ts";
import { runBenchmarks } from "../bench/run.ts";
import { kernelsOfStep } from "../bench/step.ts";
import { examine } from "../doctor/examine.ts";
import { figuresAfterTraining, trainingPictures } from "../figures/after-training.ts";
import { embed } from "../figures/embed.ts";
import { interpolate } from "../figures/interpolate.ts";
import { manifold } from "../figures/manifold.ts";
import { reconstruct } from "../figures/reconstruct.ts";
import { report, writeReport } from "../figures/report.ts";
import { sample } from "../figures/sample.ts";
import { swap } from "../figures/swap.ts";
import { traverse } from "../figures/traverse.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import type { Interruption } from "../host/interruption.ts";
import { evaluate } from "../metrics/evaluate.ts";
import { models } from "../models/registry.ts";
import { exportRun } from "../train/onnx/export-run.ts";
import { train } from "../train/train.ts";
import { tuneModels } from "../tune/tune-models.ts";
import type { Actions } from "./actions.ts";
import { loadKernelFile } from "./kernel-file.ts";
import { runCommand } from "./program.ts";

export {
  comparesPeers,
  loadsKernel,
  needsDevice,
  requestedRuntime,
  servesPage,
} from "./runtime.ts";
export { configuredRuntime } from "./train-options.ts";

/** What a training draws and writes beside its metrics. */
const figures = {
  finish: figuresAfterTraining,
  pictures: trainingPictures,
  report: writeReport,
};

const actions: Omit<Actions, "models"> = {
  train: (options, host, watch) => train(options, host, { ...watch, ...figures }),
  evaluate,
  report,
  sample,
  reconstruct,
  interpolate,
  manifold,
  traverse,
  embed,
  swap,
  exportRun,
  examine,
  bench: runBenchmarks,
  async benchWithPeers() {
    throw new UsageError("--peers starts a process for each engine: give it to latentgrad bench");
  },
  async serveBenchPage() {
    throw new UsageError("--page starts a server: give it to latentgrad bench");
  },
  benchProgram: listProgram,
  benchLadder: runNamedLadder,
  async benchKernel(file, options, log) {
    const { ops, library } = await loadKernelFile(file);
    return rateOwnKernels(ops, library, options, log);
  },
  tune: (options, host, log, interruption) =>
    tuneModels(options, host, kernelsOfStep, log, interruption),
};

/**
 * Runs one command line (without program name) on the runtime that `host` speaks for, and returns
 * the exit status. Never throws for what a command does wrong: that is one line on stderr.
 *
 * @param others actions in place of the usual ones
 */
export function run(
  argv: readonly string[],
  host: Host,
  interruption?: Interruption,
  others: Partial<Actions> = {},
): Promise<number> {
  return runCommand(argv, host, { ...actions, models, ...others }, interruption);
}

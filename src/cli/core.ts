import { figuresAfterTraining, manifold, reconstruct, sample } from "../figures/generate.ts";
import type { Host } from "../host/host.ts";
import { models } from "../models/registry.ts";
import type { Interruption } from "../train/interruption.ts";
import { train } from "../train/train.ts";
import type { Actions } from "./actions.ts";
import { runCommand } from "./program.ts";

export { needsDevice, requestedRuntime } from "./runtime.ts";
export { configuredRuntime } from "./train-options.ts";

const actions: Omit<Actions, "models"> = {
  train: (options, host, watch) => train(options, host, { ...watch, finish: figuresAfterTraining }),
  sample,
  reconstruct,
  manifold,
};

/**
 * Runs one command line (without program name) on the runtime that `host` speaks for, and returns
 * the exit status. Never throws for what a command does wrong: that is one line on stderr.
 */
export function run(
  argv: readonly string[],
  host: Host,
  interruption?: Interruption,
): Promise<number> {
  return runCommand(argv, host, { ...actions, models }, interruption);
}

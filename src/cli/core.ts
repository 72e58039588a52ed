import type { Host } from "../host/host.ts";
import { models } from "../models/registry.ts";
import { manifold, reconstruct, sample } from "../train/generate.ts";
import { train } from "../train/train.ts";
import { runCommand } from "./program.ts";

export { needsDevice, requestedRuntime } from "./runtime.ts";

/**
 * Runs one command line (without program name) on the runtime that `host` speaks for, and returns
 * the exit status. Never throws for what a command does wrong: that is one line on stderr.
 */
export function run(argv: readonly string[], host: Host): Promise<number> {
  return runCommand(argv, host, { train, sample, reconstruct, manifold, models });
}

import type { Actions } from "../../src/cli/actions.ts";

async function unused(): Promise<never> {
  throw new Error("not asked for");
}

/** A training layer of which a test uses nothing, or only what it puts in its place. */
export const unusedActions: Actions = {
  train: unused,
  evaluate: unused,
  report: unused,
  sample: unused,
  reconstruct: unused,
  interpolate: unused,
  manifold: unused,
  traverse: unused,
  embed: unused,
  swap: unused,
  exportRun: unused,
  examine: unused,
  bench: unused,
  benchWithPeers: unused,
  serveBenchPage: unused,
  benchProgram: unused,
  benchLadder: unused,
  benchKernel: unused,
  tune: unused,
  models: [],
};

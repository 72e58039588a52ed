/** Reports of benchmarks that measured next to nothing. */
import type { LadderReport } from "../../src/bench/ladder.ts";
import type { ProgramListing } from "../../src/bench/program.ts";
import type { BenchReport } from "../../src/bench/run.ts";

export const emptyReport: BenchReport = {
  adapter: "an adapter",
  runtime: "node",
  ceilings: {
    fmaGflops: 100,
    fmaEntry: "8 × f32",
    fmaTried: 1,
    copyGBps: 8,
    copyEntry: "1 × vec4f",
    copies: [
      { bytes: 2 ** 20, gbps: 16, entry: "1 × f32" },
      { bytes: 2 ** 26, gbps: 8, entry: "1 × vec4f" },
    ],
    bufferCopyGBps: 9,
    dispatchMicros: 5,
    submitMicros: 10,
    readBackMs: 0.1,
  },
  kernels: [],
  steps: [],
  growth: [],
  peers: [],
};

export const emptyListing: ProgramListing = {
  adapter: "an adapter",
  runtime: "node",
  model: "vae",
  batch: 128,
  timedBy: "timestamps",
  lines: [],
  dispatches: 0,
  copies: 0,
  submits: 1,
  micros: 1,
  gflop: 0,
  peakBytes: 0,
};

export const emptyLadder: LadderReport = {
  adapter: "an adapter",
  runtime: "node",
  ladder: "matmul",
  shape: "1×1×1",
  rungs: [],
};

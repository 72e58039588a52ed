/** Reports of benchmarks that measured next to nothing. */
import type { KernelMeasurement } from "../../src/bench/kernels.ts";
import type { LadderReport } from "../../src/bench/ladder.ts";
import type { ProgramListing } from "../../src/bench/program.ts";
import type { BenchReport } from "../../src/bench/run.ts";
import type { StepMeasurement } from "../../src/bench/step.ts";

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

const timing = { minMs: 1, maxMs: 4, runs: 5, queued: 3, timedBy: "timestamps" } as const;

function kernel(name: string, gflops: number, gbps: number): KernelMeasurement {
  const bound = gflops / gbps >= 100 / 8 ? "compute" : "memory";
  const fractionOfCeiling = bound === "compute" ? gflops / 100 : gbps / 8;
  const rates = { gflops, gbps, bound, fractionOfCeiling } as const;
  return { name, shape: "4x4", variant: "tiled", ms: 2, ...rates, ...timing, dispatches: 1 };
}

function step(model: string, batch: number, ms: number): StepMeasurement {
  return {
    ...{ model, batch, ms, ...timing },
    ...{ imagesPerSecond: (1000 * batch) / ms, gflop: 1, dispatches: 36, submits: 1 },
    ...{ buffersCreatedPerStep: 0, bindGroupsCreatedPerStep: 0, pipelinesCreatedPerStep: 0 },
    ...{ peakBytes: batch * 2 ** 17, devicePeakBytes: 2 ** 25, textureBytes: 0, hostMicros: 70 },
    ...{ openMs: 100, recordMs: 200, firstStepMs: 900, timeToFirstStepMs: 1200 },
  };
}

const ours = { ms: 2, minMs: 1, maxMs: 3, firstMs: 1500 };

/** A little of everything, and a comparison that says nothing. */
export const smallReport: BenchReport = {
  ...emptyReport,
  runtime: "deno",
  kernels: [
    kernel("matmul", 50, 2),
    kernel("conv2d", 25, 1),
    kernel("conv2d-weight-gradient", 10, 4),
    kernel("add", 0.5, 6),
  ],
  steps: [step("vae-conv", 128, 100), step("vae-conv", 1024, 760), step("vae-dense", 128, 20)],
  growth: [
    { ...step("vae-conv", 128, 100), latent: 2 },
    { ...step("vae-conv", 128, 130), latent: 512 },
  ],
  peers: [
    {
      ...{ peer: "tfjs-webgpu", about: "version 4, two threads" },
      ...{ what: "step/vae-conv/128", ms: 30, minMs: 28, maxMs: 33 },
      ...{ ratio: 15, ours, difference: 2e-6, tolerance: 1e-3, firstMs: 4500 },
    },
    {
      ...{ peer: "jax-js-wasm", what: "matmul/8x8x8", ms: 4, minMs: 3, maxMs: 5 },
      ...{ ratio: 2, ours, difference: 0.5, tolerance: 1e-4, void: "results differ" },
    },
  ],
  peerFailures: [{ peer: "jax-js-webgpu", what: "matmul/8x8x8", message: "lost its device" }],
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

/**
 * Measures the engine on an adapter: kernels and training steps, and variants of kernels, of which it
 * keeps those that won.
 *
 * @module latentgrad/bench
 */

export { type BenchmarkOptions, benchmark } from "../bench/benchmark.ts";
export type { Ceilings } from "../bench/ceilings.ts";
export type { CopyRate } from "../bench/copy.ts";
export type { KernelMeasurement } from "../bench/kernels.ts";
export type { Latencies } from "../bench/latency.ts";
export type { Standing } from "../bench/roofline.ts";
export type { BenchmarkReport } from "../bench/run.ts";
export type { StepMeasurement } from "../bench/step.ts";
export type { GrowthMeasurement } from "../bench/steps.ts";
export { benchmarkNotes, benchmarkTables, type ReportTable } from "../bench/tables.ts";
export { type TuneModelOptions, tuneModel } from "../bench/tune-model.ts";
export type { Timing } from "../gpu/timing.ts";
export {
  type SkippedKernel,
  type TunedKernel,
  type TuneOptions,
  type TuneReport,
  tunableKernels,
  tune,
} from "../tune/tune.ts";
export type { KnownKernel, StepTuneReport } from "../tune/tune-models.ts";
export type { FindVariants } from "../tune/used-variants.ts";
export type { TableOwner } from "../tune/variant-files.ts";
export { loadVariants, saveVariants } from "../tune/variant-store.ts";

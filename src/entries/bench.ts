/**
 * Measures variants of kernels on an adapter, and keeps what won.
 *
 * @module latentgrad/bench
 */

export {
  type SkippedKernel,
  type TunedKernel,
  type TuneOptions,
  type TuneReport,
  tunableKernels,
  tune,
} from "../tune/tune.ts";
export type { TableOwner } from "../tune/variant-files.ts";
export { loadVariants, saveVariants } from "../tune/variant-store.ts";

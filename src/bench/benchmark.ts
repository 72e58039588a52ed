import { checkOptions, checkWhole, isNot, type OptionRules } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import type { FindVariants } from "../tune/used-variants.ts";
import type { BenchmarkReport } from "./run.ts";

/** What a benchmark measures, and how. */
export interface BenchmarkOptions {
  /**
   * What the names of measurements have to match: `kernel/NAME/SHAPE`, `step/MODEL/BATCH`,
   * `growth/latent/N`. Default: every kernel, and a training step of each model.
   */
  readonly filter?: RegExp | undefined;
  /** Groups of runs that are timed of each kernel and step. Default 5. */
  readonly runs?: number | undefined;
  /** Finds the variants that kernels are to use, as `loadVariants` does; default: the heuristics choose. */
  readonly variants?: FindVariants | undefined;
  /** Told the name of what is measured next. */
  readonly onMeasure?: ((name: string) => void) | undefined;
}

const rules: OptionRules<BenchmarkOptions> = {
  filter: "any?",
  runs: "number?",
  variants: "function?",
  onMeasure: "function?",
};

/**
 * Measures the adapter's ceilings, kernels and training steps, on devices that it opens and closes. It
 * does what `latentgrad bench` does, and returns what that writes as JSON.
 *
 * @throws UsageError for options that do not fit, and where no measurement has a name that matches
 */
export async function benchmark(options: BenchmarkOptions = {}): Promise<BenchmarkReport> {
  checkOptions("benchmark", options, rules);
  const { filter, runs, variants, onMeasure } = options;
  if (filter !== undefined && !(filter instanceof RegExp))
    throw new UsageError(`benchmark: ${isNot("options.filter", filter, "a regular expression")}`);
  if (runs !== undefined) checkWhole("benchmark", "options.runs", runs);
  // Its tables of cases name all kernels and models: a page that only loads variants carries none of them.
  const { runBenchmarks } = await import("./run.ts");
  return runBenchmarks({ filter, runs, variants }, (name) => onMeasure?.(name));
}

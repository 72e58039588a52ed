import { readEnvironment } from "./adapter-environment.ts";
import { UsageError } from "./errors.ts";

/** What kernels can make use of and nobody needs: used only where it is asked for. */
export type OptionalFeature = "f16" | "subgroups";

/** What WebGPU calls them. */
const NAMES: Readonly<Record<OptionalFeature, GPUFeatureName>> = {
  f16: "shader-f16",
  subgroups: "subgroups",
};

/**
 * The features that LATENTGRAD_FEATURES names, as WebGPU calls them: `f16`, `subgroups` or both,
 * with a comma between. None where it is not set.
 *
 * @throws UsageError for another word
 */
export function featuresOfEnvironment(): GPUFeatureName[] {
  const words = (readEnvironment("LATENTGRAD_FEATURES") ?? "").split(",").map((w) => w.trim());
  return words.filter((word) => word !== "").map(featureName);
}

function featureName(word: string): GPUFeatureName {
  const known = Object.keys(NAMES) as OptionalFeature[];
  const found = known.find((name) => name === word);
  if (!found)
    throw new UsageError(
      `LATENTGRAD_FEATURES names "${word}": it takes ${known.join(", ")}, with commas between`,
    );
  return NAMES[found];
}

/** Which of the optional features a device was opened with. */
export function optionalFeatures(gpu: GPUDevice): Readonly<Record<OptionalFeature, boolean>> {
  return { f16: gpu.features.has(NAMES.f16), subgroups: gpu.features.has(NAMES.subgroups) };
}

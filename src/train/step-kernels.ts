import { sha256 } from "../formats/sha256.ts";
import type { StateFacts } from "./state.ts";
import type { TrainingRun } from "./training-run.ts";

/**
 * The kernels of the recorded step: which variants of which families, in which shapes. What reads through
 * textures is another matter: that is measured anew in each process, and no bit depends on it.
 */
export async function kernelsOf({ device, stages }: TrainingRun): Promise<StateFacts["variants"]> {
  const steps = stages.flatMap(({ program }) => program.steps);
  const sources = steps.flatMap((step) => (step.kind === "dispatch" ? [step.source] : []));
  const texts = sources.map(({ name, code, codeOfBuffers = code }) => `${name}\n${codeOfBuffers}`);
  const all = texts.join("\n");
  return {
    sha256: await sha256(new TextEncoder().encode(all)),
    kernels: sources.map(({ name }) => name),
    choices: device.variants.used(),
  };
}

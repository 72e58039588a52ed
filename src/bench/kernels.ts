import type { Device } from "../gpu/device.ts";
import type { Program } from "../gpu/program.ts";
import { type Timing, timeProgram } from "../gpu/timing.ts";
import { adamCases } from "./cases/adam.ts";
import { convCases } from "./cases/conv.ts";
import { mapCases } from "./cases/map.ts";
import { matmulCases } from "./cases/matmul.ts";
import { normCases } from "./cases/norm.ts";
import { reduceCases } from "./cases/reduce.ts";
import { checkCase, type KernelCase, nameOfCase, releaseCase } from "./kernel-case.ts";
import type { NamedWork, Standing } from "./roofline.ts";

/** All kernels that can be measured. */
export const kernelCases: readonly KernelCase[] = [
  ...matmulCases,
  ...convCases,
  ...reduceCases,
  ...mapCases,
  ...normCases,
  ...adamCases,
];

/** What a kernel took, before it is known what the ceilings are. */
export interface KernelTiming extends Timing, NamedWork {
  readonly kernel: KernelCase;
  /** What was chosen for its dispatches. */
  readonly variant: string;
  readonly dispatches: number;
}

/** A kernel in the report; the fields of Standing are by its median time. */
export interface KernelMeasurement extends Timing, Standing {
  readonly name: string;
  readonly shape: string;
  readonly variant: string;
  readonly dispatches: number;
}

/**
 * Checks a kernel's results on random inputs, then times it.
 *
 * @throws LatentgradError for a wrong result
 */
export async function measureKernel(
  device: Device,
  kernel: KernelCase,
  runs: number | undefined,
): Promise<KernelTiming> {
  const built = await kernel.build(device);
  try {
    await checkCase(kernel, built);
    const timing = await timeProgram(built.program, {
      hasRun: true,
      ...(runs === undefined ? {} : { runs }),
    });
    const { flops, bytes } = kernel;
    const variant = variantOf(built.program);
    const { dispatches } = built.program.statistics;
    return { kernel, name: nameOfCase(kernel), flops, bytes, ...timing, variant, dispatches };
  } finally {
    releaseCase(device, built);
  }
}

/**
 * What was chosen for each dispatch of a program: the kernel's variant, or else its op; and whether it
 * reads textures.
 */
export function variantOf(program: Program): string {
  const words = program.steps.flatMap((step) => {
    if (step.kind === "copy") return [];
    const { op, source, textures } = step;
    return [`${source.variant ?? op}${textures.length > 0 ? ", textures" : ""}`];
  });
  return words.filter((word, i) => word !== words[i - 1]).join(" + ");
}

import { incrementCase } from "../bench/cases/map.ts";
import { matmulCase } from "../bench/cases/matmul.ts";
import { errorOfCase, type KernelCase, releaseCase } from "../bench/kernel-case.ts";
import type { Device } from "../gpu/device.ts";
import { timeProgram } from "../gpu/timing.ts";

/** A quick measurement; the machine's other work is in it. */
export interface Speed {
  /** Median of a few runs. */
  readonly milliseconds: number;
  readonly rate: number;
  readonly unit: "GFLOP/s" | "GB/s";
  /** Sizes, for people. */
  readonly what: string;
  /** The result was compared with one that the host computed in float64. */
  readonly right: boolean;
}

const SIDE = 512;
const COPIED_BYTES = 2 ** 26;

/** A product of two 512×512 matrices. */
export async function measureMatmul(device: Device): Promise<Speed> {
  const kernel = matmulCase(SIDE, SIDE, SIDE);
  const { milliseconds, right } = await measure(device, kernel);
  return {
    milliseconds,
    rate: kernel.flops / milliseconds / 1e6,
    unit: "GFLOP/s",
    what: `product of two ${SIDE}×${SIDE} matrices`,
    right,
  };
}

/** Reading 64 MiB and writing them elsewhere, plus 1. */
export async function measureCopy(device: Device): Promise<Speed> {
  const kernel = incrementCase(COPIED_BYTES / 4);
  const { milliseconds, right } = await measure(device, kernel);
  return {
    milliseconds,
    rate: kernel.bytes / milliseconds / 1e6,
    unit: "GB/s",
    what: `${COPIED_BYTES / 2 ** 20} MiB read and written`,
    right,
  };
}

async function measure(
  device: Device,
  kernel: KernelCase,
): Promise<Pick<Speed, "milliseconds" | "right">> {
  const built = await kernel.build(device);
  try {
    const right = (await errorOfCase(kernel, built)) === undefined;
    const { ms } = await timeProgram(built.program, { hasRun: true });
    return { milliseconds: ms, right };
  } finally {
    releaseCase(device, built);
  }
}

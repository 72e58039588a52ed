import type { Device } from "../gpu/device.ts";
import type { openDevice } from "../gpu/open.ts";
import { type CopyRate, measureBufferCopy, measureCopies } from "./copy.ts";
import { type Latencies, measureLatencies } from "./latency.ts";
import { sweepMultiplyAdds } from "./multiply-add.ts";

/** What the adapter can do at most, as far as measured. */
export interface Ceilings extends Latencies {
  /** f32 multiply-adds, 1e9 floating-point operations a second; each counts as two. */
  readonly fmaGflops: number;
  /** How the sweep came to it, or the kernel that was faster still. */
  readonly fmaEntry: string;
  /** Ways that were tried. */
  readonly fmaTried: number;
  /** The same with f16, where the adapter has it. */
  readonly f16Gflops?: number;
  readonly f16Entry?: string;
  /** A kernel that copies 64 MiB: 1e9 bytes read and written a second. */
  readonly copyGBps: number;
  readonly copyEntry: string;
  /** The same of smaller buffers, which may be in caches, and of 64 MiB; rising. */
  readonly copies: readonly CopyRate[];
  /** `copyBufferToBuffer` of 64 MiB. */
  readonly bufferCopyGBps: number;
}

/**
 * @param open opens another device on the same adapter, with the features that are asked for
 * @param log gets a line about each thing that is measured next
 */
export async function measureCeilings(
  device: Device,
  open: typeof openDevice,
  log: (line: string) => void,
): Promise<Ceilings> {
  log("ceiling/multiply-add");
  const fma = await sweepMultiplyAdds(device);
  log("ceiling/copy");
  const copies = await measureCopies(device);
  const bufferCopyGBps = await measureBufferCopy(device);
  log("ceiling/latency");
  const latencies = await measureLatencies(device);
  const largest = copies[copies.length - 1] as CopyRate;
  return {
    fmaGflops: fma.gflops,
    fmaEntry: fma.entry,
    fmaTried: fma.tried,
    ...(await measureHalf(open, log)),
    copyGBps: largest.gbps,
    copyEntry: largest.entry,
    copies,
    bufferCopyGBps,
    ...latencies,
  };
}

/** f16 on a device of its own: nothing else of the benchmark asks for the feature. */
export async function measureHalf(
  open: typeof openDevice,
  log: (line: string) => void,
): Promise<Pick<Ceilings, "f16Gflops" | "f16Entry">> {
  const device = await open({ features: ["shader-f16"] });
  try {
    if (!device.gpu.features.has("shader-f16")) return {};
    log("ceiling/multiply-add-f16");
    const { gflops, entry } = await sweepMultiplyAdds(device, true);
    return { f16Gflops: gflops, f16Entry: entry };
  } finally {
    device.close();
  }
}

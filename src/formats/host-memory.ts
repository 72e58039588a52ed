import { LatentgradError } from "../gpu/errors.ts";

/** The memory of the process does not suffice. */
export class HostMemoryError extends LatentgradError {
  override readonly exitCode = 8;
  override name = "HostMemoryError";
}

/** Whether an error says that memory has ended: of an allocation, a growing codec, or Node's zlib. */
export function isOutOfMemory(error: unknown): boolean {
  const { code } = error as { code?: string };
  if (code !== undefined) return code === "ERR_MEMORY_ALLOCATION_FAILED";
  return error instanceof RangeError && /memory|allocation/i.test(error.message);
}

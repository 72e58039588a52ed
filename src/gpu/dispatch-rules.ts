import type { Access, Call } from "./call.ts";
import { GpuValidationError } from "./errors.ts";
import { overlaps, type Storage, sharesBuffer } from "./value.ts";

/** WebGPU's default limit of storage buffers in one stage. */
export const MOST_BUFFERS = 8;

/**
 * Whether every implementation of WebGPU binds what a call binds: a limited number of buffers, and none
 * both read and written.
 */
export function isBindable(call: Pick<Call, "inputs" | "outputs" | "updates">): boolean {
  const written = [...call.outputs, ...call.updates];
  if (call.inputs.length + written.length > MOST_BUFFERS) return false;
  return !call.inputs.some((v) => written.some((x) => sharesBuffer(v, x)));
}

/**
 * Refuses what WebGPU would refuse only after a batch of ops, without naming one: too many
 * bindings or workgroups, and a buffer that is both read and written.
 */
export function checkDispatch(
  limits: GPUSupportedLimits,
  op: string,
  workgroups: readonly number[],
  storages: readonly Storage[],
  access: readonly Access[],
): void {
  const most = limits.maxStorageBuffersPerShaderStage;
  const buffers = access.filter((a) => a !== "texture").length;
  if (buffers > most)
    throw new GpuValidationError(op, `the kernel binds ${buffers} buffers, ${most} at most`);
  const widest = limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.some((n) => !(Number.isInteger(n) && n >= 0 && n <= widest)))
    throw new GpuValidationError(
      op,
      `a grid of ${workgroups.join("×")} workgroups, ${widest} at most in each dimension`,
    );
  for (const [i, a] of storages.entries()) {
    if (access[i] !== "write") continue;
    for (const [k, b] of storages.entries()) {
      if (k === i || a.buffer !== b.buffer || access[k] === "texture") continue;
      if (access[k] === "read" || overlaps(a, b))
        throw new GpuValidationError(
          op,
          `binding ${i} is written in the buffer that binding ${k} ${access[k] === "read" ? "reads" : "writes"}`,
        );
    }
  }
}

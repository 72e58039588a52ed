/** What a test file takes of the machine: processor time, devices, shaders, processes. */
import { Device } from "../../src/gpu/device.ts";
import { PipelineCache } from "../../src/gpu/pipelines.ts";

export interface Usage {
  /** Processor time of all threads and of processes that ended; undefined where nothing tells it. */
  readonly cpuSeconds: number | undefined;
  /** Devices opened in this process. */
  readonly devices: number;
  /** Shaders given to a compiler in this process. */
  readonly shaders: number;
  /** Processes started. */
  readonly processes: number;
}

export const noUsage: Usage = { cpuSeconds: undefined, devices: 0, shaders: 0, processes: 0 };

/** What was taken between two readings. */
export function usedSince(before: Usage, now: Usage): Usage {
  const seconds = (now.cpuSeconds ?? Number.NaN) - (before.cpuSeconds ?? Number.NaN);
  return {
    cpuSeconds: Number.isNaN(seconds) ? undefined : seconds,
    devices: now.devices - before.devices,
    shaders: now.shaders - before.shaders,
    processes: now.processes - before.processes,
  };
}

/** Puts a count in front of a method. */
function counted(owner: object, method: string, count: () => void): void {
  const methods = owner as Record<string, (this: unknown, ...rest: unknown[]) => unknown>;
  const original = methods[method];
  if (!original) throw new Error(`there is no method ${method} to be counted`);
  methods[method] = function (this: unknown, ...rest: unknown[]) {
    count();
    return original.apply(this, rest);
  };
}

/**
 * Counts from now on. What an embedded browser takes is not seen from within: `cpuSeconds` stays undefined
 * there.
 *
 * @returns a function that tells what was taken so far
 */
export async function watchUsage(): Promise<() => Usage> {
  let devices = 0;
  let shaders = 0;
  let processes = 0;
  // The engine's own classes, since Node has those of WebGPU only once an adapter was asked for.
  counted(Device.prototype, "tag", () => devices++);
  counted(PipelineCache.prototype, "descriptor", () => shaders++);
  if ("document" in globalThis)
    return () => ({ cpuSeconds: undefined, devices, shaders, processes });
  const { readFileSync } = await import("node:fs");
  if (!("Deno" in globalThis)) {
    // Host tests start processes, and they run on Node.
    const { ChildProcess } = await import("node:child_process");
    counted(ChildProcess.prototype, "spawn", () => processes++);
  }
  return () => ({ cpuSeconds: processorSeconds(readFileSync), devices, shaders, processes });
}

/** From proc(5): ticks of this process and of its children that it has waited for. */
const TICKS_PER_SECOND = 100;

function processorSeconds(readFileSync: typeof import("node:fs").readFileSync): number {
  try {
    // The name may hold spaces and brackets; the fields behind it are numbers. The 14th to the 17th:
    const fields = String(readFileSync("/proc/self/stat"))
      .replace(/^.*\) /s, "")
      .split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return ticks / TICKS_PER_SECOND;
  } catch {
    const { user, system } = process.cpuUsage(); // not Linux: without the children
    return (user + system) / 1e6;
  }
}

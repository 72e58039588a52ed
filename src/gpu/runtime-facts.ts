import { detectRuntime, type Runtime } from "./adapter-environment.ts";

/** What a program runs on, for reports; nothing is decided by it. */
export interface RuntimeFacts {
  readonly runtime: Runtime;
  /** Of the runtime: `2.9.6`. */
  readonly version: string;
  /** Operating system and processor: `linux x64`. */
  readonly system: string;
  /** Threads that the processor runs at once. */
  readonly threads: number;
}

interface Globals {
  Deno?: { version: { deno: string }; build: { os: string; arch: string } };
  process?: { versions: { node: string }; platform: string; arch: string };
  navigator?: { userAgent?: string; hardwareConcurrency?: number };
}

export function runtimeFacts(): RuntimeFacts {
  const { Deno: deno, process, navigator } = globalThis as unknown as Globals;
  const runtime = detectRuntime();
  const threads = navigator?.hardwareConcurrency ?? hostThreads();
  if (deno) {
    const { os, arch } = deno.build;
    return { runtime, version: deno.version.deno, system: `${os} ${arch}`, threads };
  }
  if (process?.versions?.node) {
    const { platform, arch, versions } = process;
    return { runtime, version: versions.node, system: `${platform} ${arch}`, threads };
  }
  const agent = navigator?.userAgent ?? "";
  const version = /Chrom(?:e|ium)\/([\d.]+)/.exec(agent)?.[1] ?? "unknown";
  const system = /\(([^)]*)\)/.exec(agent)?.[1] ?? "unknown";
  return { runtime, version, system, threads };
}

/** Node 20 has no `navigator`. */
function hostThreads(): number {
  type Os = { availableParallelism(): number };
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Os } };
  return process?.getBuiltinModule?.("node:os").availableParallelism() ?? 0;
}

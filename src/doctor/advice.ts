import type { AdapterKind } from "../gpu/adapter.ts";
import type { InstalledDrivers } from "../gpu/adapter-vulkan.ts";

/** What advice depends on. */
export interface Circumstances {
  readonly runtime: string;
  /** `linux x64`, `x11; linux x86_64`, … */
  readonly system: string;
  readonly kind: AdapterKind;
  /** Runtimes with WebGPU that are installed. */
  readonly installed: readonly string[];
  /** Undefined where it cannot be seen. */
  readonly drivers: InstalledDrivers | undefined;
  /** LATENTGRAD_ADAPTER, where it is set. */
  readonly wanted: string | undefined;
  readonly debug: boolean;
  /** Names of data sets whose files are not all there. */
  readonly missing: readonly string[];
}

/** What would make training faster here, the most effective first, and what is missing. */
export function advise(on: Circumstances): string[] {
  const { runtime, system, kind, installed, drivers, wanted, debug, missing } = on;
  const linux = system.includes("linux");
  const software = kind !== "gpu";
  const lines: string[] = [];
  if (debug) lines.push("LATENTGRAD_DEBUG is set: every kernel runs alone; unset it to train");
  if (software && wanted !== undefined && wanted !== "auto" && wanted !== "gpu")
    lines.push(`LATENTGRAD_ADAPTER=${wanted} is set: auto takes the best adapter there is`);
  if (software && drivers?.gpuDevice && drivers.gpu === 0)
    lines.push("a GPU is there, but no Vulkan driver for it: install its driver");
  if (kind === "swiftshader" && linux) {
    if (drivers && !drivers.llvmpipe)
      lines.push(
        "install llvmpipe, which is several times faster than SwiftShader, and use it with --runtime deno: apt install mesa-vulkan-drivers (Debian, Ubuntu), dnf install mesa-vulkan-drivers (Fedora), pacman -S vulkan-swrast (Arch)",
      );
    else if (runtime !== "deno" && installed.includes("deno"))
      lines.push("--runtime deno takes llvmpipe, where it is installed: several times faster");
  }
  if (linux && runtime !== "deno" && !installed.includes("deno"))
    lines.push("npm install deno: the runtime that takes every Vulkan driver");
  if (software)
    lines.push("a GPU with a Vulkan driver (Metal on macOS, D3D12 on Windows) is far faster");
  for (const name of missing)
    lines.push(`the data set ${name} is not here: latentgrad datasets --download ${name}`);
  return lines;
}

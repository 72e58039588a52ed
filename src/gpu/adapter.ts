import {
  detectRuntime,
  isInsecure,
  platformGpu,
  type Runtime,
  readEnvironment,
} from "./adapter-environment.ts";
import type { AdapterPreference } from "./adapter-vulkan.ts";
import { NoAdapterError, UsageError } from "./errors.ts";

export type { AdapterPreference } from "./adapter-vulkan.ts";

/** llvmpipe and SwiftShader run shaders on the CPU; `other` is an adapter of neither sort. */
export type AdapterKind = "gpu" | "llvmpipe" | "swiftshader" | "other";

export interface AdapterRequest {
  /** Default: the environment's LATENTGRAD_ADAPTER, else `auto`. */
  readonly prefer?: AdapterPreference;
  /** A WebGPU entry point to use in place of the runtime's. */
  readonly gpu?: GPU;
}

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly kind: AdapterKind;
  /** As the driver calls it, e.g. `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string;
  readonly runtime: Runtime;
}

const PREFERENCES: readonly AdapterPreference[] = ["auto", "gpu", "llvmpipe", "swiftshader"];

function preference(request: AdapterRequest): AdapterPreference {
  const wanted = request.prefer ?? (readEnvironment("LATENTGRAD_ADAPTER") || "auto");
  const known = PREFERENCES.find((name) => name === wanted);
  if (!known) {
    throw new UsageError(`unknown adapter "${wanted}": use ${PREFERENCES.join(", ")}`);
  }
  return known;
}

const wordsOf = ({ vendor, architecture, device, description }: GPUAdapterInfo) => [
  vendor,
  architecture,
  device,
  description,
];

/** What an adapter is called in results. */
export function adapterName(info: GPUAdapterInfo): string {
  return info.description || wordsOf(info).filter(Boolean).join(" ") || "unnamed adapter";
}

/** Sorts an adapter by what its driver says of itself. */
function describe(adapter: GPUAdapter): { kind: AdapterKind; name: string } {
  const info = adapter.info;
  const all = wordsOf(info).join(" ").toLowerCase();
  const name = adapterName(info);
  if (all.includes("swiftshader")) return { kind: "swiftshader", name };
  if (all.includes("llvmpipe")) return { kind: "llvmpipe", name };
  const fallback =
    info.isFallbackAdapter || (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter;
  if (fallback || /\bwarp\b|basic render|softpipe|lavapipe/.test(all)) {
    return { kind: "other", name };
  }
  return { kind: "gpu", name };
}

async function ask(gpu: GPU): Promise<GPUAdapter | null> {
  try {
    return await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch {
    return null;
  }
}

function fits(prefer: AdapterPreference, kind: AdapterKind): boolean {
  return prefer === "auto" || prefer === kind;
}

function missing(runtime: Runtime, prefer: AdapterPreference, found: string | undefined): string {
  const wanted = prefer === "auto" ? "no WebGPU adapter" : `no ${prefer} adapter`;
  const instead = found ? ` (found ${found})` : "";
  const help = {
    node: "install a Vulkan driver, or npm install @sparticuz/chromium@147.0.0 for the software one",
    deno: "run it with --allow-all, and install a Vulkan driver or npm install @sparticuz/chromium@147.0.0 for the software one",
    chrome: "enable WebGPU in chrome://flags, or start it with --use-webgpu-adapter=swiftshader",
    browser: "use a browser with WebGPU",
  }[runtime];
  return `${wanted} in ${runtime}${instead}: ${prefer === "auto" ? help : "set LATENTGRAD_ADAPTER=auto, or install one"}`;
}

async function requestOfPlatform(): Promise<GPUAdapter | null> {
  const gpu = platformGpu();
  if (!gpu && isInsecure()) throw new NoAdapterError("WebGPU needs https or localhost");
  return gpu ? await ask(gpu) : null;
}

/**
 * Outside of a browser. What that takes is a file of its own: a page does not load it, and bundles for
 * browsers leave it out (package.json's `browser`). Where such a bundle runs elsewhere all the same, the
 * runtime's own WebGPU is what there is.
 */
async function requestOutside(
  runtime: "node" | "deno",
  prefer: AdapterPreference,
): Promise<GPUAdapter | null> {
  const native: Partial<typeof import("./native-adapter.ts")> = await import("./native-adapter.ts");
  if (runtime === "node" && native.requestInNode)
    return native.requestInNode(prefer, async (gpu) => {
      const adapter = await ask(gpu);
      return adapter && fits(prefer, describe(adapter).kind) ? adapter : null;
    });
  await native.prepareDeno?.(prefer);
  return requestOfPlatform();
}

/**
 * Finds an adapter, in the order real GPU, llvmpipe, embedded SwiftShader. Asks for no limits and
 * no features: that is the device's business.
 *
 * @throws NoAdapterError in one line that says what to do
 */
export async function requestAdapter(request: AdapterRequest = {}): Promise<FoundAdapter> {
  const prefer = preference(request);
  const runtime = detectRuntime();
  let adapter: GPUAdapter | null;
  if (request.gpu) adapter = await ask(request.gpu);
  else if (runtime === "node" || runtime === "deno")
    adapter = await requestOutside(runtime, prefer);
  else adapter = await requestOfPlatform();
  if (!adapter) throw new NoAdapterError(missing(runtime, prefer, undefined));
  const facts = describe(adapter);
  if (!fits(prefer, facts.kind)) throw new NoAdapterError(missing(runtime, prefer, facts.name));
  return { adapter, ...facts, runtime };
}

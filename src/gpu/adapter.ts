import {
  detectRuntime,
  importAtRunTime,
  isInsecure,
  platformGpu,
  type Runtime,
  readEnvironment,
} from "./adapter-environment.ts";
import {
  type AdapterPreference,
  applyEnvironment,
  driversChosen,
  preloadVulkanLoader,
  vulkanCandidates,
} from "./adapter-vulkan.ts";
import { LatentgradError, NoAdapterError, UsageError } from "./errors.ts";
import { paceDawn } from "./node-polling.ts";

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

interface NodeWebgpu {
  create(flags: string[]): GPU;
  globals: Record<string, unknown>;
}

/** Dawn for Node; its globals (GPUBufferUsage and so on) become this process's. */
async function loadNodeWebgpu(): Promise<NodeWebgpu> {
  let cause = "";
  for (const specifier of ["webgpu", await webgpuFile()]) {
    if (!specifier) continue;
    try {
      const dawn = await importAtRunTime<NodeWebgpu>(specifier);
      for (const [name, value] of Object.entries(dawn.globals)) {
        if (!(name in globalThis)) {
          Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
        }
      }
      return dawn;
    } catch (error) {
      cause = (error as Error).message.split("\n")[0] ?? "";
    }
  }
  throw new NoAdapterError(
    `Node has no WebGPU of its own: npm install webgpu, or use --runtime deno (${cause})`,
  );
}

/** The package as seen from the work folder, for a library that lies elsewhere. */
async function webgpuFile(): Promise<string | undefined> {
  const { findPackage } = await import("./embedded.ts");
  const folder = await findPackage("webgpu");
  if (!folder) return undefined;
  const url = await importAtRunTime<typeof import("node:url")>("node:url");
  return url.pathToFileURL(`${folder}/index.js`).href;
}

/**
 * WebGPU instances in use. Dawn for Node frees an instance that is garbage-collected even while
 * its devices are at work; it does not keep the process from ending.
 */
const instances = new Set<GPU>();

/** Node: every attempt makes a WebGPU instance of its own, with the drivers of one set. */
async function requestInNode(prefer: AdapterPreference): Promise<GPUAdapter | null> {
  const dawn = await loadNodeWebgpu();
  paceDawn();
  await preloadVulkanLoader();
  const chosen = driversChosen() && prefer === "auto";
  const sets = chosen ? [{}] : await vulkanCandidates("node", prefer);
  if (sets.length === 0 && process.platform !== "linux") sets.push({});
  for (const set of sets) {
    applyEnvironment(set);
    const instance = dawn.create([]);
    instances.add(instance);
    const adapter = await ask(instance);
    if (adapter && fits(prefer, describe(adapter).kind)) return adapter;
    instances.delete(instance);
  }
  return null;
}

async function requestInDeno(prefer: AdapterPreference): Promise<GPUAdapter | null> {
  try {
    if (!(driversChosen() && prefer === "auto")) {
      const [set] = await vulkanCandidates("deno", prefer);
      if (set) applyEnvironment(set);
    }
    await preloadVulkanLoader();
  } catch (error) {
    // Deno without permissions: its own choice of adapter may still do.
    if (error instanceof LatentgradError) throw error;
  }
  const gpu = platformGpu();
  return gpu ? await ask(gpu) : null;
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
  else if (runtime === "node") adapter = await requestInNode(prefer);
  else if (runtime === "deno") adapter = await requestInDeno(prefer);
  else {
    const gpu = platformGpu();
    if (!gpu && isInsecure()) throw new NoAdapterError("WebGPU needs https or localhost");
    adapter = gpu ? await ask(gpu) : null;
  }
  if (!adapter) throw new NoAdapterError(missing(runtime, prefer, undefined));
  const facts = describe(adapter);
  if (!fits(prefer, facts.kind)) throw new NoAdapterError(missing(runtime, prefer, facts.name));
  return { adapter, ...facts, runtime };
}

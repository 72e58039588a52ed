import { importAtRunTime } from "./adapter-environment.ts";
import {
  type AdapterPreference,
  applyEnvironment,
  driversChosen,
  preloadVulkanLoader,
  vulkanCandidates,
} from "./adapter-vulkan.ts";
import { findPackage } from "./embedded.ts";
import { LatentgradError, NoAdapterError } from "./errors.ts";
import { paceDawn } from "./node-polling.ts";

/** WebGPU outside of a browser: what has to be loaded or set before it is asked for an adapter. */

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

/**
 * Node: every attempt makes a WebGPU instance of its own, with the drivers of one set.
 *
 * @param ask gives an instance's adapter if it is one that is wanted
 */
export async function requestInNode(
  prefer: AdapterPreference,
  ask: (gpu: GPU) => Promise<GPUAdapter | null>,
): Promise<GPUAdapter | null> {
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
    if (adapter) return adapter;
    instances.delete(instance);
  }
  return null;
}

/** Deno, before it is asked for an adapter: chooses the drivers among which it looks. */
export async function prepareDeno(prefer: AdapterPreference): Promise<void> {
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
}

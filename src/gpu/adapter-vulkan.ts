import { importAtRunTime } from "./adapter-environment.ts";
import { embeddedFits, unpackEmbedded } from "./embedded.ts";

/** Which adapter is asked for; `auto` takes the first there is: GPU, llvmpipe, SwiftShader. */
export type AdapterPreference = "auto" | "gpu" | "llvmpipe" | "swiftshader";

/** Environment variables for a process that is to find a set of Vulkan drivers. */
export type VulkanEnvironment = Readonly<Record<string, string>>;

type Fs = typeof import("node:fs");

interface Driver {
  readonly manifest: string;
  readonly kind: "gpu" | "llvmpipe";
  /** The Vulkan header version the driver was built with, e.g. 230 of 1.1.230. */
  readonly headerVersion: number;
}

/** Dawn refuses llvmpipe of Mesa 22.3 (Vulkan headers 230), which lacks features it requires. */
const DAWN_LLVMPIPE_MINIMUM = 231;

/** Folders that the Vulkan loader searches for driver manifests on Linux, as its manual says. */
function manifestFolders(): string[] {
  const env = process.env;
  const split = (text: string | undefined, otherwise: string) =>
    (text ? text : otherwise).split(":").filter((folder) => folder !== "");
  const home = env.HOME ?? "";
  return [
    ...split(env.XDG_CONFIG_HOME, home && `${home}/.config`),
    ...split(env.XDG_CONFIG_DIRS, "/etc/xdg"),
    "/usr/local/etc",
    "/etc",
    ...split(env.XDG_DATA_HOME, home && `${home}/.local/share`),
    ...split(env.XDG_DATA_DIRS, "/usr/local/share:/usr/share"),
  ].map((folder) => `${folder}/vulkan/icd.d`);
}

/** Mesa installs manifests for hardware that is not there, so a device file must exist as well. */
function hasGpuDevice(fs: Fs): boolean {
  if (
    ["/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd"].some((file) => fs.existsSync(file))
  ) {
    return true;
  }
  try {
    return fs.readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
  } catch {
    return false;
  }
}

function findDrivers(fs: Fs): Driver[] {
  const drivers: Driver[] = [];
  const gpuDevice = hasGpuDevice(fs);
  for (const folder of manifestFolders()) {
    let names: string[];
    try {
      names = fs.readdirSync(folder).sort();
    } catch {
      continue;
    }
    for (const name of names) {
      if (!name.endsWith(".json")) continue;
      try {
        const { ICD } = JSON.parse(fs.readFileSync(`${folder}/${name}`, "utf8"));
        const library = String(ICD.library_path);
        // A manifest for another architecture names a library that is not installed.
        if (library.startsWith("/") && !fs.existsSync(library)) continue;
        const llvmpipe = /lvp/.test(library);
        if (!llvmpipe && !gpuDevice) continue;
        drivers.push({
          manifest: `${folder}/${name}`,
          kind: llvmpipe ? "llvmpipe" : "gpu",
          headerVersion: Number(String(ICD.api_version).split(".")[2] ?? 0),
        });
      } catch {
        // an unreadable manifest is one the loader cannot use either
      }
    }
  }
  return drivers;
}

function select(manifests: readonly string[]): VulkanEnvironment {
  const list = manifests.join(":");
  // Loaders before 1.3.207 know the first name only; newer ones prefer the second.
  return { VK_ICD_FILENAMES: list, VK_DRIVER_FILES: list };
}

/** Whether whoever started the process chose the Vulkan drivers. */
export function driversChosen(): boolean {
  return Boolean(process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES);
}

/**
 * The driver sets to try, best first, each as environment variables; empty where Vulkan plays no
 * part (macOS, Windows).
 *
 * Node can try one after another. Deno starts Vulkan once per process, so it gets a single set:
 * the GPU's drivers together with the best software adapter, among which WebGPU prefers the GPU.
 */
export async function vulkanCandidates(
  runtime: "node" | "deno" | "chrome",
  prefer: AdapterPreference,
): Promise<VulkanEnvironment[]> {
  if (process.platform !== "linux") return [];
  const fs = await importAtRunTime<Fs>("node:fs");
  const drivers = findDrivers(fs);
  const gpu = drivers.filter((driver) => driver.kind === "gpu").map((driver) => driver.manifest);
  const llvmpipe = drivers
    .filter((driver) => driver.kind === "llvmpipe")
    .filter(
      ({ headerVersion }) =>
        runtime === "deno" || prefer === "llvmpipe" || headerVersion >= DAWN_LLVMPIPE_MINIMUM,
    )
    .map((driver) => driver.manifest);
  const embedded = async () => [`${await unpackEmbedded("swiftshader")}/vk_swiftshader_icd.json`];

  if (prefer === "gpu") return gpu.length > 0 ? [select(gpu)] : [];
  if (prefer === "llvmpipe") return llvmpipe.length > 0 ? [select(llvmpipe)] : [];
  if (prefer === "swiftshader") return [select(await embedded())];

  const software = async () =>
    llvmpipe.length > 0 ? llvmpipe : embeddedFits() ? await embedded() : [];
  if (runtime === "deno") return [select([...gpu, ...(await software())])];
  const sets: VulkanEnvironment[] = [];
  if (gpu.length > 0) sets.push(select(gpu));
  if (llvmpipe.length > 0) sets.push(select(llvmpipe));
  if (embeddedFits()) sets.push(select(await embedded()));
  return sets;
}

/** Vulkan loaders may lie in any folder of the dynamic linker's; these are the usual ones. */
const LIBRARY_FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/lib/x86_64-linux-gnu",
  "/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/lib64",
  "/usr/lib",
  "/lib",
  "/usr/local/lib",
  "/run/opengl-driver/lib",
];

/** Whether a library is installed where the dynamic linker looks. */
export async function hasLibrary(name: string): Promise<boolean> {
  const fs = await importAtRunTime<Fs>("node:fs");
  const own = (process.env.LD_LIBRARY_PATH ?? "").split(":").filter((folder) => folder !== "");
  return [...own, ...LIBRARY_FOLDERS].some((folder) => fs.existsSync(`${folder}/${name}`));
}

/**
 * Folder of the embedded Vulkan loader where the machine has none, else undefined. A process gets
 * it through LD_LIBRARY_PATH (read when it starts) or by `preloadVulkanLoader`.
 */
export async function embeddedLoaderFolder(): Promise<string | undefined> {
  if (process.platform !== "linux" || !embeddedFits()) return undefined;
  return (await hasLibrary("libvulkan.so.1")) ? undefined : await unpackEmbedded("swiftshader");
}

/** From <dlfcn.h> of glibc: keep the library when its handle is closed. */
const RTLD_NODELETE = 0x1000;

interface DenoForeign {
  dlopen(file: string, symbols: Record<string, never>): unknown;
}

/**
 * Loads the embedded Vulkan loader into this process where the machine has none: a later
 * `dlopen("libvulkan.so.1")` then finds the library already loaded under that name.
 */
export async function preloadVulkanLoader(): Promise<void> {
  const folder = await embeddedLoaderFolder();
  if (!folder) return;
  const file = `${folder}/libvulkan.so.1`;
  const deno = (globalThis as { Deno?: DenoForeign }).Deno;
  try {
    if (deno) {
      deno.dlopen(file, {});
    } else {
      const os = await importAtRunTime<typeof import("node:os")>("node:os");
      process.dlopen({ exports: {} }, file, os.constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    }
  } catch {
    // Node complains that it is no addon; it stays loaded all the same. Deno may forbid it; then
    // asking for an adapter says what is missing.
  }
}

/** Sets variables of this process; the Vulkan loader reads them when an instance is made. */
export function applyEnvironment(environment: VulkanEnvironment): void {
  // Without it Mesa and wgpu print warnings that mean nothing here.
  if (process.platform === "linux") process.env.XDG_RUNTIME_DIR ??= "/tmp";
  for (const [name, value] of Object.entries(environment)) process.env[name] = value;
}

/** What of Vulkan is installed; undefined where it plays no part or cannot be seen. */
export interface InstalledDrivers {
  /** A GPU's device file is there. */
  readonly gpuDevice: boolean;
  /** Manifests of drivers for a GPU that is there. */
  readonly gpu: number;
  /** Mesa's software driver is there. */
  readonly llvmpipe: boolean;
}

export async function installedDrivers(): Promise<InstalledDrivers | undefined> {
  const { process } = globalThis as { process?: NodeJS.Process };
  if (process?.platform !== "linux") return undefined;
  const fs = await importAtRunTime<Fs>("node:fs");
  const drivers = findDrivers(fs);
  return {
    gpuDevice: hasGpuDevice(fs),
    gpu: drivers.filter(({ kind }) => kind === "gpu").length,
    llvmpipe: drivers.some(({ kind }) => kind === "llvmpipe"),
  };
}

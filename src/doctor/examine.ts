import { datasets } from "../data/datasets.ts";
import { type DataSource, dataFolder } from "../data/files.ts";
import { type InventoryRow, takeStock } from "../data/inventory.ts";
import { type FoundAdapter, requestAdapter } from "../gpu/adapter.ts";
import { installedDrivers } from "../gpu/adapter-vulkan.ts";
import { NoAdapterError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import { type RuntimeFacts, runtimeFacts } from "../gpu/runtime-facts.ts";
import type { ReadCosts } from "../gpu/target.ts";
import type { Host } from "../host/host.ts";
import { version } from "../version.ts";
import { advise } from "./advice.ts";
import { measureCopy, measureMatmul, type Speed } from "./speed.ts";

/** Limits that the engine's sizes depend on. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Vendors by the numbers of Vulkan, which some runtimes give in place of a name. */
const VENDORS: Readonly<Record<string, string>> = {
  "4098": "AMD",
  "4318": "NVIDIA",
  "5140": "Microsoft",
  "5348": "Broadcom",
  "32902": "Intel",
  "65541": "Mesa",
};

/** What the command `doctor` finds out. */
export interface Examination {
  /** Of latentgrad. */
  readonly version: string;
  readonly runtime: RuntimeFacts;
  /** Runtimes with WebGPU that can be started here, the preferred one first. */
  readonly installed: readonly string[];
  readonly adapter?: {
    readonly name: string;
    readonly kind: string;
    /** As the driver describes itself: vendor, architecture, device, description. */
    readonly driver: Readonly<Record<string, string>>;
    readonly features: readonly string[];
    /** What the adapter offers, and what the engine asked for. */
    readonly limits: Readonly<Record<string, { readonly offered: number; readonly used: number }>>;
  };
  readonly speed?: { readonly matmul: Speed; readonly copy: Speed };
  /**
   * What loads cost, in nanoseconds, where that decides whether kernels read buffers or textures; absent
   * where they read buffers anyhow.
   */
  readonly reads?: ReadCosts;
  readonly dataFolder: string;
  readonly datasets: readonly Pick<InventoryRow, "name" | "state" | "available">[];
  /** Variables of the environment that play a part. */
  readonly environment: Readonly<Record<string, string>>;
  readonly advice: readonly string[];
  /** Why there is no adapter. */
  readonly problem?: string;
}

/** Looks at the runtime, the adapter and the data, and measures a little. */
export async function examine(
  host: Host,
  dataDir: string | undefined,
): Promise<{ examination: Examination; failure?: NoAdapterError }> {
  const source: DataSource = { host, dataDir };
  const stock: InventoryRow[] = [];
  for (const entry of datasets) stock.push(await takeStock(entry, source));
  const runtime = runtimeFacts();
  const installed = (host.env.LATENTGRAD_RUNTIMES ?? runtime.runtime).split(",");
  // Before the adapter is looked for, which sets some of them itself.
  const environment = Object.entries(host.env).filter(
    ([name, value]) =>
      value && /^(LATENTGRAD_(?!RUNTIMES|CHILD)\w+|VK_(ICD_FILENAMES|DRIVER_FILES))$/.test(name),
  ) as [string, string][];
  let found: Partial<Pick<Examination, "adapter" | "speed" | "reads">> = {};
  let failure: NoAdapterError | undefined;
  try {
    found = await examineAdapter();
  } catch (error) {
    if (!(error instanceof NoAdapterError)) throw error;
    failure = error;
  }
  // What is never downloaded is no advice.
  const missing = stock.filter((row) => !row.available && row.url).map(({ name }) => name);
  const examination: Examination = {
    version,
    runtime,
    installed,
    ...found,
    dataFolder: dataFolder(source),
    datasets: stock.map(({ name, state, available }) => ({ name, state, available })),
    environment: Object.fromEntries(environment),
    advice: advise({
      runtime: runtime.runtime,
      system: runtime.system.toLowerCase(),
      kind: (found.adapter?.kind ?? "other") as FoundAdapter["kind"],
      installed,
      drivers: await installedDrivers(),
      wanted: host.env.LATENTGRAD_ADAPTER || undefined,
      debug: (host.env.LATENTGRAD_DEBUG || "0") !== "0",
      missing,
    }),
    ...(failure ? { problem: failure.message } : {}),
  };
  return failure ? { examination, failure } : { examination };
}

async function examineAdapter(): Promise<Pick<Examination, "adapter" | "speed" | "reads">> {
  const { adapter, kind, name } = await requestAdapter();
  const { vendor, architecture, device: model, description } = adapter.info;
  const words = Object.entries({
    vendor: VENDORS[vendor] ?? vendor,
    architecture,
    device: model === "0" ? "" : model,
    description: description === name ? "" : description,
  });
  const device = await openDevice();
  const { costs } = device.target.textures;
  try {
    return {
      ...(costs ? { reads: costs } : {}),
      adapter: {
        name,
        kind,
        driver: Object.fromEntries(words.filter(([, word]) => word)),
        features: [...adapter.features].sort(),
        limits: Object.fromEntries(
          LIMITS.map((limit) => [
            limit,
            { offered: adapter.limits[limit], used: device.limits[limit] },
          ]),
        ),
      },
      speed: { matmul: await measureMatmul(device), copy: await measureCopy(device) },
    };
  } finally {
    device.close();
  }
}

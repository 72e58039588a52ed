import { type AdapterRequest, requestAdapter } from "./adapter.ts";
import { readEnvironment } from "./adapter-environment.ts";
import { checkOptions, type OptionRules } from "./arguments.ts";
import { Device, type DeviceOptions } from "./device.ts";
import { NoAdapterError, UsageError } from "./errors.ts";
import { featuresOfEnvironment } from "./features.ts";
import type { TargetOptions } from "./target.ts";

/** Which adapter is opened, and how its device is used. */
export interface OpenOptions extends AdapterRequest, DeviceOptions {
  /**
   * `default` asks for no more than the specification's default limits. Otherwise larger buffers
   * are asked for where the adapter has them, and nothing else.
   */
  readonly limits?: "default" | "used";
  /**
   * Features to ask for where the adapter has them, besides timestamps; `device.has` says what was
   * got of `shader-f16` and `subgroups`. Default: the environment's LATENTGRAD_FEATURES, else none.
   */
  readonly features?: readonly GPUFeatureName[];
}

const optionRules: OptionRules<OpenOptions> = {
  prefer: "text?",
  gpu: "any?",
  debug: "number?",
  memoryLimit: "number?",
  log: "function?",
  limits: "text?",
  features: "any?",
  collect: "function?",
  target: "any?",
};

/** Data sets have the largest buffers there are; those of more than 1 GiB are put into several. */
const LARGEST_BUFFER = 2 ** 30;

/**
 * Opens a device on whatever the runtime offers: a real GPU before llvmpipe before the embedded
 * SwiftShader. The environment's LATENTGRAD_ADAPTER, LATENTGRAD_LIMITS, LATENTGRAD_DEBUG,
 * LATENTGRAD_FEATURES, LATENTGRAD_MEMORY (bytes) and LATENTGRAD_ACCUMULATORS (of a thread's tile)
 * stand in for options that are not given.
 *
 * @throws NoAdapterError when there is no WebGPU
 * @throws UsageError for options and variables with values that mean nothing
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  checkOptions("openDevice", options, optionRules);
  const debug = options.debug ?? environmentNumber("LATENTGRAD_DEBUG") ?? 0;
  if (![0, 1, 2, 3].includes(debug))
    throw new UsageError(`the debug level is 0, 1, 2 or 3, not ${debug}`);
  const limits = options.limits ?? (readEnvironment("LATENTGRAD_LIMITS") || "used");
  if (!["default", "used"].includes(limits))
    throw new UsageError(`LATENTGRAD_LIMITS is default or used, not "${limits}"`);
  const memoryLimit = options.memoryLimit ?? environmentNumber("LATENTGRAD_MEMORY");
  const features = options.features ?? featuresOfEnvironment();
  const target = options.target ?? targetOfEnvironment();
  const accumulators = target.tiles?.accumulators ?? 1;
  if (!(Number.isInteger(accumulators) && accumulators >= 1))
    throw new UsageError(`a tile has 1 accumulator or more, not ${accumulators}`);
  const { adapter, kind, name, runtime } = await requestAdapter(options);
  const requiredLimits: Record<string, number> = {};
  if (limits !== "default") {
    for (const limit of ["maxBufferSize", "maxStorageBufferBindingSize"] as const)
      requiredLimits[limit] = Math.min(adapter.limits[limit], LARGEST_BUFFER);
  }
  const wanted: readonly GPUFeatureName[] = ["timestamp-query", ...features];
  const requiredFeatures = wanted.filter((name) => adapter.features.has(name));
  let gpu: GPUDevice;
  try {
    gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoAdapterError(`${name} gives no device: ${reason}`);
  }
  // Only llvmpipe reads buffers slowly, and on some processors alone. Bundles for browsers know nothing of it.
  const probes = kind === "llvmpipe" && target.costs === undefined;
  const probe: Partial<typeof import("./read-probe.ts")> = probes
    ? await import("./read-probe.ts")
    : {};
  const measured = await probe.readsOf?.(gpu, `${name} ${runtime}`);
  const device = new Device(
    gpu,
    { kind, name, runtime },
    {
      ...options,
      debug,
      target: measured ? { ...target, costs: measured.costs ?? null } : target,
      ...(memoryLimit === undefined ? {} : { memoryLimit }),
    },
  );
  if (measured) device.target.textures.reads = measured.reads;
  return device;
}

/** Smaller tiles than the adapter bears: tests of much else than tiles have their shaders sooner. */
function targetOfEnvironment(): TargetOptions {
  const accumulators = environmentNumber("LATENTGRAD_ACCUMULATORS");
  if (accumulators === undefined) return {};
  return { tiles: { accumulators, largest: 4 * accumulators } };
}

function environmentNumber(name: string): number | undefined {
  const text = readEnvironment(name);
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new UsageError(`${name} is "${text}", which is no number`);
  return value;
}

import type { AdapterFacts, Device } from "../gpu/device.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";
import { isObject } from "./json.ts";

/** Raised when the texts of kernels change so much that old measurements say nothing. */
const FORMAT = 1;

/** Where the variants that `tune` found best on an adapter are kept, in the user's cache. */
export function variantsPath(host: Host, { name, runtime }: AdapterFacts): string {
  const file = `${name} ${runtime}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return `${host.cacheDir}/variants/${file.replace(/^-|-$/g, "")}.json`;
}

/** The table of an adapter; empty where there is none, or none that can be read. */
export async function readVariants(host: Host, adapter: AdapterFacts): Promise<VariantChoices> {
  const path = variantsPath(host, adapter);
  try {
    if ((await host.stat(path))?.kind !== "file") return {};
    return choicesOf(JSON.parse(new TextDecoder().decode(await host.readFile(path))));
  } catch {
    return {}; // a table saves time; without one the heuristics choose
  }
}

export async function writeVariants(
  host: Host,
  adapter: AdapterFacts,
  choices: VariantChoices,
): Promise<string> {
  const path = variantsPath(host, adapter);
  const text = JSON.stringify(tableOf(adapter, choices), null, 2);
  await host.writeAtomic(path, new TextEncoder().encode(`${text}\n`));
  return path;
}

/** A table as it is kept. */
export function tableOf({ name, runtime }: AdapterFacts, choices: VariantChoices) {
  return { format: FORMAT, adapter: name, runtime, choices };
}

/** The choices of a table that was kept; none where it is damaged or of another format. */
export function choicesOf(table: unknown): VariantChoices {
  if (!isObject(table) || table.format !== FORMAT) return {};
  return soundChoices(table.choices) ?? {};
}

/** Choices as a file has them, or undefined where they are none. */
export function soundChoices(value: unknown): VariantChoices | undefined {
  if (!isObject(value)) return undefined;
  const sound = Object.values(value).every((variant) => typeof variant === "string");
  return sound ? (value as VariantChoices) : undefined;
}

/** Opens devices that follow a table: that of the run, or else the adapter's. */
export function withVariants(
  open: () => Promise<Device>,
  table: (device: Device) => Promise<VariantChoices>,
): () => Promise<Device> {
  return async () => {
    const device = await open();
    try {
      device.variants.replace(await table(device));
      return device;
    } catch (error) {
      device.close();
      throw error;
    }
  };
}

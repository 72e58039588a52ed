import { isObject, parseJson } from "../formats/json.ts";
import { sha256 } from "../formats/sha256.ts";
import { checkObject } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import type { OptionalFeature } from "../gpu/features.ts";
import type { MeasuredCandidates, VariantChoices } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";

/** Raised when the texts of kernels change so much that old measurements say nothing. */
const FORMAT = 1;
/** Where nothing was tuned. */
const EMPTY: TunedTable = { choices: {}, measured: {} };

/** What tunings have found out on an adapter. */
export interface TunedTable {
  /** The winners, but for those that the heuristic takes by itself. */
  readonly choices: VariantChoices;
  /** All kernels that were measured. What is known of one holds while its candidates are these. */
  readonly measured: MeasuredCandidates;
}

/** Whose winners they are: what a device is, and what it was opened with. */
export type TableOwner = Pick<Device, "adapter" | "has">;

/** @throws UsageError for anything but a device, or what is known of one */
export function checkOwner(op: string, owner: unknown): asserts owner is TableOwner {
  checkObject(op, "owner", owner, ["adapter", "has"]);
  checkObject(op, "owner.adapter", owner.adapter, ["name", "runtime"]);
  checkObject(op, "owner.has", owner.has, []);
}

/**
 * Drivers of other runtimes compile the same kernels differently, and optional features add
 * candidates, whose winners a device without them could not use: each has a table of its own.
 */
function ownerFacts({ adapter: { name, runtime }, has }: TableOwner) {
  const features = (Object.keys(has) as OptionalFeature[]).filter((feature) => has[feature]).sort();
  return { adapter: name, runtime, features };
}

/** One line for an owner; no other owner has the same. */
export function ownerKey(owner: TableOwner): string {
  const { adapter, runtime, features } = ownerFacts(owner);
  return [adapter, runtime, ...features].join(" ");
}

/**
 * Where the variants that `tune` found best on an adapter are kept, in the user's cache. Names that
 * differ in what files cannot be called by differ in the digits behind them.
 */
export async function variantsPath(host: Host, owner: TableOwner): Promise<string> {
  const key = ownerKey(owner);
  const file = key.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const digits = (await sha256(new TextEncoder().encode(key))).slice(0, 8);
  return `${host.cacheDir}/variants/${file.replace(/^-|-$/g, "")}-${digits}.json`;
}

/** The winners of a device's adapter; empty where there are none, or none that can be read. */
export async function readVariants(host: Host, owner: TableOwner): Promise<VariantChoices> {
  return (await readTable(host, owner)).choices;
}

/** The same with all that was measured. */
export async function readTable(host: Host, owner: TableOwner): Promise<TunedTable> {
  try {
    const path = await variantsPath(host, owner);
    if ((await host.stat(path))?.kind !== "file") return EMPTY;
    return tableIn(parseJson(new TextDecoder().decode(await host.readFile(path))), owner);
  } catch {
    return EMPTY; // a table saves time; without one the heuristics choose
  }
}

export async function writeTable(
  host: Host,
  owner: TableOwner,
  table: TunedTable,
): Promise<string> {
  const path = await variantsPath(host, owner);
  const text = JSON.stringify(keptTable(owner, table), null, 2);
  await host.writeAtomic(path, new TextEncoder().encode(`${text}\n`));
  return path;
}

/** A table as it is kept. */
export function keptTable(owner: TableOwner, { choices, measured }: TunedTable) {
  return { format: FORMAT, ...ownerFacts(owner), choices, measured };
}

/** The table in what was kept; empty where that is damaged, another's or of another format. */
export function tableIn(kept: unknown, owner: TableOwner): TunedTable {
  if (!isObject(kept) || kept.format !== FORMAT) return EMPTY;
  const own = Object.entries(ownerFacts(owner)).every(
    ([name, fact]) => JSON.stringify(kept[name]) === JSON.stringify(fact),
  );
  const [choices, measured] = [soundChoices(kept.choices), soundCandidates(kept.measured)];
  return own && choices && measured ? { choices, measured } : EMPTY;
}

function soundCandidates(value: unknown): MeasuredCandidates | undefined {
  if (!isObject(value)) return undefined;
  const sound = Object.values(value).every(
    (list) => Array.isArray(list) && list.every((variant) => typeof variant === "string"),
  );
  return sound ? (value as MeasuredCandidates) : undefined;
}

/** Choices as a file has them, or undefined where they are none. */
export function soundChoices(value: unknown): VariantChoices | undefined {
  if (!isObject(value)) return undefined;
  const sound = Object.values(value).every((variant) => typeof variant === "string");
  return sound ? (value as VariantChoices) : undefined;
}

/** Opens devices that use a table: that of the run, or else the adapter's. */
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

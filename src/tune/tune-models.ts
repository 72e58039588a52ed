import { IoError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import { formatTuningKey } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";
import type { Interruption } from "../host/interruption.ts";
import type { TunableKernel } from "../kernels/variants.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { type TunedKernel, type TuneReport, tune, winnersOf } from "./tune.ts";
import {
  readTable,
  type TableOwner,
  type TunedTable,
  variantsPath,
  writeTable,
} from "./variant-files.ts";

export interface TuneModelsOptions {
  readonly entries: readonly ModelDefinition[];
  readonly settings: Readonly<Record<string, string>>;
  readonly batch: number;
  readonly seconds: number;
  readonly bytes: number;
  /** Measures what is known already, too. */
  readonly again?: boolean | undefined;
}

/** The kernels with several variants that a model's training step asks for on this adapter. */
export type KernelsOfStep = (step: {
  readonly entry: ModelDefinition;
  readonly settings: Readonly<Record<string, string>>;
  readonly batch: number;
}) => Promise<readonly TunableKernel[]>;

/** Where the winners of each adapter and set of optional features are kept. */
export interface VariantStore {
  /** A path, or what else a reader would look for. */
  readonly place: (owner: TableOwner) => Promise<string>;
  readonly load: (owner: TableOwner) => Promise<TunedTable>;
  /** Throws IoError where it cannot keep them. */
  readonly save: (owner: TableOwner, table: TunedTable) => Promise<unknown>;
}

/** A kernel and class of shapes, and what was found best for it. */
export interface KnownKernel {
  readonly kernel: string;
  readonly shape: string;
  readonly variant: string;
}

/** What a tuning of the kernels of training steps has found. */
export interface StepTuneReport extends TuneReport {
  /** The adapter's name. */
  readonly adapter: string;
  /** `chrome`, `node`, `deno`, … */
  readonly runtime: string;
  /** Kernels of the models that were measured before, and were not now. */
  readonly known: readonly KnownKernel[];
  /** Why the winners were not kept, if so. */
  readonly unsaved?: IoError;
}

/** The same of the command line. */
export interface TuneModelsReport extends StepTuneReport {
  /** What the winners were added to: a file, unless the caller chose another store. */
  readonly path: string;
}

/**
 * Tunes the matrix products and convolutions of the models' training steps, and adds the winners to
 * the adapter's table in the user's cache. See `tuneSteps`.
 */
export function tuneModels(
  options: TuneModelsOptions,
  host: Host,
  kernelsOf: KernelsOfStep,
  log: (line: string) => void,
  interruption?: Interruption,
): Promise<TuneModelsReport> {
  const store: VariantStore = {
    place: (owner) => variantsPath(host, owner),
    load: (owner) => readTable(host, owner),
    save: (owner, table) => writeTable(host, owner, table),
  };
  return tuneSteps(options, store, kernelsOf, log, interruption);
}

/**
 * The same with a store of the winners that the caller chooses. They are kept after each kernel, so
 * that whatever ends the tuning costs no more than the kernel at work. Where they cannot be kept, the
 * report says so.
 *
 * @throws InterruptedError after an interruption, which ends the tuning between two variants
 */
export async function tuneSteps(
  { entries, settings, batch, seconds, bytes, again = false }: TuneModelsOptions,
  store: VariantStore,
  kernelsOf: KernelsOfStep,
  log: (line: string) => void,
  interruption?: Interruption,
): Promise<TuneModelsReport> {
  const asked = new Map<string, TunableKernel>();
  for (const entry of entries)
    for (const tunable of await kernelsOf({ entry, settings, batch }))
      asked.set(formatTuningKey(tunable), tunable);
  const device = await openDevice();
  try {
    const path = await store.place(device);
    const keeper = new Keeper(store, device, log);
    const all = [...asked.values()];
    const known = again ? [] : knownOf(await store.load(device), all);
    const before = new Set(known.map(formatTuningKey));
    const kernels = all.filter((tunable) => !before.has(formatTuningKey(tunable)));
    if (before.size > 0) log(`${before.size} of ${all.length} kernels were measured before`);
    interruption?.attend();
    const report = await tune(device, kernels, {
      seconds,
      bytes,
      stop: () => interruption?.requested ?? false,
      onTuned: async (tuned) => {
        await keeper.add(tuned);
        log(`${keeper.tuned.length} of ${kernels.length}  ${describe(tuned)}`);
      },
    });
    if (interruption?.requested) throw interruption.error(keeper.outcome(path));
    const { name, runtime } = device.adapter;
    const { unsaved } = keeper;
    return { adapter: name, runtime, known, ...report, path, ...(unsaved ? { unsaved } : {}) };
  } finally {
    device.close();
  }
}

/** What a table says of the kernels whose candidates are still those that were measured. */
function knownOf(
  { choices, measured }: TunedTable,
  kernels: readonly TunableKernel[],
): KnownKernel[] {
  return kernels.flatMap((tunable) => {
    const { kernel, shape, candidates } = tunable;
    const key = formatTuningKey(tunable);
    if (JSON.stringify(measured[key]) !== JSON.stringify(candidates)) return [];
    return [{ kernel, shape, variant: choices[key] ?? (candidates[0] as string) }];
  });
}

function describe({ kernel, shape, heuristic, winner, ms }: TunedKernel): string {
  const gain = (ms[heuristic] ?? Number.NaN) / (ms[winner] ?? Number.NaN);
  const how = winner === heuristic ? "stays" : `before ${heuristic}, ${gain.toFixed(2)} times`;
  return `${kernel} ${shape}: ${winner} (${how})`;
}

/** Adds what a tuning finds to the table of a device, a kernel at a time. */
class Keeper {
  readonly tuned: TunedKernel[] = [];
  /** Why the store does not have all of them, if it does not. */
  unsaved: IoError | undefined;

  constructor(
    private readonly store: VariantStore,
    private readonly owner: TableOwner,
    private readonly log: (line: string) => void,
  ) {}

  async add(tuned: TunedKernel): Promise<void> {
    this.tuned.push(tuned);
    const { store, owner } = this;
    try {
      // Read again each time, since another tuning may have added to it meanwhile.
      await store.save(owner, merged(await store.load(owner), this));
      this.unsaved = undefined;
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      if (!this.unsaved) this.log(`the winners are not kept: ${error.message}`);
      this.unsaved = error;
    }
  }

  /** What is kept when it ends here. */
  outcome(path: string): string {
    const { length } = this.tuned;
    if (this.unsaved) return `nothing is kept: ${this.unsaved.message}`;
    if (length === 0) return "no kernel was measured";
    return `${path} holds what was found of ${length} ${length === 1 ? "kernel" : "kernels"}`;
  }
}

/** What was known, with what was measured now in its place. */
export function merged(known: TunedTable, { tuned }: Pick<TuneReport, "tuned">): TunedTable {
  const now = Object.fromEntries(tuned.map((t) => [formatTuningKey(t), t.candidates]));
  const kept = Object.entries(known.choices).filter(([key]) => !Object.hasOwn(now, key));
  return {
    choices: { ...Object.fromEntries(kept), ...winnersOf(tuned) },
    measured: { ...known.measured, ...now },
  };
}

import { openDevice } from "../gpu/open.ts";
import { questionKey, type VariantChoices, type VariantQuestion } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { readVariants, type TableOwner, writeVariants } from "../train/variants.ts";
import { openStep } from "./step.ts";
import { type TuneReport, tune } from "./tune.ts";

export interface TuneModelsOptions {
  readonly entries: readonly ModelDefinition[];
  readonly settings: Readonly<Record<string, string>>;
  readonly batch: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** Where the winners of each adapter and set of optional features are kept. */
export interface VariantStore {
  readonly load: (owner: TableOwner) => Promise<VariantChoices>;
  readonly save: (owner: TableOwner, choices: VariantChoices) => Promise<unknown>;
}

export interface TuneStepsReport extends TuneReport {
  readonly adapter: string;
  readonly runtime: string;
}

export interface TuneModelsReport extends TuneStepsReport {
  /** The file that the winners were added to. */
  readonly path: string;
}

/**
 * Tunes the matrix products and convolutions of the models' training steps, and adds the winners to
 * the adapter's table in the user's cache.
 */
export async function tuneModels(
  options: TuneModelsOptions,
  host: Host,
  log: (line: string) => void,
): Promise<TuneModelsReport> {
  let path = "";
  const report = await tuneSteps(
    options,
    {
      load: (owner) => readVariants(host, owner),
      save: async (owner, choices) => {
        path = await writeVariants(host, owner, choices);
      },
    },
    log,
  );
  return { ...report, path };
}

/** The same with a store of the winners that the caller chooses. */
export async function tuneSteps(
  { entries, settings, batch, seconds, bytes }: TuneModelsOptions,
  store: VariantStore,
  log: (line: string) => void,
): Promise<TuneStepsReport> {
  const asked = new Map<string, VariantQuestion>();
  for (const entry of entries) {
    const { device } = await openStep({ entry, settings, batch }, (question) =>
      asked.set(questionKey(question), question),
    );
    device.close();
  }
  const device = await openDevice();
  try {
    let done = 0;
    const report = await tune(device, [...asked.values()], {
      seconds,
      bytes,
      onTuned: ({ kernel, shape, heuristic, winner, ms }) => {
        const gain = (ms[heuristic] ?? Number.NaN) / (ms[winner] ?? Number.NaN);
        const how =
          winner === heuristic ? "stays" : `before ${heuristic}, ${gain.toFixed(2)} times`;
        log(`${++done} of ${asked.size}  ${kernel} ${shape}: ${winner} (${how})`);
      },
    });
    await store.save(device, merged(await store.load(device), report));
    const { name, runtime } = device.adapter;
    return { adapter: name, runtime, ...report };
  } finally {
    device.close();
  }
}

/** What was known, with what was measured now in its place. */
export function merged(known: VariantChoices, { tuned, choices }: TuneReport): VariantChoices {
  const measured = new Set(tuned.map(questionKey));
  const kept = Object.entries(known).filter(([key]) => !measured.has(key));
  return { ...Object.fromEntries(kept), ...choices };
}

import { openDevice } from "../gpu/open.ts";
import { questionKey, type VariantChoices, type VariantQuestion } from "../gpu/variant-table.ts";
import type { Host } from "../host/host.ts";
import type { ModelDefinition } from "../models/definition.ts";
import { readVariants, variantsPath, writeVariants } from "../train/variants.ts";
import { openStep } from "./step.ts";
import { type TuneReport, tune } from "./tune.ts";

export interface TuneModelsOptions {
  readonly entries: readonly ModelDefinition[];
  readonly settings: Readonly<Record<string, string>>;
  readonly batch: number;
  readonly seconds: number;
  readonly bytes: number;
}

export interface TuneModelsReport extends TuneReport {
  readonly adapter: string;
  readonly runtime: string;
  /** The file that the winners were added to. */
  readonly path: string;
}

/**
 * Tunes the matrix products and convolutions of the models' training steps, and adds the winners to
 * the adapter's table in the user's cache.
 */
export async function tuneModels(
  { entries, settings, batch, seconds, bytes }: TuneModelsOptions,
  host: Host,
  log: (line: string) => void,
): Promise<TuneModelsReport> {
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
    const known = await readVariants(host, device.adapter);
    await writeVariants(host, device.adapter, merged(known, report));
    const { name, runtime } = device.adapter;
    return { adapter: name, runtime, path: variantsPath(host, device.adapter), ...report };
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

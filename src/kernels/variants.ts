import type { Device } from "../gpu/device.ts";
import type { VariantTrial } from "../gpu/variant-table.ts";
import type { Tile } from "./tiles.ts";

/** How a matrix-like kernel computes its result. */
export interface Variant extends Tile {
  /**
   * `registers`: each thread keeps a tile in registers and reads what it needs. `tiled`: a
   * workgroup stages tiles in its memory. `subgroups`: the lanes of a subgroup share their loads.
   */
  readonly family: "registers" | "tiled" | "subgroups";
  /** Over how many threads (or workgroups) the sum is split; a second pass adds the shares up. */
  readonly splits: number;
  /** Inputs are read as f16; sums are f32 all the same. */
  readonly half: boolean;
}

const FAMILIES: readonly Variant["family"][] = ["registers", "tiled", "subgroups"];

/** `registers 8x16 splits 4 half`. */
export function formatVariant({ family, rows, cols, splits, half }: Variant): string {
  const words = [family, `${rows}x${cols}`];
  if (splits > 1) words.push("splits", String(splits));
  if (half) words.push("half");
  return words.join(" ");
}

/** The variant that a text describes, or undefined where it describes none. */
export function parseVariant(text: string): Variant | undefined {
  const match = /^(\w+) (\d+)x(\d+)(?: splits (\d+))?( half)?$/.exec(text);
  const family = FAMILIES.find((name) => name === match?.[1]);
  if (!match || !family) return undefined;
  return {
    family,
    rows: Number(match[2]),
    cols: Number(match[3]),
    splits: Number(match[4] ?? 1),
    half: match[5] !== undefined,
  };
}

/**
 * The variant for a shape: the table's winner, else the first of the candidates.
 *
 * @param kernel name of the kernel
 * @param shape name of its class of shapes
 * @param candidates the heuristic's choice first
 * @param trial makes the kernel in one of its variants, for the tuner
 */
export function chooseVariant(
  device: Device,
  kernel: string,
  shape: string,
  candidates: readonly Variant[],
  trial: (device: Device, variant: Variant) => VariantTrial,
): Variant {
  const chosen = device.variants.choose({
    kernel,
    shape,
    candidates: candidates.map(formatVariant),
    trial: (on, text) => trial(on, parseVariant(text) as Variant),
  });
  return parseVariant(chosen) as Variant;
}

/** The next power of two: lengths up to it are one class. */
export function lengthClass(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, length)));
}

import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import type { Candidates, VariantTable } from "../gpu/variant-table.ts";

/** Register tile of a matrix-like kernel, in elements. */
export interface Tile {
  readonly rows: number;
  readonly cols: number;
}

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

/** A kernel with several variants, and all that it takes to compare them. */
export interface TunableKernel extends Candidates {
  /** The plainest variant, which the others' results are held against. */
  readonly reference: string;
  /** f32 elements of each operand of the shape that asked, and of its result. */
  readonly operands: readonly number[];
  readonly result: number;
  /** The kernel of the shape that asked, in one of its variants. @internal */
  readonly calls: (operands: readonly Value[], result: Value, variant: string) => readonly Call[];
}

/**
 * Has `listener` hear of every kernel with several variants that is asked for, beside who listens
 * already.
 *
 * @returns what ends it
 */
export function onTunableKernel(
  table: VariantTable,
  listener: (kernel: TunableKernel) => void,
): () => void {
  const earlier = table.listener;
  table.listener = (candidates) => {
    earlier?.(candidates);
    if (isTunable(candidates)) listener(candidates);
  };
  return () => {
    table.listener = earlier;
  };
}

/** The table's layer knows no calls; what `chooseVariant` looks up in it has them. */
function isTunable(candidates: Candidates): candidates is TunableKernel {
  return "calls" in candidates;
}

/** What `chooseVariant` is asked: a tunable kernel, with variants in place of texts. */
export interface Choice extends Pick<TunableKernel, "kernel" | "shape" | "operands" | "result"> {
  /** The heuristic's choice first. */
  readonly candidates: readonly Variant[];
  /** The smallest tile that is right: the tuner holds the others' results against it. */
  readonly plain: Tile;
  readonly calls: (operands: readonly Value[], result: Value, variant: Variant) => readonly Call[];
}

/** The variant for a shape: the table's winner, else the first of the candidates. */
export function chooseVariant(table: VariantTable, choice: Choice): Variant {
  const { candidates, plain, calls, ...shape } = choice;
  const kernel: TunableKernel = {
    ...shape,
    candidates: candidates.map(formatVariant),
    reference: formatVariant({ family: "registers", ...plain, splits: 1, half: false }),
    calls: (operands, result, text) => calls(operands, result, parseVariant(text) as Variant),
  };
  return parseVariant(table.lookUp(kernel)) as Variant;
}

/** The next power of two: lengths up to it are one class. */
export function lengthClass(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, length)));
}

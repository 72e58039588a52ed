import type { Ceilings } from "./ceilings.ts";
import type { CopyRate } from "./copy.ts";

/** What a kernel did, by the definition of what it computes. */
export interface Work {
  readonly flops: number;
  /** Bytes that have to be read and written at least. */
  readonly bytes: number;
  readonly ms: number;
}

/** Where a kernel stands under the roofline (Williams, Waterman and Patterson 2009). */
export interface Standing {
  readonly gflops: number;
  readonly gbps: number;
  /** What it could not be faster than: the multiply-adds, or the copy of so many bytes. */
  readonly bound: "compute" | "memory";
  /** Its speed over that of the bound. */
  readonly fractionOfCeiling: number;
}

type Roof = Pick<Ceilings, "fmaGflops" | "copies">;

/**
 * How fast bytes may move: as the fastest copy that moves as many or more. A copy of n bytes reads n
 * and writes n. Small copies take their time for starting; larger ones may not fit into a cache.
 */
export function bandwidthOf({ copies }: Roof, bytes: number): number {
  const rates = copies.filter((copy) => 2 * copy.bytes >= bytes).map(({ gbps }) => gbps);
  return rates.length > 0 ? Math.max(...rates) : (copies[copies.length - 1]?.gbps ?? 0);
}

export function standingOf({ flops, bytes, ms }: Work, roof: Roof): Standing {
  const computing = flops / roof.fmaGflops / 1e6;
  const moving = bytes / bandwidthOf(roof, bytes) / 1e6;
  return {
    gflops: flops / ms / 1e6,
    gbps: bytes / ms / 1e6,
    bound: computing >= moving ? "compute" : "memory",
    fractionOfCeiling: Math.max(computing, moving) / ms,
  };
}

/** Work with the name that a report gives it. */
export type NamedWork = Work & { readonly name: string };

/**
 * The ceilings with those raised that a kernel of the same run was above: a ceiling is no ceiling if
 * something is faster.
 */
export function raiseCeilings(ceilings: Ceilings, works: readonly NamedWork[]): Ceilings {
  let { fmaGflops, fmaEntry } = ceilings;
  for (const { name, flops, ms } of works) {
    const gflops = flops / ms / 1e6;
    if (gflops <= fmaGflops) continue;
    fmaGflops = gflops;
    fmaEntry = `raised to the rate of ${name}`;
  }
  const copies: CopyRate[] = [...ceilings.copies];
  for (const { name, bytes, ms } of works) {
    const gbps = bytes / ms / 1e6;
    if (gbps <= bandwidthOf({ fmaGflops, copies }, bytes)) continue;
    const found = copies.findIndex((copy) => 2 * copy.bytes >= bytes);
    const at = found < 0 ? copies.length - 1 : found;
    copies[at] = { ...(copies[at] as CopyRate), gbps, entry: `raised to the rate of ${name}` };
  }
  const { gbps: copyGBps, entry: copyEntry } = copies[copies.length - 1] as CopyRate;
  return { ...ceilings, fmaGflops, fmaEntry, copies, copyGBps, copyEntry };
}

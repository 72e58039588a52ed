/** A kernel, and a class of shapes for which one variant of it is chosen. */
export interface TuningKey {
  /** `matmul`, `conv2d`, `conv2d input gradient`, `conv2d weight gradient`. */
  readonly kernel: string;
  /** The class of shapes; every candidate is right for all shapes of the class. */
  readonly shape: string;
}

/** Winners by tuning key: `conv2d 128×16×16×64→8×8×64 k3x3 s2x2` → `registers 8x16`. */
export type VariantChoices = Readonly<Record<string, string>>;

/** Among which candidates a tuning has chosen, the heuristic's first, by tuning key. */
export type MeasuredCandidates = Readonly<Record<string, readonly string[]>>;

/** The variants that a kernel has for a class of shapes. */
export interface Candidates extends TuningKey {
  /** As texts; the first is what is taken where nothing is known. */
  readonly candidates: readonly string[];
}

export function formatTuningKey({ kernel, shape }: TuningKey): string {
  return `${kernel} ${shape}`;
}

/**
 * Which variant of a kernel this device takes for a class of shapes. Empty, it leaves the choice to
 * the kernels' heuristics. The text of every kernel follows from its shape and its variant, so the
 * same table gives the same bits; a run keeps the table that it was trained with.
 */
export class VariantTable {
  private readonly winners = new Map<string, string>();
  private readonly taken = new Map<string, string>();
  /** Hears of all that is looked up (see `onTunableKernel`). @internal */
  listener: ((candidates: Candidates) => void) | undefined;

  /** The winner, if one is known and still among the candidates; else the first of them. @internal */
  lookUp(wanted: Candidates): string {
    this.listener?.(wanted);
    const key = formatTuningKey(wanted);
    const known = this.winners.get(key);
    if (known === undefined || !wanted.candidates.includes(known))
      return wanted.candidates[0] as string;
    this.taken.set(key, known);
    return known;
  }

  /** Adds winners; those that are known already are replaced. */
  insert(choices: VariantChoices): void {
    for (const [key, variant] of Object.entries(choices)) this.winners.set(key, variant);
  }

  /** All winners that it knows. */
  known(): VariantChoices {
    return Object.fromEntries(this.winners);
  }

  /** Knows these winners and no others from now on, as at the beginning of a run. */
  replace(choices: VariantChoices): void {
    this.winners.clear();
    this.taken.clear();
    this.insert(choices);
  }

  /** The winners that kernels have used so far, in the order of their names. */
  used(): VariantChoices {
    return Object.fromEntries([...this.taken].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

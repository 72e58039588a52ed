import type { Call } from "./call.ts";
import type { Value } from "./value.ts";

/** What a kernel asks: which of its variants is best for a class of shapes. */
export interface VariantQuestion {
  /** `matmul`, `conv2d`, `conv2d input gradient`, `conv2d weight gradient`. */
  readonly kernel: string;
  /** The class of shapes; every candidate is right for all shapes of the class. */
  readonly shape: string;
  /** As texts; the first is what is taken where nothing is known. */
  readonly candidates: readonly string[];
  /** The plainest variant, which the others' results are held against. */
  readonly reference: string;
  /** f32 elements of each operand of the shape that asked, and of its result. */
  readonly operands: readonly number[];
  readonly result: number;
  /** The kernel of the shape that asked, in one of its variants. */
  readonly calls: (operands: readonly Value[], result: Value, variant: string) => readonly Call[];
}

/** Winners by question: `conv2d 128×16×16×64→8×8×64 k3x3 s2x2` → `registers 8x16`. */
export type VariantChoices = Readonly<Record<string, string>>;

/** Among which candidates a tuning has chosen, the heuristic's first, by question. */
export type MeasuredCandidates = Readonly<Record<string, readonly string[]>>;

export function questionKey(question: Pick<VariantQuestion, "kernel" | "shape">): string {
  return `${question.kernel} ${question.shape}`;
}

/**
 * Which variant of a kernel this device takes for a class of shapes. Empty, it leaves the choice to
 * the kernels' heuristics. The text of every kernel follows from its shape and its variant, so the
 * same table gives the same bits; a run keeps the table that it was trained with.
 */
export class VariantTable {
  private readonly winners = new Map<string, string>();
  private readonly followed = new Map<string, string>();
  /** Hears of every question that a kernel asks; the tuner collects them here. */
  listener: ((question: VariantQuestion) => void) | undefined;

  /** The winner, if one is known and still among the candidates. */
  choose(question: VariantQuestion): string {
    this.listener?.(question);
    const key = questionKey(question);
    const known = this.winners.get(key);
    if (known === undefined || !question.candidates.includes(known))
      return question.candidates[0] as string;
    this.followed.set(key, known);
    return known;
  }

  /** Takes over winners; those that are known already are replaced. */
  learn(choices: VariantChoices): void {
    for (const [key, variant] of Object.entries(choices)) this.winners.set(key, variant);
  }

  /** Knows these winners and no others from now on, as at the beginning of a run. */
  replace(choices: VariantChoices): void {
    this.winners.clear();
    this.followed.clear();
    this.learn(choices);
  }

  /** The winners that kernels have followed so far, in the order of their names. */
  used(): VariantChoices {
    return Object.fromEntries([...this.followed].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

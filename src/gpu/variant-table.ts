import type { Call } from "./call.ts";
import type { Device } from "./device.ts";
import type { Value } from "./value.ts";

/** A kernel of some shape made for a measurement, with inputs of its own. */
export interface VariantTrial {
  readonly inputs: readonly Value[];
  readonly result: Value;
  readonly calls: readonly Call[];
}

/** What a kernel asks: which of its variants is best for a class of shapes. */
export interface VariantQuestion {
  /** `matmul`, `conv2d`, `conv2d input gradient`, `conv2d weight gradient`. */
  readonly kernel: string;
  /** The class of shapes; every candidate is right for all shapes of the class. */
  readonly shape: string;
  /** As texts; the first is what is taken where nothing is known. */
  readonly candidates: readonly string[];
  /** Makes the kernel of the shape that asked, in one of its variants. */
  readonly trial: (device: Device, variant: string) => VariantTrial;
}

/** Winners by question: `conv2d 128×16×16×64→8×8×64 k3 s2` → `registers 8x16`. */
export type VariantChoices = Readonly<Record<string, string>>;

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
  /** Hears of every question that a kernel asks; the tuner collects them here. */
  listener: ((question: VariantQuestion) => void) | undefined;

  /** The winner, if one is known and still among the candidates. */
  choose(question: VariantQuestion): string {
    this.listener?.(question);
    const known = this.winners.get(questionKey(question));
    const heuristic = question.candidates[0] as string;
    return known !== undefined && question.candidates.includes(known) ? known : heuristic;
  }

  /** Takes over winners; those that are known already are replaced. */
  learn(choices: VariantChoices): void {
    for (const [key, variant] of Object.entries(choices)) this.winners.set(key, variant);
  }

  /** Forgets all winners, for instance to take up the table of a run. */
  clear(): void {
    this.winners.clear();
  }

  /** All winners, in the order of their names. */
  choices(): VariantChoices {
    return Object.fromEntries([...this.winners].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

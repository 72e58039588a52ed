import type { PeerFailure } from "../../src/bench/peers.ts";
import type { Answers, Ask, Runner } from "./protocol.ts";
import { type Task, taskName } from "./tasks.ts";

/** An engine in its process or page. */
export interface OpenSide {
  readonly name: string;
  readonly runner: Runner;
  /** Names of its tasks. */
  readonly tasks: readonly string[];
  /** From asking for an adapter to the open engine. */
  readonly openMs: number;
  /** None for an engine on the CPU. */
  readonly adapter: string | undefined;
  /** What else decides how fast it is, where it says so. */
  readonly about: string | undefined;
}

/**
 * Who comes when in a round: places of `count` sides. Over `count` rounds each side has every place
 * once and, where they are even in number, comes behind every other once; of an odd number the next
 * `count` rounds, mirrored, make up for it (Williams 1949). So no side is always timed on the caches
 * and clock rates that one other leaves.
 */
export function turnOrder(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, place) => {
    const step = place % 2 === 1 ? (place + 1) / 2 : count - place / 2;
    return (step + round) % count;
  });
  const mirrored = count % 2 === 1 && Math.floor(round / count) % 2 === 1;
  return mirrored ? order.reverse() : order;
}

/** The sides at one task. A peer that fails is left out of the rest of it; ours must not fail. */
export class Turns {
  readonly failures: PeerFailure[] = [];

  constructor(
    private readonly task: Task,
    /** Ours first. */
    public sides: readonly OpenSide[],
  ) {}

  /**
   * Asks one side after the other, but for those that there is no question for.
   *
   * @param round who comes when; in the first, which is 0, ours begins
   */
  async each<A extends Ask>(
    question: (side: OpenSide) => A | undefined,
    answer: (side: OpenSide, answer: Answers[A["ask"]]) => void,
    round = 0,
  ): Promise<void> {
    const order = turnOrder(this.sides.length, round).map((place) => this.sides[place] as OpenSide);
    for (const side of order) {
      const asked = question(side);
      if (!asked) continue;
      try {
        answer(side, await side.runner.ask(asked));
      } catch (error) {
        if (side === this.sides[0]) throw error;
        const { message } = error as Error;
        this.failures.push({ peer: side.name, what: taskName(this.task), message });
        this.without(side);
      }
    }
  }

  without(side: OpenSide): void {
    this.sides = this.sides.filter((other) => other !== side);
  }
}

import type { PeerFailure } from "../../src/bench/peers.ts";
import type { Answers, Ask } from "./protocol.ts";
import type { Runner } from "./runners.ts";
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
}

/** The sides at one task. A peer that fails is left out of the rest of it; ours must not fail. */
export class Turns {
  readonly failures: PeerFailure[] = [];

  constructor(
    private readonly task: Task,
    /** Ours first. */
    public sides: readonly OpenSide[],
  ) {}

  /** Asks one side after the other, but for those that there is no question for. */
  async each<A extends Ask>(
    question: (side: OpenSide) => A | undefined,
    answer: (side: OpenSide, answer: Answers[A["ask"]]) => void,
  ): Promise<void> {
    for (const side of this.sides) {
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

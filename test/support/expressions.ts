/** Random elementwise expressions whose values stay moderate and continuous. */
import { apply, constant, type Expression, input } from "../../src/kernels/expression.ts";

/** Reproducible numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = (Math.imul(seed + 1, 2654435761) ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const UNARY = ["neg", "abs", "tanh", "sigmoid", "softplus", "square", "sin", "cos"] as const;
const BINARY = ["add", "sub", "mul", "max", "min"] as const;

/** An expression of up to ten nodes, with shared subtrees, of inputs in [−1, 1]. */
export function randomExpression(random: () => number, inputs: number): Expression {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const nodes: Expression[] = Array.from({ length: inputs }, (_, i) => input(i));
  const raw = nodes.length;
  const count = 1 + Math.floor(random() * 8);
  for (let i = 0; i < count; i++) {
    const kind = random();
    // Squashed, so that products of products stay near 1.
    const operand = () =>
      random() < 0.15 ? constant(Math.round(random() * 8) / 4 - 1) : pick(nodes);
    if (kind < 0.4) nodes.push(apply(pick(UNARY), operand()));
    else if (kind < 0.8) nodes.push(apply("tanh", apply(pick(BINARY), operand(), operand())));
    else if (kind < 0.9) {
      // Comparisons of inputs alone: rounding must not decide a branch.
      const mask = apply("greater", nodes[Math.floor(random() * raw)]!, constant(0.125));
      nodes.push(apply("where", mask, operand(), operand()));
    } else nodes.push(apply("clamp", operand(), constant(-0.5), constant(0.75)));
  }
  return nodes.at(-1) as Expression;
}

import { add, mul } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import type { Optimiser } from "../../src/optim/optimiser.ts";
import { parameter, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export const SHAPES = [[3], [5, 7], [1], [64], [3, 43], []];
const sizes = SHAPES.map((shape) => shape.reduce((a, b) => a * b, 1));

/**
 * Minimises Σ x·p² for parameters p of odd sizes, with an x that changes from step to step: the
 * gradients are 2·x·p.
 */
export class Problem {
  readonly parameters: Tensor[];
  readonly initial: Float32Array<ArrayBuffer>[];
  private readonly inputs: Tensor[];

  constructor(readonly device: Device) {
    const random = new HostRandom(5);
    this.initial = sizes.map((n) => random.normal(n));
    this.parameters = SHAPES.map((shape, i) =>
      parameter(device, Float32Array.from(this.initial[i] as Float32Array), shape, `p${i}`),
    );
    this.inputs = SHAPES.map((shape, i) =>
      variable(device, new Float32Array(sizes[i] as number), shape, `x${i}`),
    );
  }

  /** The inputs of a step (from 1). */
  static inputs(step: number): Float32Array<ArrayBuffer>[] {
    const random = new HostRandom(6, step);
    return sizes.map((n) => random.normal(n).map((v) => v * step ** -0.5));
  }

  setInputs(inputs: readonly Float32Array[]): void {
    for (const [i, x] of this.inputs.entries()) x.set(inputs[i] as Float32Array);
  }

  loss(): Tensor {
    return this.parameters
      .map((p, i) => sum(mul(mul(p, p), this.inputs[i] as Tensor)))
      .reduce((a, b) => add(a, b));
  }

  gradients(): Tensor[] {
    return grad(this.loss(), this.parameters);
  }

  async read(): Promise<Float32Array[]> {
    return Promise.all(this.parameters.map((p) => p.data()));
  }

  /** A recorded step. */
  async record(optimiser: Optimiser) {
    const { program } = await record(this.device, () => {
      const loss = this.loss();
      optimiser.step(grad(loss, this.parameters), { guard: [loss] });
    });
    return program;
  }
}

/** Updates one element: its value and gradient, its own state, the step from 1 → its new value. */
export type Rule = (p: number, g: number, state: Record<string, number>, step: number) => number;

/** What `rule` makes of the problem in float64, after `steps` steps. */
export function expected(
  problem: Problem,
  rule: Rule,
  steps: number,
  scale: (gradients: readonly number[][], step: number) => number = () => 1,
): number[][] {
  let values = problem.initial.map((p) => Array.from(p));
  const states = values.map((p) => p.map((): Record<string, number> => ({})));
  for (let step = 1; step <= steps; step++) {
    const inputs = Problem.inputs(step);
    const gradients = values.map((p, i) => p.map((v, k) => 2 * v * (inputs[i]?.[k] as number)));
    const factor = scale(gradients, step);
    values = values.map((p, i) =>
      p.map((v, k) =>
        rule(
          v,
          factor * (gradients[i]?.[k] as number),
          states[i]?.[k] as Record<string, number>,
          step,
        ),
      ),
    );
  }
  return values;
}

/** Largest difference between the parameters and what they should be. */
export function distance(actual: readonly Float32Array[], wanted: readonly number[][]): number {
  let largest = 0;
  for (const [i, values] of wanted.entries())
    for (const [k, v] of values.entries()) {
      const difference = Math.abs((actual[i]?.[k] as number) - v);
      if (!(difference <= largest)) largest = difference;
    }
  return largest;
}

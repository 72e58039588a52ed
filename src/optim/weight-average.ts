import { isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { weightAverageCall } from "../kernels/optimiser.ts";
import { assign, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Optimiser, requireRange } from "./optimiser.ts";

/**
 * An exponential moving average of an optimiser's parameters (Polyak and Juditsky 1992), which starts
 * from what they are now. The decay grows to its value as (1 + t)/(10 + t) with the step t, so that
 * the random first weights are forgotten soon.
 */
export class WeightAverage {
  /** Beside the optimiser's arena of parameters, element by element. */
  readonly arena: Tensor;

  /** @param decay share of the old average that a step keeps, from 0 to below 1 */
  constructor(
    private readonly optimiser: Optimiser,
    private readonly decay: number,
  ) {
    if (!(optimiser instanceof Optimiser))
      throw new UsageError(`weightAverage: ${isNot("optimiser", optimiser, "an optimiser")}`);
    requireRange("weightAverage", "decay", decay, 0, 1);
    const { device, arena } = optimiser;
    const zeros = new Float32Array(arena.size);
    this.arena = variable(device, zeros, [arena.size], "average of the weights");
    assign(this.arena, arena);
  }

  /** Follows the parameters by one step: call it after the optimiser's step. Recordable. */
  update(): void {
    const { optimiser, decay } = this;
    const { arena, stepState } = optimiser;
    const { step, nonFiniteStep } = stepState;
    const values = { parameters: arena.value, flag: nonFiniteStep.value, step: step.value };
    optimiser.device.emit(weightAverageCall(values, this.arena.value, decay));
  }

  /** Swaps the parameters and their average, bit for bit: a model can then be tried with it. */
  exchange(): void {
    const { arena, device } = this.optimiser;
    const between = variable(device, new Float32Array(arena.size), [arena.size], "exchange");
    assign(between, arena);
    assign(arena, this.arena);
    assign(this.arena, between);
    device.release(between.value);
  }
}

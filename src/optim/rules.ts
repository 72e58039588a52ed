import type { Device } from "../gpu/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Adam, type AdamOptions } from "./adam.ts";
import type { Optimiser, OptimiserOptions } from "./optimiser.ts";
import { RmsProp, type RmsPropOptions } from "./rmsprop.ts";

/** What an optimiser shares with others; the rest of its options is its rule. */
export type Shared = Omit<OptimiserOptions, "learningRate">;

/** How parameters are updated, before it is known which: a kind of optimiser and its numbers. */
export type OptimiserRule =
  | ({ readonly kind: "adam" } & Omit<AdamOptions, keyof OptimiserOptions>)
  | ({ readonly kind: "rmsprop" } & Omit<RmsPropOptions, keyof OptimiserOptions>);

/** The optimiser that a rule describes; its learning rate is 0 until it is set. */
export function makeOptimiser(
  device: Device,
  parameters: readonly Tensor[],
  rule: OptimiserRule,
  shared: Shared = {},
): Optimiser {
  // The learning rate is written before every step.
  const all = { ...shared, learningRate: 0 };
  if (rule.kind === "adam") {
    const { kind: _, ...numbers } = rule;
    return new Adam(device, parameters, { ...numbers, ...all });
  }
  const { kind: _, ...numbers } = rule;
  return new RmsProp(device, parameters, { ...numbers, ...all });
}

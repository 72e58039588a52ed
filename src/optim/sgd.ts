import type { Call } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Value } from "../gpu/value.ts";
import { sgdCall, type UpdateValues } from "../kernels/optimiser.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkOptimiser, Optimiser, type OptimiserOptions, requireRange } from "./optimiser.ts";

/** Constants of stochastic gradient descent. */
export interface SgdOptions extends OptimiserOptions {
  /** Default 0: none. */
  readonly momentum?: number;
  /** Look ahead along the momentum. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient, times the parameter. Default 0. */
  readonly weightDecay?: number;
}

/** Gradient descent with momentum and weight decay, as PyTorch's SGD. State: `momentum_buffer`. */
export class Sgd extends Optimiser {
  private readonly velocity: Value | undefined;
  private readonly rule: { momentum: number; nesterov: boolean; weightDecay: number };

  constructor(device: Device, parameters: readonly Tensor[], options: SgdOptions) {
    checkOptimiser("sgd", device, options, {
      momentum: "number?",
      nesterov: "boolean?",
      weightDecay: "number?",
    });
    const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
    requireRange("sgd", "momentum", momentum, 0);
    requireRange("sgd", "weightDecay", weightDecay, 0);
    if (nesterov && momentum === 0) throw new UsageError("sgd: Nesterov's form needs a momentum");
    super("sgd", device, parameters, options);
    this.rule = { momentum, nesterov, weightDecay };
    this.velocity = momentum > 0 ? this.stateArena("momentum_buffer") : undefined;
  }

  /** @internal */
  protected override update(values: UpdateValues): Call {
    return sgdCall(values, this.velocity, this.rule);
  }
}

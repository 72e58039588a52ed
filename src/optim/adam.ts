import type { Call } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import type { Value } from "../gpu/value.ts";
import { adamCall, type Substep, type UpdateValues } from "../kernels/optimiser.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkOptimiser, Optimiser, type OptimiserOptions, requireRange } from "./optimiser.ts";

/** Constants of Adam and AdamW. */
export interface AdamOptions extends OptimiserOptions {
  /** Decay of the gradients' running mean. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the running mean of their squares. Default 0.999. */
  readonly beta2?: number;
  /** Added to the corrected root. Default 1e-8. */
  readonly epsilon?: number;
  /** Adam: added to the gradient, times the parameter; default 0. AdamW: see there. */
  readonly weightDecay?: number;
}

/**
 * Adam with bias correction (Kingma and Ba 2015), as PyTorch's. State: `exp_avg` and `exp_avg_sq`,
 * the running means of the gradients and of their squares.
 */
export class Adam extends Optimiser {
  private readonly first: Value;
  private readonly second: Value;
  private readonly rule: Parameters<typeof adamCall>[3];

  constructor(
    device: Device,
    parameters: readonly Tensor[],
    options: AdamOptions,
    /** The weight decay shrinks the parameters themselves. */
    decoupled = false,
  ) {
    const op = decoupled ? "adamw" : "adam";
    checkOptimiser(op, device, options, {
      beta1: "number?",
      beta2: "number?",
      epsilon: "number?",
      weightDecay: "number?",
    });
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
    const { weightDecay = decoupled ? 0.01 : 0 } = options;
    requireRange(op, "beta1", beta1, 0, 1);
    requireRange(op, "beta2", beta2, 0, 1);
    requireRange(op, "epsilon", epsilon, 0);
    requireRange(op, "weightDecay", weightDecay, 0);
    super(op, device, parameters, options);
    this.rule = { beta1, beta2, epsilon, weightDecay, decoupled };
    this.first = this.stateArena("exp_avg");
    this.second = this.stateArena("exp_avg_sq");
  }

  /** @internal */
  protected override update(values: UpdateValues, substep: Substep): Call {
    return adamCall(values, this.first, this.second, this.rule, substep);
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019): each step first shrinks the
 * parameters by the factor 1 − learningRate · weightDecay. Default weightDecay 0.01.
 */
export class AdamW extends Adam {
  constructor(device: Device, parameters: readonly Tensor[], options: AdamOptions) {
    super(device, parameters, options, true);
  }
}

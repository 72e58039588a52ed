import type { Call } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Value } from "../gpu/value.ts";
import { rmspropCall, type UpdateValues } from "../kernels/optimiser.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkOptimiser, Optimiser, type OptimiserOptions, requireRange } from "./optimiser.ts";

/**
 * Where the libraries differ. PyTorch adds ε to the root and multiplies by the rate behind the
 * momentum; TensorFlow adds ε under the root, and the momentum contains the rate. TensorFlow 1
 * starts the mean of squares at 1, the others at 0.
 */
const CONVENTIONS = {
  pytorch: { decay: 0.99, epsilon: 1e-8, initialSquare: 0 },
  tensorflow: { decay: 0.9, epsilon: 1e-10, initialSquare: 1 },
} as const;

/** Constants of RMSProp. */
export interface RmsPropOptions extends OptimiserOptions {
  /** Formula and defaults. Default `pytorch`; `tensorflow` is TensorFlow 1's. */
  readonly convention?: keyof typeof CONVENTIONS;
  /** Decay of the running mean of squares. Default 0.99 (pytorch), 0.9 (tensorflow). */
  readonly decay?: number;
  /** Default 1e-8 (pytorch), 1e-10 (tensorflow). */
  readonly epsilon?: number;
  /** Value that the mean of squares starts from. Default 0 (pytorch), 1 (tensorflow). */
  readonly initialSquare?: number;
  /** Default 0: none. */
  readonly momentum?: number;
  /** Added to the gradient, times the parameter. Default 0. */
  readonly weightDecay?: number;
}

/** RMSProp (Tieleman and Hinton 2012). State: `square_avg` and, with momentum, `momentum_buffer`. */
export class RmsProp extends Optimiser {
  private readonly square: Value;
  private readonly velocity: Value | undefined;
  private readonly rule: Parameters<typeof rmspropCall>[3];

  constructor(device: Device, parameters: readonly Tensor[], options: RmsPropOptions) {
    checkOptimiser("rmsprop", device, options, {
      convention: "text?",
      decay: "number?",
      epsilon: "number?",
      initialSquare: "number?",
      momentum: "number?",
      weightDecay: "number?",
    });
    const { convention = "pytorch" } = options;
    if (!Object.hasOwn(CONVENTIONS, convention))
      throw new UsageError(
        `rmsprop: convention is "${convention}", wanted ${Object.keys(CONVENTIONS).join(" or ")}`,
      );
    const { decay, epsilon, initialSquare, momentum, weightDecay } = {
      ...CONVENTIONS[convention],
      momentum: 0,
      weightDecay: 0,
      ...options,
    };
    requireRange("rmsprop", "decay", decay, 0, 1);
    for (const [name, x] of Object.entries({ epsilon, initialSquare, momentum, weightDecay }))
      requireRange("rmsprop", name, x, 0);
    super("rmsprop", device, parameters, options);
    this.rule = { decay, epsilon, momentum, weightDecay, tensorflow: convention === "tensorflow" };
    this.square = this.stateArena("square_avg", initialSquare);
    this.velocity = momentum > 0 ? this.stateArena("momentum_buffer") : undefined;
  }

  /** @internal */
  protected override update(values: UpdateValues): Call {
    return rmspropCall(values, this.square, this.velocity, this.rule);
  }
}

import { add, mul } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError } from "../gpu/errors.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { HostRandom, Initialiser } from "./initialisers.ts";
import { Linear } from "./linear.ts";

/**
 * A linear layer without some of its connections: y = x·(W ∘ mask) + b (Germain et al. 2015). An input of
 * degree d reaches the outputs of degree d and above, or strictly above it.
 */
export class MaskedLinear extends Linear {
  private readonly mask: Tensor;

  /**
   * @param from degrees of the inputs @param to degrees of the outputs
   * @param strict an output sees only inputs of a lower degree than its own
   */
  constructor(
    device: Device,
    random: HostRandom,
    from: readonly number[],
    to: readonly number[],
    options: { readonly strict?: boolean; readonly initialiser?: Initialiser } = {},
  ) {
    const { strict = false, initialiser } = options;
    if (from.length === 0 || to.length === 0)
      throw new ShapeError("maskedLinear", "there are no inputs or no outputs");
    super(device, random, from.length, to.length, initialiser ? { initialiser } : {});
    const open = (d: number, e: number) => (strict ? d < e : d <= e);
    const values = Float32Array.from(from.flatMap((d) => to.map((e) => (open(d, e) ? 1 : 0))));
    this.mask = variable(device, values, [from.length, to.length], "mask of a linear layer");
  }

  override forward(x: Tensor): Tensor {
    const y = matmul(x, mul(this.weight, this.mask));
    return this.bias ? add(y, this.bias) : y;
  }
}

import { greater, sub } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { pad, reshape, sliceAxis } from "../autograd/ops/shape.ts";
import type { Device } from "../gpu/device.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Chooses among the components of a mixture by their weights. */
export class ComponentChoice {
  /** Ones above the diagonal: weights times it are the sums of all weights before. */
  private readonly before: Tensor;

  constructor(
    device: Device,
    private readonly components: number,
  ) {
    const k = components;
    const values = Float32Array.from({ length: k * k }, (_, i) =>
      Math.floor(i / k) < i % k ? 1 : 0,
    );
    this.before = variable(device, values, [k, k], "sums before");
  }

  /**
   * @param uniform [n, 1], in [0, 1) @param weights [k], sums to 1
   * @returns one-hot rows, [n, k]
   */
  choose(uniform: Tensor, weights: Tensor): Tensor {
    const k = this.components;
    // u belongs to the last component that begins at or below it; rounding loses no u near 1.
    const begins = matmul(reshape(weights, [1, k]), this.before);
    const reached = sub(1, greater(begins, uniform));
    const behind = pad(sliceAxis(reached, 1, 1, k - 1), [
      [0, 0],
      [0, 1],
    ]);
    return sub(reached, behind);
  }
}

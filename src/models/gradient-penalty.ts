import { add, mul, sqrt, square, sub } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomUniform } from "../autograd/ops/random.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import { grad, track } from "../autograd/tape.ts";
import { checkFloats } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Under the root, whose derivative would be infinite at 0. */
const EPSILON = 1e-12;

/**
 * (‖∇D‖ − 1)² at a point between each a and b, drawn evenly (Gulrajani et al. 2017, section 4): it holds a
 * critic D to slopes of 1. Differentiable with respect to the critic's parameters.
 *
 * @param critic rows → [batch]; no row's result may depend on another row
 * @param a [batch, …] @param b the same shape
 * @returns [batch]
 */
export function gradientPenalty(
  critic: (x: Tensor) => Tensor,
  a: Tensor,
  b: Tensor,
  key: RandomKey,
): Tensor {
  checkFloats("gradientPenalty", { a, b });
  const [batch = 1] = a.shape;
  const share = randomUniform(a.device, [batch, ...a.shape.slice(1).map(() => 1)], key);
  return gradientNormPenalty(critic, add(a, mul(sub(b, a), share)));
}

/** (‖∇D(x)‖ − 1)² at each row of x: [batch]. */
export function gradientNormPenalty(critic: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkFloats("gradientNormPenalty", { x });
  return square(sub(sqrt(add(squaredGradientNorm(critic, x), EPSILON)), 1));
}

/**
 * ‖∇D(x)‖² at each row of x: [batch]. Half of it, times γ, at draws of the true distribution is R1 (Mescheder,
 * Geiger and Nowozin 2018), which lets a discriminator come to rest there.
 */
export function squaredGradientNorm(critic: (x: Tensor) => Tensor, x: Tensor): Tensor {
  checkFloats("squaredGradientNorm", { x });
  const [batch = 1] = x.shape;
  const at = track(x);
  const [slope] = grad(sum(critic(at)), [at], { createGraph: true }) as [Tensor];
  return sum(square(reshape(slope, [batch, -1])), 1);
}

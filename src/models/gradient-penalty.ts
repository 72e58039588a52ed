import { add, mul, sqrt, square, sub } from "../autograd/ops/elementwise.ts";
import { checkKey, type RandomKey, randomUniform } from "../autograd/ops/random.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import { grad, track } from "../autograd/tape.ts";
import { checkFunction } from "../gpu/arguments.ts";
import { checkFloats, tensorFrom } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Rows → [batch]; no row's result may depend on another row. */
export type Critic = (x: Tensor) => Tensor;

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
export function gradientPenalty(critic: Critic, a: Tensor, b: Tensor, key: RandomKey): Tensor {
  const op = "gradientPenalty";
  checkCritic(op, critic);
  const device = checkFloats(op, { a, b });
  checkKey(op, device, key);
  const [batch = 1] = a.shape;
  const share = randomUniform(device, [batch, ...a.shape.slice(1).map(() => 1)], key);
  return penaltyAt(op, critic, add(a, mul(sub(b, a), share)));
}

/** (‖∇D(x)‖ − 1)² at each row of x: [batch]. */
export function gradientNormPenalty(critic: Critic, x: Tensor): Tensor {
  checkCritic("gradientNormPenalty", critic);
  checkFloats("gradientNormPenalty", { x });
  return penaltyAt("gradientNormPenalty", critic, x);
}

function penaltyAt(op: string, critic: Critic, x: Tensor): Tensor {
  return square(sub(sqrt(add(slopeAt(op, critic, x), EPSILON)), 1));
}

/**
 * ‖∇D(x)‖² at each row of x: [batch]. Half of it, times γ, at draws of the true distribution is R1 (Mescheder,
 * Geiger and Nowozin 2018), which lets a discriminator come to rest there.
 */
export function squaredGradientNorm(critic: Critic, x: Tensor): Tensor {
  checkCritic("squaredGradientNorm", critic);
  checkFloats("squaredGradientNorm", { x });
  return slopeAt("squaredGradientNorm", critic, x);
}

function checkCritic(op: string, critic: unknown): void {
  checkFunction(op, "critic", critic, "a function of one tensor");
}

function slopeAt(op: string, critic: Critic, x: Tensor): Tensor {
  const [batch = 1] = x.shape;
  const at = track(x);
  const total = sum(tensorFrom(op, "critic", critic(at)));
  const [slope] = grad(total, [at], { createGraph: true }) as [Tensor];
  return sum(square(reshape(slope, [batch, -1])), 1);
}

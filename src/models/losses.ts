import { add, exp, mul, softplus, square, sub } from "../autograd/ops/elementwise.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Negative log-likelihood of Bernoulli pixels, from logits: Σ softplus(l) − l·x, which is
 * −Σ x·ln σ(l) + (1 − x)·ln(1 − σ(l)) without its overflow.
 *
 * @param logits [batch, …] @param x the same shape, values in [0, 1]
 * @returns [batch], nats summed over the pixels of each sample
 */
export function bernoulliNll(logits: Tensor, x: Tensor): Tensor {
  const batch = logits.shape[0] ?? 1;
  const each = sub(softplus(logits), mul(logits, x));
  return sum(reshape(each, [batch, -1]), 1);
}

/**
 * KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ σ² + μ² − 1 − ln σ² (Kingma and Welling 2014, appendix B).
 *
 * @param mean [batch, latent] @param logVariance the same shape, ln σ²
 * @returns [batch], nats summed over the latent dimensions
 */
export function klToStandardNormal(mean: Tensor, logVariance: Tensor): Tensor {
  const each = mul(sub(sub(add(square(mean), exp(logVariance)), 1), logVariance), 0.5);
  return sum(each, 1);
}

/** z = μ + σ·ε, the reparameterisation trick: derivatives pass through μ and ln σ². */
export function reparameterise(mean: Tensor, logVariance: Tensor, epsilon: Tensor): Tensor {
  return add(mean, mul(exp(mul(logVariance, 0.5)), epsilon));
}

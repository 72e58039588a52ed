import {
  add,
  div,
  exp,
  expm1,
  maximum,
  mul,
  neg,
  softplus,
  sqrt,
  square,
  sub,
} from "../autograd/ops/elementwise.ts";
import { oneHot } from "../autograd/ops/indexing.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { argmax } from "../autograd/ops/reduce.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { logSoftmax } from "../autograd/ops/softmax.ts";
import { broadcastTo, sum } from "../autograd/ops/sum.ts";
import { checkFloats } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ σ² + μ² − 1 − ln σ² (Kingma and Welling 2014, appendix B).
 *
 * @param mean [batch, latent] @param logVariance the same shape, ln σ²
 * @returns [batch], nats summed over the latent dimensions
 */
export function klToStandardNormal(mean: Tensor, logVariance: Tensor): Tensor {
  checkFloats("klToStandardNormal", { mean, logVariance });
  // σ² − 1 − ln σ² is of second order: with exp its digits would be lost near σ = 1.
  const each = mul(add(square(mean), sub(expm1(logVariance), logVariance)), 0.5);
  return sum(each, 1);
}

/** KL(N(μ, σ²) ‖ N(c, I)): as to the standard normal, of μ − c. centre: [batch, latent] */
export function klToCentre(mean: Tensor, logVariance: Tensor, centre: Tensor): Tensor {
  return klToStandardNormal(sub(mean, centre), logVariance);
}

/** Entropy of N(μ, σ²), ½ Σ 1 + ln 2π + ln σ²: [batch] nats. logVariance: [batch, latent], ln σ² */
export function entropyOfNormal(logVariance: Tensor): Tensor {
  return sum(mul(add(logVariance, 1 + Math.log(2 * Math.PI)), 0.5), 1);
}

/** z = μ + σ·ε, the reparameterisation trick: derivatives pass through μ and ln σ². */
export function reparameterise(mean: Tensor, logVariance: Tensor, epsilon: Tensor): Tensor {
  checkFloats("reparameterise", { mean, logVariance, epsilon });
  return add(mean, mul(exp(mul(logVariance, 0.5)), epsilon));
}

/**
 * ln N(z; μ, σ²), summed over the latent dimensions.
 *
 * @returns [batch], nats
 */
export function logNormal(z: Tensor, mean: Tensor, logVariance: Tensor): Tensor {
  const squares = div(square(sub(z, mean)), exp(logVariance));
  return sum(mul(add(add(squares, logVariance), Math.log(2 * Math.PI)), -0.5), 1);
}

/** ln N(z; 0, I), summed over the latent dimensions: [batch] nats. */
export function logStandardNormal(z: Tensor): Tensor {
  return sum(mul(add(square(z), Math.log(2 * Math.PI)), -0.5), 1);
}

/**
 * Cross-entropy of classes: −ln softmax(logits) at the label.
 *
 * @param logits [batch, classes] @param target one-hot [batch, classes]
 * @returns [batch], nats
 */
export function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  return neg(sum(mul(logSoftmax(logits), target), 1));
}

/**
 * Cross-entropy, and the error: 1 where another class has the largest logit, else 0.
 *
 * @param logits [batch, classes] @param target one-hot [batch, classes]
 * @returns [batch] each
 */
export function classification(logits: Tensor, target: Tensor) {
  const hit = sum(mul(oneHot(argmax(logits, 1), target.shape[1] ?? 1), target), 1);
  return { nll: crossEntropy(logits, target), error: sub(1, hit) };
}

/** −ln σ(l): what a discriminator pays for the answer "drawn from the prior". l: [batch] → [batch] */
export const realLoss = (logits: Tensor): Tensor => softplus(neg(logits));

/** −ln(1 − σ(l)): what it pays for the answer "made". */
export const madeLoss = (logits: Tensor): Tensor => softplus(logits);

/** Squared distances of all pairs of rows. a: [n, d], b: [m, d] → [n, m] */
export function pairwiseSquaredDistances(a: Tensor, b: Tensor): Tensor {
  const [n = 0] = a.shape;
  const [m = 0] = b.shape;
  const left = reshape(sum(square(a), 1), [n, 1]);
  const right = reshape(sum(square(b), 1), [1, m]);
  const products = matmul(a, b, { transposeB: true });
  return sub(add(left, right), mul(products, 2));
}

/** Under the root of a distance, whose slope is infinite at 0. */
const TINY = 1e-8;

/**
 * Contrastive loss of all pairs of a batch (Hadsell, Chopra and LeCun 2006): d² for two of one class, else
 * max(0, margin − d)². Each sample's share is the mean over its partners of the same class plus the mean
 * over the others, so that many classes do not drown the few pairs of one.
 *
 * @param z [batch, latent] @param classes one-hot [batch, classes]
 * @returns [batch]
 */
export function contrastive(z: Tensor, classes: Tensor, margin: number): Tensor {
  const squares = maximum(pairwiseSquaredDistances(z, z), 0);
  const near = square(maximum(sub(margin, sqrt(add(squares, TINY))), 0));
  // Every sample is of its own class, at the distance 0: it counts in no mean.
  const same = matmul(classes, classes, { transposeB: true });
  const [batch = 1] = z.shape;
  const partners = sub(sum(same, 1), 1);
  const others = sub(batch - 1, partners);
  const own = div(sum(mul(same, squares), 1), maximum(partners, 1));
  return add(own, div(sum(mul(sub(1, same), near), 1), maximum(others, 1)));
}

/** Scales of the inverse multiquadratic kernels (Tolstikhin et al. 2018). */
const SCALES = [0.1, 0.2, 0.5, 1, 2, 5, 10] as const;

/**
 * Maximum mean discrepancy between two samples of one size, with the sum of inverse multiquadratic
 * kernels k(a, b) = C / (C + ‖a − b‖²), C = 2·latent·s (Tolstikhin et al. 2018, section 4). Unbiased:
 * the diagonals are left out.
 *
 * @param p [n, latent] @param q [n, latent], n ≥ 2
 * @returns a scalar
 */
export function imqMmd(p: Tensor, q: Tensor): Tensor {
  const [n = 0, latent = 0] = p.shape;
  const within = [pairwiseSquaredDistances(p, p), pairwiseSquaredDistances(q, q)] as const;
  const across = pairwiseSquaredDistances(p, q);
  let total: Tensor | undefined;
  for (const scale of SCALES) {
    const c = 2 * latent * scale;
    const kernel = (squares: Tensor) => sum(div(c, add(squares, c)));
    // The diagonals are 1 each, up to rounding.
    const same = sub(add(kernel(within[0]), kernel(within[1])), 2 * n);
    const each = sub(div(same, n * (n - 1)), mul(kernel(across), 2 / (n * n)));
    total = total ? add(total, each) : each;
  }
  return total as Tensor;
}

/** A scalar that stands for each sample of a batch. → [batch] */
export function broadcastToBatch(x: Tensor, batch: number): Tensor {
  return broadcastTo(reshape(x, [1]), [batch]);
}

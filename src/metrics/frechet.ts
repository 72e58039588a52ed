import { checkWhole } from "../gpu/arguments.ts";
import { ShapeError } from "../gpu/errors.ts";
import { checkMoments, type Moments } from "../math/covariance.ts";
import { eigenSymmetric, multiply, rootSymmetric } from "../math/symmetric.ts";

/**
 * KL divergence to N(0, I) of independent normal dimensions with the moments' means and variances, ½ Σ s² + m² −
 * 1 − ln s² over the dimensions from `from` to before `to`, in nats. Of n draws of N(0, I) it is about 1/n a
 * dimension.
 */
export function momentKl(moments: Moments, from = 0, to = moments?.d): number {
  checkMoments("momentKl", "moments", moments);
  const { d, mean, covariance } = moments;
  checkWhole("momentKl", "from", from, 0, d);
  checkWhole("momentKl", "to", to, 0, d);
  let kl = 0;
  for (let j = from; j < to; j++) {
    const variance = covariance[j * d + j]!;
    kl += (variance + mean[j]! ** 2 - 1 - Math.log(variance)) / 2;
  }
  return kl;
}

/**
 * Fréchet distance of two normal distributions (Dowson and Landau 1982; Heusel et al. 2017 for sets of
 * images): ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2·√(√Σ₁·Σ₂·√Σ₁)), whose last root has the trace of √(Σ₁Σ₂).
 */
export function frechetDistance(a: Moments, b: Moments): number {
  const op = "frechetDistance";
  checkMoments(op, "a", a);
  checkMoments(op, "b", b);
  const { d } = a;
  if (b.d !== d) throw new ShapeError(op, `a has ${d} dimensions, b has ${b.d}`);
  let distance = 0;
  for (let j = 0; j < d; j++) distance += (a.mean[j]! - b.mean[j]!) ** 2;
  const root = rootSymmetric(a.covariance, d);
  const between = multiply(multiply(root, b.covariance, d), root, d);
  // Rounding leaves it a little asymmetric.
  for (let i = 0; i < d; i++)
    for (let j = 0; j < i; j++) {
      const value = (between[i * d + j]! + between[j * d + i]!) / 2;
      between[i * d + j] = value;
      between[j * d + i] = value;
    }
  const { values } = eigenSymmetric(between, d);
  for (let j = 0; j < d; j++)
    distance +=
      a.covariance[j * d + j]! + b.covariance[j * d + j]! - 2 * Math.sqrt(Math.max(0, values[j]!));
  return Math.max(0, distance);
}

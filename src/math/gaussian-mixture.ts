import { HostRandom } from "../nn/initialisers.ts";
import { covarianceOf, meanOf } from "./covariance.ts";
import { cholesky } from "./symmetric.ts";

/** A mixture of normal distributions with full covariances, in float64. */
export interface GaussianMixture {
  /** [k], sums to 1 */
  readonly weights: Float64Array;
  /** [k, d] */
  readonly means: Float64Array;
  /** Lower triangular L with L·Lᵀ = Σ, [k, d, d]. */
  readonly factors: Float64Array;
  /** Mean log-likelihood of the points, nats. */
  readonly logLikelihood: number;
}

export interface MixtureOptions {
  readonly components: number;
  readonly seed: number;
  /** Most rounds of expectation maximisation. Default 100. */
  readonly rounds?: number;
  /** It ends when a round gains less than so many nats a point. Default 1e-3. */
  readonly tolerance?: number;
}

/** Added to the covariances' diagonals, as a share of the points' mean variance: none becomes singular. */
const FLOOR = 1e-6;
const START_STREAM = 4000;

/**
 * Fits a mixture by expectation maximisation (Dempster, Laird and Rubin 1977), started from k-means++ on
 * the points and the covariance of all.
 *
 * @param points [n, d], row by row
 */
export function fitMixture(
  points: Float32Array,
  d: number,
  { components: k, seed, rounds = 100, tolerance = 1e-3 }: MixtureOptions,
): GaussianMixture {
  const n = points.length / d;
  const overall = covarianceOf(points, d, meanOf(points, d));
  let trace = 0;
  for (let i = 0; i < d; i++) trace += overall[i * d + i]!;
  const floor = (FLOOR * trace) / d + 1e-12;
  const weights = new Float64Array(k).fill(1 / k);
  const means = startingMeans(points, d, k, seed);
  const factors = new Float64Array(k * d * d);
  for (let c = 0; c < k; c++) factors.set(cholesky(overall, d, floor), c * d * d);
  const shares = new Float64Array(n * k);
  let before = Number.NEGATIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const logLikelihood = expectation(points, d, { weights, means, factors }, shares);
    if (logLikelihood - before < tolerance) {
      before = Math.max(before, logLikelihood);
      break;
    }
    before = logLikelihood;
    for (let c = 0; c < k; c++) {
      let total = 0;
      const mean = new Float64Array(d);
      for (let i = 0; i < n; i++) {
        const share = shares[i * k + c]!;
        total += share;
        for (let j = 0; j < d; j++) mean[j]! += share * points[i * d + j]!;
      }
      // A component that no point belongs to keeps its place with no weight.
      weights[c] = total / n;
      if (total < 1e-9) continue;
      for (let j = 0; j < d; j++) mean[j]! /= total;
      means.set(mean, c * d);
      const spread = covarianceOf(points, d, mean, { weight: (i) => shares[i * k + c]! });
      factors.set(cholesky(spread, d, floor), c * d * d);
    }
  }
  return { weights, means, factors, logLikelihood: before };
}

/** Fills in each component's share of each point; the mean log-likelihood. */
function expectation(
  points: Float32Array,
  d: number,
  { weights, means, factors }: Omit<GaussianMixture, "logLikelihood">,
  shares: Float64Array,
): number {
  const k = weights.length;
  const n = points.length / d;
  const y = new Float64Array(d);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < k; c++) {
      const factor = c * d * d;
      let squares = 0;
      let logDeterminant = 0;
      for (let row = 0; row < d; row++) {
        let rest = points[i * d + row]! - means[c * d + row]!;
        for (let col = 0; col < row; col++) rest -= factors[factor + row * d + col]! * y[col]!;
        const pivot = factors[factor + row * d + row]!;
        y[row] = rest / pivot;
        squares += y[row]! ** 2;
        logDeterminant += Math.log(pivot);
      }
      const density = -0.5 * (squares + d * Math.log(2 * Math.PI)) - logDeterminant;
      const joint = Math.log(weights[c]!) + density;
      shares[i * k + c] = joint;
      largest = Math.max(largest, joint);
    }
    let total = 0;
    for (let c = 0; c < k; c++) total += Math.exp(shares[i * k + c]! - largest);
    const logTotal = largest + Math.log(total);
    for (let c = 0; c < k; c++) shares[i * k + c] = Math.exp(shares[i * k + c]! - logTotal);
    sum += logTotal;
  }
  return sum / n;
}

/** k-means++ (Arthur and Vassilvitskii 2007). */
function startingMeans(points: Float32Array, d: number, k: number, seed: number): Float64Array {
  const n = points.length / d;
  const random = new HostRandom(seed, START_STREAM);
  const draw = () => random.uniform(1)[0] as number;
  const means = new Float64Array(k * d);
  const squares = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  for (let c = 0; c < k; c++) {
    let chosen = Math.min(n - 1, Math.floor(draw() * n));
    if (c > 0) {
      let left = draw() * squares.reduce((sum, x) => sum + x, 0);
      chosen = 0;
      while (chosen < n - 1 && left >= squares[chosen]!) left -= squares[chosen++]!;
    }
    for (let j = 0; j < d; j++) means[c * d + j] = points[chosen * d + j]!;
    for (let i = 0; i < n; i++) {
      let square = 0;
      for (let j = 0; j < d; j++) square += (points[i * d + j]! - means[c * d + j]!) ** 2;
      squares[i] = Math.min(squares[i]!, square);
    }
  }
  return means;
}

import { HostRandom } from "../nn/initialisers.ts";
import { covarianceOf, meanOf } from "./covariance.ts";

/** Multiply-adds that one component may cost: more dimensions get fewer iterations. */
const BUDGET = 5e8;
/** An iteration that moves the direction by less is the last. */
const TOLERANCE = 1e-11;

/** A direction of the greatest variance. */
export interface Component {
  /** Of length 1; its largest entry is positive. */
  readonly direction: Float64Array;
  /** Variance of the data along it. */
  readonly variance: number;
  /** Of the variance of all dimensions together; 0 where there is none. */
  readonly share: number;
}

/** Principal components of data, and their mean. */
export interface Principal {
  readonly mean: Float64Array;
  readonly components: readonly Component[];
}

/**
 * The first principal components: eigenvectors of the covariance matrix, in float64, by power iteration
 * that stays orthogonal to the components before. Where two variances are nearly equal, any two
 * directions in their plane show the same, and the iteration may end with such.
 *
 * @param data [rows, columns] @param most how many components
 */
export function principalComponents(data: Float32Array, rows: number, most: number): Principal {
  const columns = data.length / rows;
  const mean = meanOf(data, columns);
  const covariance = covarianceOf(data, columns, mean);
  const total = mean.reduce((sum, _, i) => sum + covariance[i * columns + i]!, 0);
  const components: Component[] = [];
  for (let k = 0; k < Math.min(most, columns); k++) {
    const before = components.map(({ direction }) => direction);
    const direction = iterate(covariance, columns, before, k);
    const variance = Math.max(0, dot(direction, multiply(covariance, direction)));
    components.push({ direction, variance, share: total > 0 ? variance / total : 0 });
  }
  return { mean, components };
}

/** Coordinates of the data along the components: [rows, components]. */
export function project(data: Float32Array, rows: number, principal: Principal): Float64Array {
  const { mean, components } = principal;
  const columns = mean.length;
  const out = new Float64Array(rows * components.length);
  for (let row = 0; row < rows; row++)
    for (const [k, { direction }] of components.entries())
      out[row * components.length + k] = direction.reduce(
        (sum, u, i) => sum + u * (data[row * columns + i]! - mean[i]!),
        0,
      );
  return out;
}

/** The eigenvector of the largest eigenvalue among those orthogonal to `before`. */
function iterate(
  matrix: Float64Array,
  size: number,
  before: readonly Float64Array[],
  stream: number,
): Float64Array {
  const most = Math.max(20, Math.min(10_000, BUDGET / size ** 2));
  // A random start has a part of every eigenvector.
  let v: Float64Array = Float64Array.from(new HostRandom(0, stream).normal(size));
  v = normalised(withoutParts(v, before)) ?? v;
  for (let i = 0; i < most; i++) {
    const next = normalised(withoutParts(multiply(matrix, v), before));
    if (!next) break; // no variance is left: any direction will do
    const moved = v.reduce((sum, x, j) => sum + (next[j]! - x) ** 2, 0);
    v = next;
    if (moved < TOLERANCE ** 2) break;
  }
  const largest = v.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  return largest < 0 ? v.map((x) => -x) : v;
}

function withoutParts(v: Float64Array, directions: readonly Float64Array[]): Float64Array {
  return directions.reduce((rest, u) => {
    const part = dot(rest, u);
    return rest.map((x, i) => x - part * u[i]!);
  }, v);
}

function normalised(v: Float64Array): Float64Array | undefined {
  const length = Math.sqrt(dot(v, v));
  return length > 1e-150 ? v.map((x) => x / length) : undefined;
}

function multiply(matrix: Float64Array, v: Float64Array): Float64Array {
  const size = v.length;
  return v.map((_, i) => {
    let sum = 0;
    for (let j = 0; j < size; j++) sum += matrix[i * size + j]! * v[j]!;
    return sum;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

import { checkObject, checkWhole, isNot } from "../gpu/arguments.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";

/** Mean and covariance of points, in float64. */
export interface Moments {
  readonly d: number;
  /** [d] */
  readonly mean: Float64Array;
  /** [d, d], divided by the count less 1. */
  readonly covariance: Float64Array;
}

/**
 * The mean of points and their covariance.
 *
 * @param points [count, d], at least two
 * @throws UsageError, ShapeError for anything else
 */
export function momentsOf(points: ArrayLike<number>, d: number): Moments {
  const op = "momentsOf";
  checkWhole(op, "d", d);
  if (typeof points !== "object" || !Number.isInteger(points?.length))
    throw new UsageError(`${op}: ${isNot("points", points, "an array of numbers, [count, d]")}`);
  const count = points.length / d;
  if (!Number.isInteger(count) || count < 2)
    throw new ShapeError(
      op,
      `points holds ${points.length} numbers, wanted two times ${d} or more`,
    );
  const mean = meanOf(points, d);
  const divisor = points.length / d - 1;
  return { d, mean, covariance: covarianceOf(points, d, mean, { divisor }) };
}

/** @throws UsageError, ShapeError for anything but moments */
export function checkMoments(op: string, name: string, moments: unknown): void {
  checkObject(op, name, moments, ["d", "mean", "covariance"]);
  const { d } = moments;
  checkWhole(op, `${name}.d`, d);
  for (const [field, length] of [
    ["mean", Number(d)],
    ["covariance", Number(d) ** 2],
  ] as const) {
    const values = moments[field];
    if (!(values instanceof Float64Array))
      throw new UsageError(`${op}: ${isNot(`${name}.${field}`, values, "a Float64Array")}`);
    if (values.length !== length)
      throw new ShapeError(op, `${name}.${field} holds ${values.length} numbers, wanted ${length}`);
  }
}

/** @param points [count, d] @returns [d] */
export function meanOf(points: ArrayLike<number>, d: number): Float64Array {
  const count = points.length / d;
  const mean = new Float64Array(d);
  for (let i = 0; i < count; i++) for (let j = 0; j < d; j++) mean[j]! += points[i * d + j]!;
  for (let j = 0; j < d; j++) mean[j]! /= count;
  return mean;
}

export interface CovarianceOptions {
  /** Of each point; default 1. */
  readonly weight?: (i: number) => number;
  /** What the sum is divided by; default the sum of the weights. */
  readonly divisor?: number;
}

/**
 * Σ wᵢ·(xᵢ − μ)(xᵢ − μ)ᵀ over the points, divided.
 *
 * @param points [count, d] @param mean μ, [d]
 * @returns [d, d], symmetric to the bit
 */
export function covarianceOf(
  points: ArrayLike<number>,
  d: number,
  mean: Float64Array,
  { weight = () => 1, divisor }: CovarianceOptions = {},
): Float64Array {
  const count = points.length / d;
  const result = new Float64Array(d * d);
  const away = new Float64Array(d);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const w = weight(i);
    total += w;
    for (let j = 0; j < d; j++) away[j] = points[i * d + j]! - mean[j]!;
    for (let row = 0; row < d; row++) {
      const scaled = w * away[row]!;
      for (let col = 0; col <= row; col++) result[row * d + col]! += scaled * away[col]!;
    }
  }
  for (let row = 0; row < d; row++)
    for (let col = 0; col <= row; col++) {
      const value = result[row * d + col]! / (divisor ?? total);
      result[row * d + col] = value;
      result[col * d + row] = value;
    }
  return result;
}

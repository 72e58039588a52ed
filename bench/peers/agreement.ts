/**
 * Whether two engines computed the same. All operands are random numbers of both signs, so that
 * some elements of a result are small by cancellation, and no more exact than the others.
 */

/** A result may differ by this much, as `difference` has it: f32 sums in another order. */
export const RESULT_TOLERANCE = 1e-4;

/** The losses of one step may differ by this much of their size. */
export const LOSS_TOLERANCE = 1e-3;

/**
 * Largest difference of two results' elements, relative to the element or, where that is smaller,
 * to the root mean square of all. Infinite where one is no number or their counts differ.
 */
export function difference(ours: Float32Array, theirs: Float32Array): number {
  if (ours.length !== theirs.length || ours.length === 0) return Number.POSITIVE_INFINITY;
  let squares = 0;
  for (const x of ours) squares += x * x;
  const size = Math.sqrt(squares / ours.length);
  let largest = 0;
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i] as number, theirs[i] as number];
    if (a === b) continue;
    const relative = Math.abs(a - b) / Math.max(Math.abs(a), size);
    if (!Number.isFinite(relative)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, relative);
  }
  return largest;
}

/** Largest difference of two engines' losses of one step, relative to the loss. */
export function lossDifference(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length || ours.length === 0) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const [i, a] of ours.entries()) {
    const relative = Math.abs(a - (theirs[i] as number)) / Math.abs(a);
    if (!Number.isFinite(relative)) return Number.POSITIVE_INFINITY;
    largest = Math.max(largest, relative);
  }
  return largest;
}

/** Why a comparison says nothing, if so. */
export function voidReason(found: number, tolerance: number, of: string): string | undefined {
  if (found <= tolerance) return undefined;
  return `${of} differ by ${found.toExponential(1)} of their size, ${tolerance} at most`;
}

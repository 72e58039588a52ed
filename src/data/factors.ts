import { uniform } from "./hash.ts";

/** The range of a factor that images are drawn from: uniform over [low, high). */
export interface FactorRange {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

/** Streams of random numbers that a stream of images has for itself; a set has fewer factors. */
export const FACTOR_STREAMS = 8;

/**
 * Draws the factors of image `index` into `row` [ranges.length]. The first is the class, `index` mod
 * its `high`, so that every prefix is balanced; the others depend on (seed, stream, index) only.
 */
export function drawFactors(
  ranges: readonly FactorRange[],
  seed: number,
  stream: number,
  index: number,
  row: Float32Array,
): void {
  row[0] = index % ranges[0]!.high;
  for (let f = 1; f < ranges.length; f++) {
    const { low, high } = ranges[f]!;
    row[f] = low + (high - low) * uniform(seed, stream * FACTOR_STREAMS + f, index);
  }
}

/** Values of a style that is made of the thirds of two factors. */
export const STYLES = 9;

/** The style of two values: 3 × the third of its range that the first is in + that of the second. */
export function styleOf(
  ranges: readonly FactorRange[],
  [first, a]: readonly [string, number],
  [second, b]: readonly [string, number],
): number {
  return 3 * third(ranges, first, a) + third(ranges, second, b);
}

function third(ranges: readonly FactorRange[], name: string, value: number): number {
  const { low, high } = ranges.find((range) => range.name === name)!;
  // float32 may have rounded a value up to `high`.
  return Math.min(2, Math.floor((3 * (value - low)) / (high - low)));
}

/** What holds for the factors of every procedural set. */
import * as assert from "uvu/assert";
import type { FactorRange } from "../../src/data/factors.ts";
import type { Split } from "../../src/data/types.ts";

/** A column of the factors' values. */
export function factor({ factors, count }: Split, name: string): Float64Array {
  const { names, values } = factors!;
  const f = names.indexOf(name);
  return Float64Array.from({ length: count }, (_, i) => values[i * names.length + f]!);
}

/**
 * The class is the label and every class is as frequent; the others fill their ranges evenly, and no two
 * factors go together.
 */
export function checkFactors(split: Split, ranges: readonly FactorRange[]): void {
  const classes = ranges[0]!.high;
  const counts = new Array<number>(classes).fill(0);
  for (const label of split.labels) counts[label]!++;
  assert.equal(counts, new Array(classes).fill(split.count / classes));
  assert.equal(
    split.factors!.names,
    ranges.map(({ name }) => name),
  );
  const columns = ranges.map(({ name }) => factor(split, name));
  assert.equal([...columns[0]!], [...split.labels]);
  ranges.slice(1).forEach(({ name, low, high }, f) => {
    const tenths = new Array<number>(10).fill(0);
    for (const value of columns[f + 1]!) {
      assert.ok(value >= Math.fround(low) && value <= Math.fround(high), `${name} is ${value}`);
      tenths[Math.min(9, Math.max(0, Math.floor((10 * (value - low)) / (high - low))))]!++;
    }
    // Five deviations of a count.
    const slack = 5 * Math.sqrt(split.count * 0.09);
    const even = tenths.every((n) => Math.abs(n - split.count / 10) < slack);
    assert.ok(even, `${name}: ${tenths}`);
  });
  columns.forEach((a, i) => {
    columns.slice(0, i).forEach((b, j) => {
      const r = Math.abs(correlation(a, b));
      assert.ok(r < 5 / Math.sqrt(split.count), `${ranges[i]!.name}, ${ranges[j]!.name}: ${r}`);
    });
  });
}

/** Of each class and style there are as many, within six deviations. */
export function checkStyles({ labels, attributes, count }: Split, classes: number): void {
  const counts = new Array<number>(classes * 9).fill(0);
  labels.forEach((label, i) => {
    counts[label * 9 + attributes!.style![i]!]!++;
  });
  const mean = count / counts.length;
  const even = counts.every((n) => Math.abs(n - mean) < 6 * Math.sqrt(mean));
  assert.ok(even, `${counts}`);
}

export function correlation(a: Float64Array, b: Float64Array): number {
  const mean = (x: Float64Array) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    const [x, y] = [value - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}

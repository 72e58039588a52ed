/** One point of a curve; null is a value that was not finite. */
export interface Point {
  readonly x: number;
  readonly y: number | null;
}

/** An interval of numbers. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * A curve with at most `most` points: each is the mean of a run of neighbours. Values that are not
 * finite are left out of the means; a run of nothing else stays a gap.
 */
export function thin(points: readonly Point[], most: number): Point[] {
  const size = Math.ceil(points.length / most);
  if (size <= 1) return [...points];
  const thinned: Point[] = [];
  for (let start = 0; start < points.length; start += size) {
    const run = points.slice(start, start + size);
    const finite = run.flatMap(({ y }) => (y === null ? [] : [y]));
    thinned.push({
      x: mean(run.map(({ x }) => x)),
      y: finite.length > 0 ? mean(finite) : null,
    });
  }
  return thinned;
}

/** Fewer points have no quartiles to speak of. */
const FEWEST = 12;
/** How many interquartile ranges beyond the quartiles a value may lie before it is an outlier. */
const FENCE = 3;
/** Outliers are cut off only if the rest gains at least so much height. */
const GAIN = 1.6;
/** The rest is enlarged no more than this, unless it is higher than some nats: finer is noise. */
const LARGEST_GAIN = 50;
const NOISE = 0.1;

/**
 * The range in which curves are shown. The first steps of a training, and the last ones of a training
 * that diverged, would flatten all others: what lies far outside the quartiles of its curve is cut off.
 *
 * @returns undefined without a finite value
 */
export function visibleRange(curves: readonly (readonly Point[])[]): Range | undefined {
  const all = curves.map(finiteValues).filter((values) => values.length > 0);
  if (all.length === 0) return undefined;
  const full = union(all.map((values) => ({ low: values[0]!, high: values.at(-1)! })));
  const least = Math.min(NOISE, (full.high - full.low) / LARGEST_GAIN);
  const inner = widened(union(all.map(withoutOutliers)), least);
  const cut = {
    low: Math.max(full.low, inner.low),
    high: Math.min(full.high, inner.high),
  };
  return full.high - full.low < GAIN * (cut.high - cut.low) ? full : cut;
}

/** The lowest and the highest finite value; undefined without one. */
export function fullRange(curves: readonly (readonly Point[])[]): Range | undefined {
  const all = curves.flatMap(finiteValues);
  if (all.length === 0) return undefined;
  return union(all.map((y) => ({ low: y, high: y })));
}

/** Sorted. */
function finiteValues(points: readonly Point[]): number[] {
  return points.flatMap(({ y }) => (y === null || !Number.isFinite(y) ? [] : [y])).sort(ascending);
}

/** The range of the sorted values between the fences. */
function withoutOutliers(values: readonly number[]): Range {
  const [lower, upper] = [quantile(values, 0.25), quantile(values, 0.75)];
  const reach = values.length < FEWEST ? Number.POSITIVE_INFINITY : FENCE * (upper - lower);
  const inside = values.filter((y) => y >= lower - reach && y <= upper + reach);
  return { low: inside[0]!, high: inside.at(-1)! };
}

function union(ranges: readonly Range[]): Range {
  return ranges.reduce((a, b) => ({
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
  }));
}

/** The range about the same middle that is at least `least` long. */
function widened({ low, high }: Range, least: number): Range {
  const more = Math.max(0, least - (high - low)) / 2;
  return { low: low - more, high: high + more };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.round(share * (sorted.length - 1))]!;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}

function ascending(a: number, b: number): number {
  return a - b;
}

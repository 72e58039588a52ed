import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fullRange, type Point, thin, visibleRange } from "../../src/figures/series.ts";

const test = suite("series");

const curve = (values: readonly (number | null)[]): Point[] => values.map((y, x) => ({ x, y }));
const sequence = (n: number, at: (i: number) => number) =>
  curve(Array.from({ length: n }, (_, i) => at(i)));

test("thinning takes means of neighbours and keeps gaps", () => {
  assert.equal(thin(curve([1, 2, 3]), 3), curve([1, 2, 3]));
  assert.equal(thin(curve([1, 3, null, 5, null, null, 7]), 4), [
    { x: 0.5, y: 2 },
    { x: 2.5, y: 5 },
    { x: 4.5, y: null },
    { x: 6, y: 7 },
  ]);
  for (const n of [599, 600, 601, 1200, 1201, 100_000])
    assert.ok(
      thin(
        sequence(n, (i) => i),
        600,
      ).length <= 600,
      `${n}`,
    );
  assert.equal(thin([], 600), []);
});

test("means of huge values do not overflow", () => {
  assert.is(thin(curve([1e308, 1e308]), 1)[0]!.y, 1e308);
});

test("a steady curve is shown whole", () => {
  assert.equal(visibleRange([sequence(100, (i) => 200 - i)]), { low: 101, high: 200 });
  assert.equal(visibleRange([curve([5])]), { low: 5, high: 5 });
  assert.equal(visibleRange([curve([null])]), undefined);
  assert.equal(visibleRange([]), undefined);
});

test("the first steps do not flatten the rest", () => {
  const loss = sequence(600, (i) => 100 + 450 * Math.exp(-i / 4) + 5 * Math.exp(-i / 200));
  const range = visibleRange([loss])!;
  assert.ok(range.high < 130 && range.high > 105, `up to ${range.high}`);
  assert.is(range.low, fullRange([loss])!.low);
  const rising = visibleRange([loss.map(({ x, y }) => ({ x, y: -y! }))])!;
  assert.is(rising.low, -range.high, "the same upside down");
});

test("nor do the last ones of a training that diverged", () => {
  const range = visibleRange([
    curve([
      ...Array(95)
        .fill(0)
        .map((_, i) => 200 - i),
      1e9,
      1e12,
      1e15,
      1e20,
      1e30,
    ]),
  ])!;
  assert.ok(range.high <= 200 && range.low >= 100, JSON.stringify(range));
});

test("a few points are all shown", () => {
  assert.equal(visibleRange([curve([500, 1e9, 1e9 + 1, 1e9 + 2])]), { low: 500, high: 1e9 + 2 });
});

test("each curve counts by itself: validation far above training is seen", () => {
  const training = sequence(600, () => 100).map(({ x }) => ({ x, y: 100 + (x % 7) / 7 }));
  const validation = curve([160, 161, 163, 166, 170]);
  const range = visibleRange([training, validation])!;
  assert.is(range.low, 100);
  assert.is(range.high, 170);
});

test("noise about a constant is not blown up beyond fifty times", () => {
  const collapsed = sequence(600, (i) => (i === 0 ? 2 : 1e-6 * (i % 3)));
  const range = visibleRange([collapsed])!;
  assert.ok(range.high - range.low >= (0.9 * (2 / 50)) / 2, JSON.stringify(range));
  assert.ok(range.high < 0.1);
});

test.run();

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Label, spread } from "../../src/figures/labels.ts";

const test = suite("labels");
const room = { width: 400, height: 400 };

function overlapping(labels: readonly Label[]): number {
  return labels.flatMap((a, i) =>
    labels.slice(i + 1).filter((b) => {
      const x = (a.width + b.width) / 2 - Math.abs(a.x - b.x);
      const y = (a.height + b.height) / 2 - Math.abs(a.y - b.y);
      return x > 0.01 && y > 0.01;
    }),
  ).length;
}

test("labels that do not overlap stay where they are", () => {
  const labels = [50, 100, 200].map((x) => ({ x, y: x, width: 40, height: 20 }));
  assert.equal(spread(labels, room), labels);
});

test("labels come apart and stay inside", () => {
  const label = fc.record({
    x: fc.double({ min: 0, max: 400, noNaN: true }),
    y: fc.double({ min: 150, max: 250, noNaN: true }),
    width: fc.integer({ min: 15, max: 110 }),
    height: fc.constant(21),
  });
  fc.assert(
    fc.property(fc.array(label, { minLength: 2, maxLength: 12 }), (labels) => {
      const moved = spread(labels, room);
      assert.is(overlapping(moved), 0);
      for (const { x, y, width, height } of moved) {
        assert.ok(x - width / 2 >= -0.01 && x + width / 2 <= 400.01);
        assert.ok(y - height / 2 >= -0.01 && y + height / 2 <= 400.01);
      }
    }),
    { numRuns: 200 },
  );
});

test("labels that are apart outside the room come apart inside it", () => {
  const apart = [
    { x: -80, y: 200, width: 100, height: 20 },
    { x: 30, y: 200, width: 60, height: 20 },
  ];
  assert.is(overlapping(apart), 0);
  const moved = spread(apart, room);
  assert.is(overlapping(moved), 0);
  for (const { x, width } of moved) assert.ok(x >= width / 2 - 0.01);
});

test("labels at one point come apart, too", () => {
  const same = Array.from({ length: 10 }, () => ({ x: 200, y: 200, width: 60, height: 20 }));
  assert.is(overlapping(spread(same, room)), 0);
});

test.run();

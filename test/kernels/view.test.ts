import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Value } from "../../src/gpu/value.ts";
import { reshapeStrides } from "../../src/kernels/merge-maps.ts";
import {
  collapseAxes,
  contiguousStrides,
  contiguousView,
  indexExpression,
  isIdentity,
  sizeOf,
} from "../../src/kernels/view.ts";

const test = suite("views");

/** Where each element, row-major, of a strided walk lies. */
function walk(shape: readonly number[], strides: readonly number[]): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    let rest = i;
    let place = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return place;
  });
}

const shape = fc.array(fc.constantFrom(1, 1, 2, 3, 4), { maxLength: 5 });
/** A shape with strides: as it lies, permuted, or with some axes broadcast. */
const walks = shape.chain((s) =>
  fc.record({
    shape: fc.constant(s),
    strides: fc.oneof(
      fc.constant(contiguousStrides(s)),
      fc.tuple(...s.map((_, i) => fc.boolean().map((b) => (b ? 0 : contiguousStrides(s)[i]!)))),
      fc.tuple(...s.map(() => fc.nat(20))),
    ) as fc.Arbitrary<number[]>,
  }),
);

test("collapsed axes walk the same places", () => {
  fc.assert(
    fc.property(walks, ({ shape, strides }) => {
      const collapsed = collapseAxes(shape, [{ strides }]);
      assert.equal(walk(collapsed.shape, collapsed.strides[0]!), walk(shape, strides));
      assert.ok(!collapsed.shape.includes(1));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("index expressions compute the place", () => {
  fc.assert(
    fc.property(walks, fc.nat(9), ({ shape, strides }, offset) => {
      const text = indexExpression(shape, strides, offset, "i").replace(/(\d)u/g, "$1");
      const whole = text.replace(/\(i \/ (\d+)\)/g, "Math.floor(i / $1)");
      const place = new Function("i", `return ${whole};`) as (i: number) => number;
      assert.equal(
        Array.from({ length: sizeOf(shape) }, (_, i) => place(i)),
        walk(shape, strides).map((p) => p + offset),
      );
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("strides of a reshaped walk visit the same places, where there are any", () => {
  let found = 0;
  const shapes = fc.constantFrom(
    [24],
    [4, 6],
    [2, 3, 4],
    [2, 12],
    [1, 4, 1, 6],
    [3, 8],
    [6, 2, 2],
    [2, 2, 6],
    [24, 1],
    [2, 2, 2, 3],
  );
  fc.assert(
    fc.property(
      shapes,
      shapes,
      fc.nat(4),
      fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      (from, to, kind, off) => {
        const plain = contiguousStrides(from);
        const strides = from.map((n, i) =>
          kind === 0
            ? plain[i]!
            : off[i % 4]
              ? 0
              : kind === 1
                ? plain[i]! * 2
                : kind === 2
                  ? 5
                  : plain[i]! + (n > 2 ? 1 : 0),
        );
        const moved = reshapeStrides(from, strides, to);
        if (!moved) return;
        found++;
        assert.equal(walk(to, moved), walk(from, strides), `${from} ${strides} → ${to}`);
      },
    ),
    { seed: 3, numRuns: 1000 },
  );
  assert.ok(found > 300, `${found} were possible`);
  assert.equal(reshapeStrides([4, 6], [6, 1], [3, 8]), [8, 1]);
  assert.equal(reshapeStrides([4, 6], [0, 1], [2, 2, 3, 2]), [0, 0, 2, 1]);
  assert.equal(reshapeStrides([4, 6], [1, 0], [2, 2, 6]), [2, 1, 0]);
  assert.is(reshapeStrides([4, 6], [0, 1], [3, 8]), undefined);
  assert.is(reshapeStrides([4, 6], [1, 4], [24]), undefined);
});

test("a view is the identity if it reads every element in its place", () => {
  const value = { size: 12 } as Value;
  assert.ok(isIdentity(contiguousView(value, [3, 4]), [3, 4]));
  assert.ok(isIdentity({ value, offset: 0, strides: [4, 99, 1] }, [3, 1, 4]));
  assert.not(isIdentity({ value, offset: 0, strides: [1, 3] }, [3, 4]));
  assert.not(isIdentity({ value, offset: 4, strides: [4, 1] }, [2, 4]));
  assert.not(isIdentity({ value, offset: 0, strides: [4, 1] }, [2, 4]), "a part of it");
});

test.run();

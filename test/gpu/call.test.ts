import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { foldWorkgroups } from "../../src/gpu/call.ts";

const test = suite("foldWorkgroups");

test("covers the count within the limit of every dimension, with little to spare", () => {
  const count = fc.integer({ min: 1, max: 2 ** 26 });
  fc.assert(
    fc.property(count, fc.constantFrom(64, 1000, 65535), (n, limit) => {
      fc.pre(n <= limit ** 3);
      const [x, y, z] = foldWorkgroups(n, limit);
      for (const length of [x, y, z]) assert.ok(length >= 1 && length <= limit);
      assert.ok(x * y * z >= n, `${n} groups in ${x}×${y}×${z}`);
      assert.ok(x * y * z <= n + y * z + x * y, `${n} groups in ${x}×${y}×${z}`);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("keeps small counts in one row", () => {
  assert.equal(foldWorkgroups(0), [1, 1, 1]);
  assert.equal(foldWorkgroups(1), [1, 1, 1]);
  assert.equal(foldWorkgroups(65535), [65535, 1, 1]);
  assert.equal(foldWorkgroups(65536), [32768, 2, 1]);
  assert.equal(foldWorkgroups(9, 3), [3, 3, 1]);
  assert.equal(foldWorkgroups(27, 3), [3, 3, 3]);
});

test.run();

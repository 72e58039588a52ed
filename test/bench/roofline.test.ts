import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bandwidthOf, raiseCeilings, standingOf } from "../../src/bench/roofline.ts";
import { emptyReport } from "../support/bench-reports.ts";

const test = suite("roofline");
const { ceilings } = emptyReport;
const MIB = 2 ** 20;

test("bytes move as fast as the fastest copy of as many or more", () => {
  assert.is(bandwidthOf(ceilings, 100), 16);
  assert.is(bandwidthOf(ceilings, 2 * MIB), 16);
  assert.is(bandwidthOf(ceilings, 2 * MIB + 1), 8);
  assert.is(bandwidthOf(ceilings, 1e12), 8, "beyond the largest copy");
  const [small, large] = ceilings.copies as [
    (typeof ceilings.copies)[0],
    (typeof ceilings.copies)[0],
  ];
  assert.is(bandwidthOf({ fmaGflops: 1, copies: [{ ...small, gbps: 2 }, large] }, 100), 8);
});

test("a kernel is bound by what takes it longer", () => {
  // 1 GFLOP at 100 GFLOP/s takes 10 ms; 8 MB at 8 GB/s take 1 ms.
  const computing = standingOf({ flops: 1e9, bytes: 8e6, ms: 20 }, ceilings);
  assert.equal(computing, { gflops: 50, gbps: 0.4, bound: "compute", fractionOfCeiling: 0.5 });
  const moving = standingOf({ flops: 1e6, bytes: 8e6, ms: 4 }, ceilings);
  assert.equal(moving, { gflops: 0.25, gbps: 2, bound: "memory", fractionOfCeiling: 0.25 });
});

test("a kernel that is faster raises the ceiling", () => {
  const slow = { name: "kernel/a/1", flops: 1e9, bytes: 8e6, ms: 20 };
  assert.equal(raiseCeilings(ceilings, [slow]), ceilings);
  const fast = { name: "kernel/b/1", flops: 1e9, bytes: 8e6, ms: 5 };
  const raised = raiseCeilings(ceilings, [slow, fast]);
  assert.is(raised.fmaGflops, 200);
  assert.is(raised.fmaEntry, "raised to the rate of kernel/b/1");
  assert.is(standingOf(fast, raised).fractionOfCeiling, 1);
  assert.is(raised.copyGBps, 8);
  const copy = { name: "kernel/c/1", flops: 0, bytes: 1.6e8, ms: 10 };
  const faster = raiseCeilings(ceilings, [copy]);
  assert.is(faster.copyGBps, 16);
  assert.is(faster.copyEntry, "raised to the rate of kernel/c/1");
  assert.is(faster.copies.at(-1)!.gbps, 16);
  const cached = { name: "kernel/d/1", flops: 0, bytes: 1e6, ms: 0.05 };
  const small = raiseCeilings(ceilings, [cached]);
  assert.equal(
    small.copies.map(({ gbps }) => gbps),
    [20, 8],
  );
  assert.is(small.copyGBps, 8, "what a cache gives says nothing of memory");
});

test.run();

/** What comparisons with other engines do to the report that they are part of. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Measured, PeerResult } from "../../src/bench/peers.ts";
import { withPeers } from "../../src/bench/with-peers.ts";
import { smallReport } from "../support/bench-reports.ts";

const test = suite("a report with comparisons");

const counts = { buffers: 0, bindGroups: 0, pipelines: 0, dispatches: 1, submits: 1 };
const measured = (gflops: number, gbps: number): Measured => ({
  ...{ ms: 2, minMs: 1, maxMs: 3, gflops, gbps, counts },
});
const compared = (ours: Measured, theirs: Measured, more = {}): PeerResult => ({
  ...{ peer: "peer", what: "matmul/8x8x8", ratio: 1, difference: 0, tolerance: 1 },
  ...theirs,
  ours,
  ...more,
});
const merge = (...peers: PeerResult[]) =>
  withPeers(smallReport, { adapter: "an adapter", runtime: "deno", peers, failures: [] });
const shares = ({ kernels }: typeof smallReport) =>
  kernels.map(({ fractionOfCeiling }) => Number(fractionOfCeiling.toFixed(9)));

test("a kernel of either engine that is faster raises the ceiling, and every share is of that", () => {
  const slow = measured(50, 1);
  const fast = measured(200, 1);
  for (const [result, name] of [
    [compared(fast, slow), "latentgrad"],
    [compared(slow, fast), "peer"],
  ] as const) {
    const report = merge(result);
    assert.ok(Math.abs(report.ceilings.fmaGflops - 200) < 1e-9);
    assert.is(report.ceilings.fmaEntry, `raised to the rate of matmul/8x8x8 of ${name}`);
    assert.equal(report.peers, [result]);
    assert.equal([shares(smallReport)[0], shares(report)[0]], [0.5, 0.25]);
  }
});

test("so does one that moves its bytes faster", () => {
  const report = merge(compared(measured(1, 64), measured(1, 2)));
  const [, large] = report.ceilings.copies;
  assert.ok(Math.abs((large?.gbps ?? 0) - 64) < 1e-9);
  assert.is(large?.entry, "raised to the rate of matmul/8x8x8 of latentgrad");
});

test("nothing else raises it: slower kernels, the CPU's work, steps, comparisons that say nothing", () => {
  const { counts: _, ...cpu } = measured(500, 500);
  const { gflops: __, gbps: ___, ...step } = measured(0, 0);
  const slow = measured(50, 1);
  const { ceilings, kernels } = merge(
    compared(slow, slow),
    compared(slow, cpu),
    compared(step, step),
    compared(measured(500, 1), measured(900, 1), { void: "the results differ" }),
  );
  assert.equal(ceilings, smallReport.ceilings);
  assert.is(kernels.length, smallReport.kernels.length);
});

test.run();

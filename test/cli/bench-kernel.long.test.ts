/** The example of docs/define-op.md is rated on Deno and on Node: ceilings take minutes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { OwnKernelReport } from "../../src/bench/own-kernels.ts";
import { start } from "../support/command.ts";

const test = suite("bench --kernel");

for (const runtime of ["deno", "node"])
  test(`rates the naive matrix product on ${runtime}`, async () => {
    const words = ["bench", "--kernel", "docs/examples/naive-matmul.js", "--runs", "1", "--json"];
    const { status, stdout, stderr } = await start([...words, "--runtime", runtime]).ended;
    assert.is(status, 0, stderr);
    const { kernels, comparisons } = JSON.parse(stdout) as OwnKernelReport;
    assert.equal(
      kernels.map(({ name }) => name),
      ["naiveMatmul", "latentgrad matmul"],
    );
    for (const { gflops, ms } of kernels) assert.ok(Math.abs(gflops * ms * 1e6 - 2 * 128 ** 3) < 1);
    assert.ok(comparisons[0]!.ratio > 1 && comparisons[0]!.difference < 1e-4);
  });

test.run();

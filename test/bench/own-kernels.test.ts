import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { OpBenchmark } from "../../src/autograd/define-op.ts";
import { findOps, type KernelLibrary, rateOwnKernels } from "../../src/bench/own-kernels.ts";
import { formatOwnKernels } from "../../src/bench/tables.ts";
import * as library from "../../src/entries/index.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { emptyReport } from "../support/bench-reports.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("own kernels");

const lib: KernelLibrary = library;
const { ceilings } = emptyReport;

function triple(bench: OpBenchmark | undefined, factor = "3.0"): library.OpDefinition {
  return {
    name: "triple",
    wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { y[id.x] = x[id.x] * ${factor}; }`,
    shape: (x) => x,
    workgroups: ([n = 1]) => n,
    flops: ([n = 1] = []) => n,
    ...(bench ? { bench } : {}),
  };
}

test("are timed beside the library's, and their results compared", async () => {
  const thrice = (x: library.Tensor) => library.mul(x, 3);
  const right = library.defineOp(triple({ inputs: [[6]], against: thrice }));
  const wrong = triple({ inputs: [[6]], against: "neg" });
  const ops = findOps("x.js", { right, again: right, wrong, other: 1, nothing: null }, lib);
  const said: string[] = [];
  const report = await rateOwnKernels(ops, lib, { runs: 1, ceilings }, (line) => said.push(line));
  assert.equal(said[1], "kernel/triple/6 against thrice");
  assert.equal(
    report.kernels.map((k) => `${k.name} ${k.shape}`),
    ["triple 6", "thrice 6", "triple 6", "latentgrad neg 6"],
  );
  const [own] = report.kernels as [(typeof report.kernels)[0]];
  assert.ok(Math.abs(own.gflops - 6 / own.ms / 1e6) < 1e-12);
  assert.ok(Math.abs(own.gbps - 48 / own.ms / 1e6) < 1e-12);
  assert.ok(own.fractionOfCeiling > 0);
  const [same, differs] = report.comparisons as [
    (typeof report.comparisons)[0],
    (typeof report.comparisons)[0],
  ];
  assert.ok(same.difference < 1e-6 && same.ratio > 0);
  assert.ok(differs.difference > 1);
  assert.match(formatOwnKernels(report), /^triple\/6 +thrice +\d+\.\d\d +\d\.\de[-+]\d+$/m);
});

test("that say nothing to time are refused before a device is opened", async () => {
  await rejects(() => findOps("x.js", { a: 1 }, lib), UsageError, /^x\.js exports no op: wanted/);
  await rejects(
    () => findOps("x.js", { default: triple(undefined) }, lib),
    UsageError,
    /^x\.js says no shapes to time: give the definition of triple bench: /,
  );
  const closed: KernelLibrary = {
    ...lib,
    openDevice: () => {
      throw new Error("a device is opened");
    },
  };
  for (const [bench, pattern] of [
    [{ inputs: [[2], [2]] }, /^triple: bench\.inputs has 2 shapes for 1 inputs$/],
    [{ inputs: [2] }, /^triple: bench\.inputs holds no shapes/],
    [
      { inputs: [[2]], against: "negg" },
      /^triple: latentgrad has no op "negg" \(did you mean neg\?\)$/,
    ],
  ] as [OpBenchmark, RegExp][]) {
    const ops = findOps("x.js", { op: triple(bench) }, closed);
    await rejects(() => rateOwnKernels(ops, closed, { ceilings }, () => {}), UsageError, pattern);
  }
});

test.run();

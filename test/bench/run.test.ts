import { suite } from "uvu";
import * as assert from "uvu/assert";
import { benchmark } from "../../src/bench/benchmark.ts";
import { kernelCases } from "../../src/bench/kernels.ts";
import { linesOf, listProgram } from "../../src/bench/program.ts";
import { select, tooLong } from "../../src/bench/run.ts";
import { openStep, timeStep } from "../../src/bench/step.ts";
import { stepCases } from "../../src/bench/steps.ts";
import { benchmarkNotes, formatProgram, formatReport } from "../../src/bench/tables.ts";
import { LatentgradError, UsageError } from "../../src/gpu/errors.ts";
import type { Step } from "../../src/gpu/step.ts";
import { formatTuningKey } from "../../src/gpu/variant-table.ts";
import type { TunableKernel } from "../../src/kernels/variants.ts";
import { models } from "../../src/models/registry.ts";
import { emptyListing, emptyReport } from "../support/bench-reports.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("benchmarks");

test("a filter finds measurements by their names", () => {
  const names = (filter: RegExp) => {
    const { kernels, steps, growth } = select(filter);
    return [...kernels.map(({ shape }) => shape), ...[...steps, ...growth].map(({ name }) => name)];
  };
  assert.equal(names(/kernel\/matmul\/64x64x64$/), ["64x64x64"]);
  assert.equal(names(/^step\/vae-conv\/(32|1024)$/), ["step/vae-conv/32", "step/vae-conv/1024"]);
  assert.equal(names(/growth.*512/), ["growth/latent/512"]);
  assert.equal(names(/^ceiling\//), []);
  assert.throws(
    () => select(/matmull/),
    (error: Error) => error instanceof UsageError && error.message.startsWith("--filter matmull: "),
  );
});

test("programs are told in one line what does not fit", async () => {
  const wrong = (options: object) => () => benchmark(options);
  await rejects(
    wrong({ filter: "kernel" }),
    UsageError,
    /^benchmark: options\.filter is .+, wanted a regular expression$/,
  );
  await rejects(wrong({ runs: 0.5 }), LatentgradError, /^benchmark: options\.runs is 0\.5/);
  await rejects(wrong({ filter: /matmull/ }), UsageError, /no measurement has such a name/);
});

test("the notes say whose variants were used, and what was left out", () => {
  const facts = { ...emptyReport, adapter: "a", runtime: "deno" };
  assert.equal(benchmarkNotes(facts), ["a, deno"]);
  const [first, second] = benchmarkNotes({ ...facts, tuned: { k: "v" }, leftOut: ["kernel/a/1"] });
  assert.match(first!, /^a, deno; variants as tuned on this adapter for 1 kernel, /);
  assert.match(second!, /--filter measures them: kernel\/a\/1$/);
});

test("kernels that may take too long are left out where no filter asks for them, and told of", () => {
  const slow = tooLong(kernelCases, undefined, 50);
  assert.equal(slow, ["kernel/matmul/2048x2048x2048"]);
  assert.equal(tooLong(kernelCases, /matmul/, 50), []);
  assert.equal(tooLong(kernelCases, undefined, 1000), []);
  const told = /^Left out, .+ --filter measures them: kernel\/matmul\/2048x2048x2048$/m;
  assert.match(formatReport({ ...emptyReport, leftOut: slow }), told);
  assert.not.match(formatReport(emptyReport), /Left out/);
});

test("every model's step can be measured, and is without a filter", () => {
  const labels = new Set(models.map(({ name }) => name));
  labels.delete("vae");
  for (const label of ["vae-conv", "vae-dense"]) labels.add(label);
  for (const steps of [stepCases, select(undefined).steps])
    assert.equal([...new Set(steps.map(({ label }) => label))].sort(), [...labels].sort());
  const names = stepCases.map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  for (const { name, batch } of stepCases) assert.ok(name.endsWith(`/${batch}`), name);
});

test("a recorded step makes nothing when it is replayed", async () => {
  const [entry] = models.filter(({ name }) => name === "vae");
  const settings = { network: "dense", width: "0.05" };
  const options = { entry: entry!, settings, label: "vae", batch: 8, runs: 2 };
  const open = await openStep(options);
  // So much longer the host takes for a step: time that is certain, as the step's own is not.
  const delayMs = 3;
  const runStep = open.run.runStep.bind(open.run);
  open.run.runStep = (number) => {
    const until = performance.now() + delayMs;
    while (performance.now() < until);
    return runStep(number);
  };
  const begin = performance.now();
  const step = await timeStep(open, options);
  const elapsedMs = performance.now() - begin;
  open.device.close();
  assert.equal([step.model, step.batch, step.runs], ["vae", 8, 2]);
  const { buffersCreatedPerStep, bindGroupsCreatedPerStep, pipelinesCreatedPerStep } = step;
  assert.equal(
    [buffersCreatedPerStep, bindGroupsCreatedPerStep, pipelinesCreatedPerStep],
    [0, 0, 0],
  );
  assert.is(step.submits, 1);
  assert.is(step.dispatches, open.run.program.statistics.dispatches);
  // The median of nine, and thereby at most what five of them took.
  assert.ok(step.hostMicros >= 1000 * delayMs, `${step.hostMicros} µs`);
  assert.ok(step.hostMicros <= (1000 / 5) * elapsedMs, `${step.hostMicros} µs, ${elapsedMs} ms`);
  assert.ok(Math.abs(step.imagesPerSecond - 8000 / step.ms) < 1e-6);
  assert.is(step.timeToFirstStepMs, step.openMs + step.recordMs + step.firstStepMs);
});

test("a step follows a table, and says which of its variants", async () => {
  const [entry] = models.filter(({ name }) => name === "vae");
  const settings = { network: "dense", width: "0.05" };
  const options = { entry: entry!, settings, label: "vae", batch: 8, runs: 1 };
  const asked: TunableKernel[] = [];
  (await openStep(options, (kernel) => asked.push(kernel))).device.close();
  const tunable = asked.find(({ candidates }) => candidates.length > 1);
  assert.ok(tunable, "a product with a choice");
  const choices = { [formatTuningKey(tunable)]: tunable.candidates.at(-1) as string };

  const plain = await listProgram(options);
  assert.not.ok("tuned" in plain);
  const variants = async () => ({ "matmul 1×1×1": "registers 1x1", ...choices });
  const tuned = await listProgram({ ...options, variants });
  assert.equal(tuned.tuned, choices);
  const chosen = (listing: typeof plain) => listing.lines.map(({ variant }) => variant).join();
  assert.is.not(chosen(tuned), chosen(plain));
  assert.match(formatProgram(tuned), /; variants as tuned on this adapter for 1 kernel, /);
  const none = await listProgram({ ...options, variants: async () => ({}) });
  assert.equal(none.tuned, {});
  assert.match(formatProgram(none), /; variants by the heuristics: /);
});

test("a program's lines follow its steps", () => {
  const dispatch = (name: string, part: string | undefined, flops: number) =>
    ({
      kind: "dispatch",
      source: { name, flops, bytes: 4000, workgroups: [2, 1, 1], variant: "wide" },
      written: [{ part }],
    }) as unknown as Step;
  const copy = { kind: "copy", bytes: 1000 } as Step;
  const steps = [dispatch("gather", undefined, 0), dispatch("a", "critic", 8000), copy];
  const adam = dispatch("adam", undefined, 0);
  const samples = [
    [1, 4, 2, 3],
    [1, 2, 2, 3],
    [1, 9, 2, 3],
  ].map((s) => Float64Array.from(s));
  const lines = linesOf([...steps, adam], samples);
  assert.equal(
    lines.map(({ name, part, micros }) => [name, part, micros]),
    [
      ["gather", "", 1],
      ["a", "critic", 4],
      ["copy", "critic", 2],
      ["adam", "critic", 3],
    ],
  );
  assert.equal([lines[1]!.gflops, lines[1]!.gbps, lines[1]!.share], [2, 1, 0.4]);
  assert.is(lines[2]!.gbps, 1, "read and written");
  const text = formatProgram({ ...emptyListing, lines, micros: 10 });
  assert.match(text, /2 {2}critic: a +4 +40\.0 % +2\.00 +1\.00 +2×1×1 +wide\n/);
  assert.match(text, /in all +10 +100\.0 %/);
});

test("the text shows what was measured", () => {
  const kernel = {
    ...{ name: "matmul", shape: "8x8x8", variant: "tile 4×4", dispatches: 1 },
    ...{ ms: 0.5, minMs: 0.4, maxMs: 0.75, runs: 5, queued: 10, timedBy: "waiting" as const },
    ...{ gflops: 12.5, gbps: 1.25, bound: "compute" as const, fractionOfCeiling: 0.125 },
  };
  const text = formatReport({ ...emptyReport, kernels: [kernel] });
  assert.match(text, /^multiply-add, f32 +100\.0 GFLOP\/s {2}8 × f32$/m);
  assert.match(
    text,
    /^matmul\/8x8x8 +0\.500 +0\.400 +0\.750 +12\.50 +1\.25 +12\.5 % +compute +tile 4×4$/m,
  );
  assert.not.match(text, "Training steps");
});

test.run();

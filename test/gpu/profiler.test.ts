import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDevice } from "../../src/gpu/open.ts";
import {
  formatProfile,
  KernelTimer,
  median,
  type ProfileRow,
  tabulate,
} from "../../src/gpu/profiler.ts";
import type { Step } from "../../src/gpu/step.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { handCall } from "../support/kernels.ts";
import { skip } from "../support/skip.ts";

const test = suite("profiler");

for (const withTimestamps of [true, false]) {
  test(`${withTimestamps ? "times each kernel" : "waits for each kernel without timestamps"}`, async () => {
    const device = await openDevice();
    if (!withTimestamps) (device as { hasTimestamps: boolean }).hasTimestamps = false;
    const x = variable(device, new Float32Array(64).fill(1), [64], "x");
    const arena = variable(device, new Float32Array(64), [64], "arena");
    // Two loops: llvmpipe ends one after 65,535 turns.
    const busy = (input: Tensor, op: string, rounds: number, turns: number): Tensor => {
      const out = emptyResult(device, op, [64]);
      const body = `var v = in0[i];
  for (var j = 0u; j < ${rounds}u; j++) {
    for (var k = 0u; k < ${turns}u; k++) { v = v * 0.999 + 0.001; }
  }
  out0[i] = v;`;
      device.emit(handCall({ op, inputs: [input.value], outputs: [out.value], body }));
      return out;
    };
    // Slow enough that no short kernel seems to be when something else has its core.
    const rounds = device.adapter.kind === "llvmpipe" ? 400 : 40;
    const { program } = await record(device, () => {
      const y = busy(busy(busy(x, "slow", rounds, 50_000), "fast", 1, 10), "fast", 1, 10);
      device.emit({
        op: "assign",
        pack: true,
        inputs: [x.value],
        target: arena.value,
        offsets: [0],
      });
      return y;
    });
    const rows = await program.profile(5);
    const calls = rows.reduce((sum, row) => sum + row.calls, 0);
    assert.is(calls, program.statistics.dispatches + program.statistics.copies);
    assert.is(calls, 4);
    assert.ok(Math.abs(rows.reduce((sum, row) => sum + row.share, 0) - 1) < 1e-9);
    const named = (name: string) => rows.find((row) => row.name === name)!;
    // Some runtimes look only every 10 ms whether work is done: waiting tells little of short kernels.
    if (withTimestamps) assert.is(rows[0], named("slow kernel"));
    const times = rows.map((row) => row.micros);
    assert.equal(
      times,
      [...times].sort((a, b) => b - a),
      "the slowest comes first",
    );
    assert.is(named("fast kernel").calls, 2);
    for (const row of rows) assert.ok(row.micros >= 0 && row.micros < 5e6, row.name);
    const slow = named("slow kernel");
    assert.ok(slow.micros > 0);
    assert.ok(Math.abs(slow.gflops - 64 / slow.micros / 1e3) < 1e-12);
    assert.ok(Math.abs(slow.gbps - 512 / slow.micros / 1e3) < 1e-12);
    assert.is(named("copy").calls, 1);
    device.close();
  });
}

test("a group's time is that of its replays, however late the host submits it", async () => {
  const device = await openDevice();
  if (!device.hasTimestamps) {
    device.close();
    return skip("the adapter has no timestamps");
  }
  const x = variable(device, new Float32Array(64).fill(1), [64], "x");
  const { program } = await record(device, () => {
    const out = emptyResult(device, "busy", [64]);
    const body = `var v = in0[i];
  for (var k = 0u; k < 20000u; k++) { v = v * 0.999 + 0.001; }
  out0[i] = v;`;
    device.emit(handCall({ op: "busy", inputs: [x.value], outputs: [out.value], body }));
    return out;
  });
  program.run();
  await device.finish();
  const timer = new KernelTimer(device);
  // In turns, over so long a time that whatever else the machine does lets some group of each size
  // alone: what disturbs one only makes it longer.
  let [one, eight] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 12; round++) {
    one = Math.min(one, ...(await timer.timeGroups(program.steps, 4, 1)));
    eight = Math.min(eight, ...(await timer.timeGroups(program.steps, 2, 8)));
  }
  assert.ok(one > 0 && eight > 5 * one && eight < 32 * one, `${one} µs, eight times: ${eight} µs`);

  // The adapter is idle for that long before each group.
  const stall = Math.max(50, (5 * one) / 1000);
  const submit = device.submit.bind(device);
  device.submit = (commands) => {
    const until = performance.now() + stall;
    while (performance.now() < until);
    submit(commands);
  };
  const groups = [...(await timer.timeGroups(program.steps, 8, 1))];
  assert.ok(Math.min(...groups) < (stall * 1000) / 2, `${groups} µs in stalls of ${stall} ms`);
  program.release();
  device.close();
});

test("tabulates medians by kernel", () => {
  const dispatch = (name: string, flops: number, bytes: number) =>
    ({ kind: "dispatch", source: { name, flops, bytes } }) as Step;
  const steps = [dispatch("a", 1000, 4000), dispatch("b", 0, 100), dispatch("a", 3000, 0)];
  const samples = [
    [10, 1, 30],
    [20, 2, 10],
    [90, 9, 20],
  ].map((s) => Float64Array.from(s));
  assert.equal(tabulate(steps, samples), [
    { name: "a", calls: 2, micros: 40, gflops: 0.1, gbps: 0.1, share: 40 / 42 },
    { name: "b", calls: 1, micros: 2, gflops: 0, gbps: 0.05, share: 2 / 42 },
  ]);
  assert.equal(tabulate([], []), []);
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
});

test("formats the table in aligned columns", () => {
  const row = (name: string, micros: number): ProfileRow => ({
    name,
    calls: 12,
    micros,
    gflops: micros > 100 ? 22.5 : 0,
    gbps: 1.234,
    share: 0.5,
  });
  const lines = formatProfile([row("conv2d 28×28×32→14×14×64", 12345.6), row("copy", 7)]).split(
    "\n",
  );
  assert.equal(lines, [
    "kernel                    calls     µs   share  GFLOP/s  GB/s",
    "conv2d 28×28×32→14×14×64     12  12346  50.0 %    22.50  1.23",
    "copy                         12      7  50.0 %           1.23",
  ]);
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { fillGroup, summarise, timeProgram, timeQueued } from "../../src/gpu/timing.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";

const test = suite("timing");

test("a group's time is divided by its replays", () => {
  assert.equal(summarise([30, 10, 20], 10, "waiting"), {
    ms: 2,
    minMs: 1,
    maxMs: 3,
    runs: 3,
    queued: 10,
    timedBy: "waiting",
  });
  assert.is(summarise([10, 20], 1, "timestamps").ms, 15);
});

test("groups are filled although a wait costs more than a replay", async () => {
  const asked: number[] = [];
  const queued = await fillGroup(300, async (n) => {
    asked.push(n);
    return Math.max(10, 0.1 * n); // the runtime looks every 10 ms
  });
  assert.ok(0.1 * queued >= 290, `${queued} replays`);
  assert.ok(asked.length <= 4, `${asked}`);
  assert.is(await fillGroup(300, async (n) => 500 * n), 1);
  assert.is(await fillGroup(300, async (n) => 200 * n), 2);
  assert.is(await fillGroup(300, async () => 0), 4096, "there is an end");
});

for (const withTimestamps of [true, false]) {
  test(`replays are timed ${withTimestamps ? "by timestamps where there are any" : "by waiting"}`, async () => {
    const device = await openDevice();
    if (!withTimestamps) (device as { hasTimestamps: boolean }).hasTimestamps = false;
    const x = variable(device, new Float32Array(2 ** 18), [2 ** 18], "x");
    const { program, result } = await record(device, () => add(x, 1));
    const before = device.submits;
    const timing = await timeProgram(program, { runs: 3, groupMs: 5 });
    assert.is(timing.timedBy, device.hasTimestamps ? "timestamps" : "waiting");
    assert.is(timing.runs, 3);
    assert.ok(timing.minMs > 0 && timing.minMs <= timing.ms && timing.ms <= timing.maxMs);
    assert.ok(timing.ms < 1000);
    assert.ok(device.submits > before + 3);
    assert.is((await result.data())[7], 1);
    let turns = 0;
    const queued = await timeQueued(device, () => turns++, { runs: 2, groupMs: 1 });
    assert.ok(turns > 2 * queued.queued, "two groups, and what found their size");
    device.close();
  });
}

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import { detectRuntime, importAtRunTime } from "../../src/gpu/adapter-environment.ts";
import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { ones, tensor, variable } from "../../src/tensor/create.ts";
import { record, scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { skip } from "../support/skip.ts";

const test = suite("buffers");

// Each test has a device of its own, so that no garbage of another one changes the numbers.
let device: Device;
test.before.each(async () => {
  device = await openDevice();
});
test.after.each(() => device.close());

const live = () => device.pool.statistics().liveBytes;

test("are exactly as large as asked, in whole vec4s, and are used again by size", () => {
  const { pool } = device;
  const before = pool.statistics();
  const a = device.allocate("f32", 100, "a");
  assert.is(a.storage!.buffer.size, 400);
  const b = device.allocate("f32", 3, "b");
  assert.is(b.storage!.buffer.size, 16);
  assert.is(device.allocate("u8", 17, "c").storage!.buffer.size, 32);
  assert.is(pool.statistics().liveBytes - before.liveBytes, 448);
  assert.is(pool.statistics().created - before.created, 3);
  const { buffer } = a.storage!;
  device.release(a);
  device.release(a);
  assert.is(pool.statistics().idleBytes, 400);
  assert.is(pool.statistics().liveBytes - before.liveBytes, 48);
  assert.is(pool.statistics().peakBytes, before.liveBytes + 448);
  const other = device.allocate("f32", 104, "another size");
  assert.not(other.storage!.buffer === buffer);
  assert.is(device.allocate("f32", 100, "the same size").storage!.buffer, buffer);
  assert.is(pool.statistics().idleBytes, 0);
});

test("go back to the driver when the pool is trimmed, after the work that uses them", async () => {
  const x = ones(device, [1000]);
  let y: Tensor | undefined;
  scope(device, () => {
    y = add(exp(x), 1); // exp's buffer is idle now, but its kernel is not submitted yet
    return y;
  });
  const kept = scope(device, () => add(exp(x), 1));
  device.pool.trim();
  assert.is(device.pool.statistics().idleBytes, 0);
  assert.ok(Math.abs((await kept.data())[999]! - (Math.E + 1)) < 1e-5);
});

test("of a scope's tensors are released, but for its results and variables", async () => {
  await device.finish();
  const before = live();
  let made: Tensor | undefined;
  const result = scope(device, () => {
    const x = ones(device, [256]);
    made = variable(device, new Float32Array(256), [256], "made inside");
    const nested = scope(device, () => ({ sum: add(exp(x), 1), list: [mul(x, 3)] }));
    exp(nested.sum);
    return { y: mul(nested.sum, 2), more: nested.list };
  });
  assert.is(live() - before, 3 * 1024);
  assert.ok(Math.abs((await result.y.data())[0]! - 2 * (Math.E + 1)) < 1e-4);
  assert.is((await result.more[0]!.data())[255], 3);
  assert.is((await made!.data())[0], 0);
  for (const t of [result.y, result.more[0]!, made!]) device.release(t.value);
  assert.is(live(), before);
  try {
    scope(device, () => {
      exp(ones(device, [256]));
      throw new Error("on purpose");
    });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, "on purpose");
  }
  assert.is(live(), before);
});

test("of an asynchronous scope would be released under its feet: it is refused", () => {
  assert.throws(
    () => scope(device, async () => ones(device, [2])),
    /^scope: body is asynchronous, wanted a function that is done/,
  );
});

test("stay as many over 500 eager steps in scopes", async () => {
  const w = variable(device, new Float32Array(1000), [1000], "w");
  const step = () => scope(device, () => mul(add(exp(mul(w, 0.5)), 1), 2));
  const last: Tensor[] = [];
  let after10 = device.pool.statistics();
  for (let i = 0; i < 500; i++) {
    last.push(step());
    if (last.length > 2) device.release(last.shift()!.value);
    if (i === 10) after10 = device.pool.statistics();
  }
  const after500 = device.pool.statistics();
  assert.is(after500.created, after10.created);
  assert.is(after500.liveBytes, after10.liveBytes);
  assert.is(after500.liveBytes + after500.idleBytes, after10.liveBytes + after10.idleBytes);
  assert.is((await last[1]!.data())[0], 4);
});

test("stay as many over 500 replays, and come back when the program is released", async () => {
  const w = variable(device, new Float32Array(1000), [1000], "w");
  await device.finish();
  const before = live();
  const { program, result } = await record(device, () => {
    const shift = tensor(device, [1]);
    return mul(add(exp(mul(w, 0.5)), shift), 2);
  });
  const recorded = device.pool.statistics();
  for (let i = 0; i < 500; i++) {
    program.run();
    if (i % 100 === 0) await device.finish();
  }
  const after = device.pool.statistics();
  assert.is(after.created, recorded.created);
  assert.is(after.liveBytes, recorded.liveBytes);
  assert.is((await result.data())[0], 4);
  program.release();
  program.release();
  assert.ok(live() <= before, `${live()} bytes are held, ${before} before`);
});

test("of a recording that fails come back", async () => {
  await device.finish();
  const before = live();
  for (const fail of [
    () => {
      add(ones(device, [2]), ones(device, [3]));
    },
    () => add(tensor(device, [1, 2]), ones(device, [3])),
  ]) {
    let failed = false;
    await record(device, fail).catch(() => {
      failed = true;
    });
    assert.ok(failed);
    assert.ok(live() <= before, `${live()} bytes are held, ${before} before`);
  }
});

test("a part of an arena keeps the arena, and moves there without its old buffer", async () => {
  const arena = variable(
    device,
    Float32Array.from({ length: 128 }, (_, i) => i),
    [128],
    "arena",
  );
  const part = variable(device, new Float32Array(64), [64], "part");
  const before = live();
  device.rehome(part.value, arena.value, 256);
  assert.ok(before - live() >= 256);
  assert.is((await part.data())[0], 64);
  assert.is(part.value.storage!.owner, arena.value);
});

/** A function that collects garbage, where the runtime lets a program have one. */
async function collector(): Promise<(() => void) | undefined> {
  if (!["node", "deno"].includes(detectRuntime())) return undefined;
  try {
    const v8 = await importAtRunTime<typeof import("node:v8")>("node:v8");
    const vm = await importAtRunTime<typeof import("node:vm")>("node:vm");
    v8.setFlagsFromString("--expose-gc");
    return vm.runInNewContext("gc") as () => void;
  } catch {
    return undefined;
  }
}

test("of garbage come back by themselves", async () => {
  const gc = await collector();
  if (!gc) {
    skip("this runtime lets no program collect garbage");
    return;
  }
  await device.finish();
  const settle = async () => {
    for (let i = 0; i < 20; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await settle();
  const before = live();
  const make = async () => {
    const x = ones(device, [100_000]);
    const { program, result } = await record(device, () => add(exp(x), 1));
    program.run();
    return result; // the program is garbage now, but its result is not
  };
  let result: Tensor | undefined = await make();
  await settle();
  assert.ok(live() - before >= 400_000, "the result's memory is held");
  for (let i = 0; i < 5; i++) exp(ones(device, [100_000]));
  assert.ok(Math.abs((await result.data())[0]! - (Math.E + 1)) < 1e-5);
  result = undefined;
  await settle();
  assert.ok(live() - before < 400_000, `${live() - before} bytes are still held`);
});

test.run();

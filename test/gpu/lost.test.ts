import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import type { Device } from "../../src/gpu/device.ts";
import { DeviceLostError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { ones, tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { within } from "../support/within.ts";

const test = suite("lost device");

/** Asserts that `run` throws or rejects with a DeviceLostError, and soon. */
async function isLost(what: string, run: () => unknown): Promise<void> {
  let failure: unknown = `${what} gave a result`;
  try {
    await within(
      5,
      (async () => {
        await run();
      })(),
    );
  } catch (error) {
    failure = error;
  }
  assert.instance(failure, DeviceLostError, `${what}: ${failure}`);
  assert.is((failure as DeviceLostError).exitCode, 5);
  assert.match((failure as Error).message, /^device lost \([^)]+\): \S/);
  assert.not((failure as Error).message.includes("\n"));
}

/** Asserts that nothing that can be asked of the device gives an answer any more. */
async function isDead(device: Device): Promise<void> {
  await isLost("tensor", async () => tensor(device, [1, 2]).data());
  await isLost("ones", async () => ones(device, [2]).data());
  await isLost("finish", () => device.finish());
  await isLost("record", () => record(device, () => ones(device, [2])));
}

test("in the middle of eager work, the read-back rejects", async () => {
  const device = await openDevice();
  let x = ones(device, [1000]);
  for (let i = 0; i < 100; i++) x = add(mul(x, 0.5), 1);
  device.gpu.destroy();
  await isLost("data", () => x.data());
  await isDead(device);
  await isLost("a second data", () => x.data());
  await isLost("an op", () => exp(x));
});

test("before, between and after the steps of a read-back", async () => {
  for (const turns of [0, 1, 2, 5]) {
    const device = await openDevice();
    const x = exp(ones(device, [100_000]));
    const reading = Promise.all([x.data(), x.data()]);
    reading.catch(() => undefined);
    for (let t = 0; t < turns; t++) await Promise.resolve();
    device.gpu.destroy();
    let data: Float32Array[] = [];
    try {
      data = await within(5, reading);
    } catch (error) {
      assert.instance(error, DeviceLostError, String(error));
    }
    // What was read before the loss is data; zeros are not.
    for (const values of data) assert.ok(values.every((v) => Math.abs(v - Math.E) < 1e-5));
    await isDead(device);
  }
});

test("while waiting for work to finish", async () => {
  const device = await openDevice();
  let x = ones(device, [1_000_000]);
  for (let i = 0; i < 20; i++) x = exp(mul(x, 0.1));
  const done = device.finish();
  done.catch(() => undefined);
  device.gpu.destroy();
  try {
    await within(5, done);
  } catch (error) {
    assert.instance(error, DeviceLostError, String(error));
  }
  await isDead(device);
});

test("while a step is recorded and compiled", async () => {
  const device = await openDevice();
  const w = variable(device, Float32Array.of(1, 2, 3), [3], "w");
  const recording = record(device, () => exp(mul(add(w, 1), 2)));
  device.gpu.destroy();
  await isLost("record", () => recording);
  await isDead(device);
  const inside = await openDevice();
  await isLost("record", () =>
    record(inside, () => {
      const x = ones(inside, [3]);
      inside.gpu.destroy();
      return exp(x);
    }),
  );
  await isDead(inside);
});

test("in the middle of replays", async () => {
  const device = await openDevice();
  const w = variable(device, new Float32Array(1000).fill(1), [1000], "w");
  const { program, result } = await record(device, () => exp(add(w, 1)));
  program.run();
  assert.ok(Math.abs((await result.data())[999]! - Math.exp(2)) < 1e-4);
  program.run();
  device.gpu.destroy();
  await isLost("data", () => result.data());
  await isLost("run", () => program.run());
  await isLost("diagnose", () => program.diagnose());
  await isLost("profile", () => program.profile());
  await isLost("runEager", () => program.runEager());
  await isLost("write", () => device.write(w.value, Float32Array.of(1)));
  program.release();
  await isDead(device);
});

test("replays go on unnoticed until something is read, and then the loss is told", async () => {
  const device = await openDevice();
  const w = variable(device, new Float32Array(100).fill(1), [100], "w");
  const { program, result } = await record(device, () => add(w, 1));
  device.gpu.destroy();
  await isLost("replay and data", async () => {
    program.run();
    program.run();
    await result.data();
  });
});

test("closing is a loss, too, and names the last op", async () => {
  const device = await openDevice();
  const x = exp(ones(device, [3]));
  const reading = x.data();
  reading.catch(() => undefined);
  device.close();
  await isLost("a read under way", () => reading);
  await isLost("data", () => x.data());
  await isDead(device);
  assert.match(device.lost!.message, /^device lost \(exp\): the device was closed$/);
});

test("what would never be answered is given up", async () => {
  const device = await openDevice();
  const never = device.survive(new Promise(() => undefined));
  never.catch(() => undefined);
  device.gpu.destroy();
  await isLost("survive", () => never);
  await isLost("survive afterwards", () => device.survive(new Promise(() => undefined)));
});

test("zeros of a copy that was never carried out do not pass for data", async () => {
  const device = await openDevice();
  const x = ones(device, [100]);
  assert.is((await x.data())[0], 1);
  const { queue } = device.gpu;
  Object.defineProperty(queue, "submit", { value: () => undefined, configurable: true });
  await isLost("data", () => x.data());
  await isLost("finish", () => device.finish());
  Reflect.deleteProperty(queue, "submit");
  assert.is((await x.data())[99], 1);
  device.close();
});

test("scopes and garbage after a loss do no harm", async () => {
  const device = await openDevice();
  device.gpu.destroy();
  await isLost("scope", async () => {
    const y = device.scope(
      () => exp(ones(device, [3])),
      (t) => [t.value],
    );
    await y.data();
  });
  // Another device is not touched.
  const other = await openDevice();
  assert.equal([...(await add(ones(other, [2]), 1).data())], [2, 2]);
  other.close();
});

test.run();

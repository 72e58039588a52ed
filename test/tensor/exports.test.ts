import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { DeviceError, DeviceLostError, DTypeError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { assign } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import {
  blank,
  type Call,
  exportCalls,
  type Wanted,
  withoutTensors,
} from "../support/export-calls.ts";
import * as library from "../support/library.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("tensors as arguments of all exports");

let device: Device;
let calls: [string, Call][];
test.before(async () => {
  device = await testDevice();
  calls = Object.entries(exportCalls(device)).flatMap(([name, some]) =>
    some.map((call): [string, Call] => [name, call]),
  );
  await device.finish();
});

const quote = (text: string) => text.replace(/[[\].]/g, "\\$&");

const right = (on: Device, call: Call): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(call.takes).map(([name, w]) => [name, blank(on, w, w.dtypes[0]!)]),
  );

/** Each tensor of each call, and the call with something else in its place. */
function* places(): Generator<
  [string, Call, string, Wanted, (x: unknown) => () => unknown, RegExp["source"]]
> {
  for (const [name, call] of calls)
    for (const [argument, wanted] of Object.entries(call.takes)) {
      const others = right(device, call);
      const run = (x: unknown) => () => call.run({ ...others, [argument]: x as Tensor }, device);
      yield [name, call, argument, wanted, run, `^${quote(call.op)}: ${quote(argument)}`];
    }
}

/** Runs `body`, which must neither dispatch nor submit anything. */
async function idle(body: () => Promise<void>): Promise<void> {
  const { dispatches, submits } = device;
  await body();
  assert.equal([device.dispatches, device.submits], [dispatches, submits]);
}

test("every export is known, and its calls are right", () => {
  const known = [...new Set(calls.map(([name]) => name)), ...withoutTensors];
  assert.equal(known.sort(), Object.keys(library).sort());
  for (const [name, call] of calls) {
    if (call.computes) continue;
    device.sink = { part: undefined, add: () => undefined };
    try {
      call.run(right(device, call), device);
    } catch (error) {
      throw new Error(`${name}: ${error}`);
    } finally {
      device.sink = undefined;
    }
  }
});

test("of another device are refused before anything runs", async () => {
  const other = await openDevice();
  await idle(async () => {
    for (const [, call, argument, wanted, run, start] of places()) {
      const stranger = blank(other, wanted, wanted.dtypes[0]!);
      const [first, ...rest] = Object.keys(call.takes);
      if (argument !== first || call.bound)
        await rejects(
          run(stranger),
          DeviceError,
          new RegExp(`${start} is on another device than `),
        );
      else if (rest.length > 0)
        await rejects(
          run(stranger),
          DeviceError,
          new RegExp(
            `^${quote(call.op)}: .+ is on another device than ${quote(argument)}: all must`,
          ),
        );
    }
  });
  assert.is(other.dispatches, 0);
  other.close();
  for (const [, call] of calls)
    if (!call.bound)
      await rejects(
        () => call.run(right(other, call), other),
        DeviceLostError,
        /^device lost .*: the device was closed$/,
      );
});

test("of another type are refused before anything runs", () =>
  idle(async () => {
    for (const [, , , wanted, run, start] of places())
      for (const dtype of ["f32", "u32", "u8"] as const) {
        if (wanted.dtypes.includes(dtype)) continue;
        const pattern = `${start} holds ${dtype}, wanted ${wanted.dtypes.join(" or ")}`;
        await rejects(run(blank(device, wanted, dtype)), DTypeError, new RegExp(pattern));
      }
  }));

test("are named where something else stands", () =>
  idle(async () => {
    for (const [, call, argument, wanted, run, start] of places())
      for (const x of [undefined, null, "x", 1, [1], {}, new Map(), Promise.resolve(1)]) {
        if ((typeof x === "number" && wanted.orNumber) || (x === undefined && wanted.optional))
          continue;
        const help = x instanceof Promise ? ".*: await it$" : "";
        const pattern = `${start} is .+, wanted a tensor${help}`;
        await rejects(run(x), DTypeError, new RegExp(pattern)).catch((error: Error) => {
          throw new Error(`${call.op} ${argument} ${String(x)}: ${error.message}`);
        });
      }
  }));

test("of another device take no part in a recording", async () => {
  const other = await openDevice();
  const [x, y] = [library.ones(other, [2]), library.ones(device, [2])];
  const v = library.variable(other, new Float32Array(2), [2], "v");
  await rejects(
    () => library.record(device, () => library.mul(x, 2)),
    DeviceError,
    /^mul: its tensors are on another device than the one that records$/,
  );
  await rejects(
    () => library.record(device, () => [library.mul(y, 2), x]),
    DeviceError,
    /^record: .+, a result, is on another device$/,
  );
  await rejects(
    () => assign(v, y),
    DeviceError,
    /^assign: x is on another device than target: all must be on one$/,
  );
  // What makes calls without a check of its own is stopped by the device.
  const call = {
    op: "copy",
    pack: true,
    inputs: [y.value],
    target: v.value,
    offsets: [0],
  } as const;
  await rejects(() => other.emit(call), DeviceError, /^copy: .+ is on another device$/);
  other.close();
});

test.run();

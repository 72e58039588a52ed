import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { DeviceLostError, NoAdapterError } from "../../src/gpu/errors.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { Devices, metricsOf, type Texts, trace, trainInMemory } from "../support/training.ts";
import { within } from "../support/within.ts";

const test = suite("recovery from lost devices");

const options: Texts = { "save-every": "3", epochs: "3", ema: "0.9" };

let unbroken: Promise<ReturnType<typeof trace>> | undefined;

function wholeTrace(): Promise<ReturnType<typeof trace>> {
  unbroken ??= (async () => {
    const host = new MemoryHost();
    await trainInMemory(host, options);
    return trace(host);
  })();
  return unbroken;
}

/** Destroys the first device when it is read for the nth time, with the read-back under way. */
function destroyAtRead(nth: number): Devices {
  return new Devices((device, number) => {
    if (number > 1) return;
    let reads = 0;
    const { readBuffer } = device;
    device.readBuffer = (...place) => {
      const reading = readBuffer.apply(device, place);
      if (++reads === nth) device.gpu.destroy();
      return reading;
    };
  });
}

async function assertRecovers(what: string, devices: Devices, host = new MemoryHost()) {
  const notices: string[] = [];
  const hooks = { openDevice: devices.open, onNotice: (line: string) => notices.push(line) };
  await within(60, trainInMemory(host, options, hooks));
  assert.ok(devices.opened.length > 1, `${what}: no device was lost`);
  assert.ok(
    notices.some((line) => /^device lost .* with a new device \(1 of 3\)$/.test(line)),
    `${what}: ${notices}`,
  );
  const lost = metricsOf(host).filter(({ event }) => event === "device lost");
  assert.is(lost.length, devices.opened.length - 1, what);
  // It goes on from what was saved, instead of doing all of it again.
  const saved = /going on from step (\d+)/.exec(notices.join("\n"))?.[1] ?? "0";
  assert.is(String(lost[0]!.step), saved, what);
  const whole = await wholeTrace();
  assert.equal(trace(host).metrics, whole.metrics, what);
  assert.is(trace(host).checkpoint, whole.checkpoint, what);
}

/** Moments to lose a device at; on SwiftShader, which compiles for seconds on each device, every other. */
async function moments(all: readonly number[]): Promise<readonly number[]> {
  const { kind } = (await testDevice()).adapter;
  return kind === "swiftshader" ? all.filter((_, i) => i % 2 === 1) : all;
}

test("while everything is compiled", async () => {
  for (const turns of await moments([0, 3, 30])) {
    const devices = new Devices(async (device, number) => {
      if (number > 1) return;
      for (let t = 0; t < turns; t++) await Promise.resolve();
      device.gpu.destroy();
    });
    await assertRecovers(`after ${turns} turns`, devices);
  }
});

test("in the middle of steps", async () => {
  const host = new MemoryHost();
  const devices = new Devices();
  let seen = 0;
  const notices: string[] = [];
  await trainInMemory(host, options, {
    openDevice: devices.open,
    onNotice: (line) => notices.push(line),
    onProgress: () => {
      if (++seen === 5) devices.opened.at(-1)!.gpu.destroy();
    },
  });
  assert.is(devices.opened.length, 2, `${notices}`);
  const [, saved] = /going on from step (\d+) with a new device/.exec(notices[0]!)!;
  assert.ok(Number(saved) >= 3, notices[0]);
  assert.is(String(metricsOf(host).find(({ event }) => event === "device lost")!.step), saved);
  assert.is(trace(host).checkpoint, (await wholeTrace()).checkpoint);
});

test("in read-backs of steps, validation and saves", async () => {
  for (const nth of await moments([1, 4, 9, 16, 27]))
    await assertRecovers(`read ${nth}`, destroyAtRead(nth));
});

test("two losses in a row are two events", async () => {
  const host = new MemoryHost();
  const devices = new Devices((device, number) => {
    if (number > 2) return;
    let reads = 0;
    const { readBuffer } = device;
    device.readBuffer = (...place) => {
      const reading = readBuffer.apply(device, place);
      if (++reads === 2) device.gpu.destroy();
      return reading;
    };
  });
  await trainInMemory(host, options, { openDevice: devices.open });
  assert.is(devices.opened.length, 3);
  assert.is(metricsOf(host).filter(({ event }) => event === "device lost").length, 2);
  assert.is(trace(host).checkpoint, (await wholeTrace()).checkpoint);
});

test("while a checkpoint is written", async () => {
  const host = new MemoryHost();
  const devices = new Devices();
  const { writeAtomic } = host;
  let writes = 0;
  host.writeAtomic = (path, bytes) => {
    if (path.startsWith("r/checkpoints/") && ++writes === 2) devices.opened[0]!.gpu.destroy();
    return writeAtomic.call(host, path, bytes);
  };
  await assertRecovers("second checkpoint", devices, host);
});

test("a device that is lost in every try is given up after three", async () => {
  const host = new MemoryHost();
  const opened: Device[] = [];
  const devices = new Devices((device) => {
    opened.push(device);
    device.gpu.destroy();
  });
  await rejects(
    () => within(60, trainInMemory(host, options, { openDevice: devices.open })),
    DeviceLostError,
    /^device lost \(.*\): .*; 3 new devices were lost as well; nothing was saved$/,
  );
  assert.is(opened.length, 4);
  assert.equal(host.paths(), [], "a run that never began leaves nothing");
});

test("given up in the middle, the run keeps its checkpoint and can go on", async () => {
  const host = new MemoryHost();
  let seen = 0;
  const devices = new Devices((device, number) => {
    if (number > 1) device.gpu.destroy();
  });
  const hooks = {
    openDevice: devices.open,
    onProgress: () => {
      if (++seen === 6) devices.opened[0]!.gpu.destroy();
    },
  };
  await rejects(
    () => trainInMemory(host, options, hooks),
    DeviceLostError,
    /3 new devices were lost as well; r\/checkpoints\/last\.safetensors holds step \d+$/,
  );
  assert.is(devices.opened.length, 4);
  await trainInMemory(host, { ...options, resume: "true" });
  assert.is(trace(host).checkpoint, (await wholeTrace()).checkpoint);
});

test("an adapter that is not back yet counts as a try", async () => {
  const host = new MemoryHost();
  const devices = new Devices();
  let asked = 0;
  let seen = 0;
  await trainInMemory(host, options, {
    openDevice: async () => {
      asked++;
      if (asked === 2 || asked === 3) throw new NoAdapterError("no WebGPU adapter");
      return devices.open();
    },
    onProgress: () => {
      if (++seen === 4) devices.opened[0]!.gpu.destroy();
    },
  });
  assert.is(asked, 4);
  assert.is(trace(host).checkpoint, (await wholeTrace()).checkpoint);
  const nowhere = async () => {
    throw new NoAdapterError("no WebGPU adapter");
  };
  const first = () => trainInMemory(new MemoryHost(), options, { openDevice: nowhere });
  await rejects(first, NoAdapterError, /^no WebGPU adapter$/);
});

test.run();

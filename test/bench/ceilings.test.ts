import { suite } from "uvu";
import * as assert from "uvu/assert";
import { measureHalf } from "../../src/bench/ceilings.ts";
import type { Device } from "../../src/gpu/device.ts";
import { type OpenOptions, openDevice } from "../../src/gpu/open.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("ceilings");

test("f16 is measured on a device that the caller opens", async () => {
  const asked: unknown[] = [];
  const opened: Device[] = [];
  const open = async (options?: OpenOptions) => {
    asked.push(options);
    const device = await openDevice(); // without the feature, whatever the adapter has
    opened.push(device);
    return device;
  };
  const told: string[] = [];
  assert.equal(await measureHalf(open, (line) => told.push(line)), {});
  assert.equal(asked, [{ features: ["shader-f16"] }]);
  assert.equal(told, []);
  await rejects(() => opened[0]!.finish(), Error, /closed/);
});

test.run();

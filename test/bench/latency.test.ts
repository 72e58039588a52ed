import { suite } from "uvu";
import * as assert from "uvu/assert";
import { measureLatencies } from "../../src/bench/latency.ts";
import { openDevice } from "../../src/gpu/open.ts";

const test = suite("latencies");

test("what commands cost is measured, and all buffers are given back", async () => {
  const device = await openDevice();
  const before = device.pool.statistics().liveBytes;
  const { dispatchMicros, submitMicros, readBackMs } = await measureLatencies(device);
  assert.ok(dispatchMicros >= 0 && submitMicros > 0 && readBackMs > 0);
  assert.is(device.pool.statistics().liveBytes, before);
  device.close();
});

test.run();

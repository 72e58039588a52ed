/** The runner's figures: what a test file takes of the machine. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exp } from "../../src/autograd/ops/elementwise.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { tensor } from "../../src/tensor/create.ts";
import { usedSince, watchUsage } from "../support/usage.ts";
import { type FileResult, usageTable } from "../support/usage-table.ts";

const test = suite("usage of tests");

test("devices, shaders and processor time are counted", async () => {
  const used = await watchUsage();
  const before = used();
  const device = await openDevice();
  const x = tensor(device, [0, 0]);
  assert.equal([...(await exp(x).data())], [1, 1]);
  await exp(x).data(); // the same shader
  device.close();
  // More than a tick of processor time.
  const spin = performance.now() + 50;
  while (performance.now() < spin);
  const { devices, shaders, processes, cpuSeconds } = usedSince(before, used());
  assert.equal({ devices, shaders, processes }, { devices: 1, shaders: 1, processes: 0 });
  // From outside only, where the test is a page.
  if ("document" in globalThis) assert.is(cpuSeconds, undefined);
  else assert.ok(cpuSeconds! > 0 && cpuSeconds! < 60, `${cpuSeconds} s`);
});

const taken = (i: number): FileResult => ({
  runtime: i % 2 ? "deno" : "chrome",
  file: `test/${i}.test.ts`,
  cases: 10,
  seconds: 20 - i,
  cpuSeconds: i % 2 ? i : undefined,
  devices: 1,
  shaders: i,
  processes: 0,
});

test("the table shows the ten slowest files and the sums of each runtime", () => {
  const lines = usageTable([3, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(taken));
  assert.is(lines[0], "the slowest files:");
  assert.equal(
    lines.slice(1, 11).map((line) => line.match(/test\/(\d+)/)![1]),
    ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
  );
  assert.equal(lines.slice(11), [
    "all files of a runtime:",
    "  deno      84.0 s    36.0 s CPU    6 devices    36 shaders    0 processes  6 files, 60 cases",
    "  chrome    78.0 s       ? s CPU    6 devices    42 shaders    0 processes  6 files, 60 cases",
  ]);
  assert.equal(usageTable([]), []);
});

test.run();

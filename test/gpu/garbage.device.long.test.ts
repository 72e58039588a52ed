import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { detectRuntime, importAtRunTime } from "../../src/gpu/adapter-environment.ts";
import { garbageCollector } from "../../src/gpu/garbage.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { tensor } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { skip } from "../support/skip.ts";

const test = suite("garbage of a long loop");

/** Until the heap has its size. */
const WARM = 4_000;
const RUNS = 12_000;
/** Bytes that a replay may leave. Without collections it is some 1,800 in Deno. */
const MOST = 600;

/** Bytes of this process that are in memory and of no file. */
async function residentBytes(): Promise<number> {
  const fs = await importAtRunTime<typeof import("node:fs")>("node:fs");
  const status = fs.readFileSync("/proc/self/status", "utf8");
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]);
}

test("replays of a recorded step leave no memory behind", async () => {
  if (detectRuntime() !== "deno" || process.platform !== "linux")
    return skip("only Linux says how much memory a process has");
  const device = await openDevice({ collect: await garbageCollector() });
  try {
    const x = tensor(device, [1, 2]);
    const { program } = await record(device, () => add(x, 1));
    const replay = async (runs: number) => {
      for (let i = 0; i < runs; i++) {
        program.run();
        if (i % 100 === 99) await device.finish();
      }
      return residentBytes();
    };
    const before = await replay(WARM);
    const bytes = ((await replay(RUNS)) - before) / RUNS;
    assert.ok(bytes < MOST, `${Math.round(bytes)} bytes a replay`);
  } finally {
    device.close();
  }
});

test.run();

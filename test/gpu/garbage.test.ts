import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { detectRuntime } from "../../src/gpu/adapter-environment.ts";
import { Garbage, garbageCollector } from "../../src/gpu/garbage.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { tensor } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";

const test = suite("garbage");

/** Finalisers run behind the collection, in tasks of their own. */
const finalised = () => new Promise((resolve) => setTimeout(resolve, 50));

test("thousands of submits, or some read-backs of megabytes, bring about a collection", () => {
  let collections = 0;
  const garbage = new Garbage(() => {
    collections++;
  });
  for (let i = 0; i < 2000; i++) garbage.submitted();
  assert.is(collections, 0);
  for (let i = 0; i < 48; i++) garbage.submitted();
  assert.is(collections, 1);
  garbage.read(2 ** 22);
  garbage.submitted();
  assert.is(collections, 2);
  for (let i = 0; i < 2000; i++) garbage.submitted();
  garbage.tidy();
  assert.is(collections, 2);
  garbage.read(2 ** 22);
  garbage.tidy();
  assert.is(collections, 3);
});

test("looks for results count, too, where a submit is", () => {
  let collections = 0;
  let looks = 1_000_000; // before the device was opened
  const garbage = new Garbage(
    () => {
      collections++;
    },
    () => looks,
  );
  garbage.submitted();
  assert.is(collections, 0);
  for (let i = 0; i < 20; i++) {
    looks += 500;
    garbage.submitted();
  }
  assert.is(collections, 1);
});

test("the collector of Node and Deno collects; pages have none", async () => {
  const collect = await garbageCollector();
  const runtime = detectRuntime();
  assert.is(typeof collect, ["node", "deno"].includes(runtime) ? "function" : "undefined");
  if (!collect) return;
  let gone = false;
  const registry = new FinalizationRegistry(() => {
    gone = true;
  });
  registry.register(new Uint8Array(8), undefined);
  await finalised();
  // A busy machine may take its time to run finalisers.
  for (let tries = 0; !gone && tries < 20; tries++) {
    collect();
    await finalised();
  }
  assert.ok(gone);
});

test("a device tells its collector while a recorded step is replayed", async () => {
  let collections = 0;
  const collect = () => {
    collections++;
  };
  const device = await openDevice({ collect });
  try {
    const x = tensor(device, [1, 2]);
    const { program, result } = await record(device, () => add(x, 1));
    for (let i = 0; i < 4200; i++) {
      program.run();
      if (i % 500 === 499) await result.data();
    }
    assert.is(collections, 2);
  } finally {
    device.close();
  }
});

test.run();

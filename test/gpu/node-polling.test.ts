import { suite } from "uvu";
import * as assert from "uvu/assert";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { detectRuntime, importAtRunTime } from "../../src/gpu/adapter-environment.ts";
import { looksForResults } from "../../src/gpu/garbage.ts";
import { Pacing } from "../../src/gpu/node-polling.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { full } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { skip } from "../support/skip.ts";

const test = suite("polling of Dawn for Node");

/** A pacing, the pauses that it made (0: none), and what is planned next. */
function paced() {
  const pauses: number[] = [];
  const planned: (() => void)[] = [];
  const pacing = new Pacing(
    (look) => {
      pauses.push(0);
      planned.push(look);
    },
    (look, milliseconds) => {
      pauses.push(milliseconds);
      planned.push(look);
    },
  );
  return { pacing, pauses, next: () => planned.shift()?.() };
}

/** What settles a promise: a function without a name or a text. */
function resolveOf(): () => void {
  let found: (() => void) | undefined;
  new Promise<void>((resolve) => {
    found = resolve;
  });
  return found!;
}

const count = (pauses: readonly number[], pause: number) =>
  pauses.filter((each) => each === pause).length;

test("a long wait is looked at now and then, a new one at once", () => {
  const { pacing, pauses, next } = paced();
  let more = 0;
  const look = () => {
    if (more-- > 0) pacing.plan(look);
  };
  const wait = (looks: number) => {
    pauses.length = 0;
    more = looks - 1;
    pacing.plan(look);
    for (let i = 0; i < looks; i++) next();
  };
  wait(1000);
  assert.equal([count(pauses, 0), count(pauses, 1), count(pauses, 4)], [200, 100, 700]);
  assert.equal(
    pauses,
    [...pauses].sort((a, b) => a - b),
  );
  wait(250);
  assert.equal([count(pauses, 0), count(pauses, 1)], [200, 50]);
  assert.is(pacing.looks, 1250);
});

test("a look that fails is over", () => {
  const { pacing, pauses, next } = paced();
  pacing.plan(() => {
    throw new Error("of the look");
  });
  assert.throws(next, "of the look");
  for (let i = 0; i < 300; i++) pacing.plan(() => undefined); // each a wait of its own
  assert.is(count(pauses, 0), 301);
});

test("the main thread rests while it waits", async () => {
  if (detectRuntime() !== "node") return skip("only Dawn for Node looks by itself");
  const device = await openDevice();
  try {
    const side = 256;
    const x = full(device, [side, side], 1 / side);
    const { program, result } = await record(device, () => matmul(matmul(x, x), x));
    const work = async (runs: number) => {
      const begin = performance.now();
      const before = looksForResults();
      for (let i = 0; i < runs; i++) program.run();
      await result.data();
      return { milliseconds: performance.now() - begin, looks: looksForResults() - before };
    };
    let runs = 1;
    let { milliseconds, looks } = await work(runs);
    // Until it is long beside the looks with which a wait begins.
    while (milliseconds < 1000) {
      runs *= 2;
      ({ milliseconds, looks } = await work(runs));
    }
    assert.ok(looks > 0, "it looked");
    assert.ok(looks < 2 * milliseconds, `${looks} looks in ${Math.round(milliseconds)} ms`);
  } finally {
    device.close();
  }
});

test("what programs give to setImmediate comes at the next turn, with its values", async () => {
  if (detectRuntime() !== "node") return skip("nothing is changed elsewhere");
  const { promisify } = await importAtRunTime<typeof import("node:util")>("node:util");
  const { clearImmediate, setImmediate } =
    await importAtRunTime<typeof import("node:timers")>("node:timers");
  const device = await openDevice();
  try {
    const global = globalThis as unknown as { setImmediate: typeof setImmediate };
    assert.is.not(global.setImmediate, setImmediate);
    const values = await new Promise((resolve) =>
      global.setImmediate((...given: unknown[]) => resolve(given), 1, "b"),
    );
    assert.equal(values, [1, "b"]);
    assert.is(await promisify(global.setImmediate)("value"), "value");
    let called = false;
    clearImmediate(
      global.setImmediate(() => {
        called = true;
      }),
    );
    // Without a name, too, they are not taken for Dawn's: each gives what can be cleared.
    for (const callback of [() => undefined, (() => undefined).bind(undefined), resolveOf()])
      assert.type(global.setImmediate(callback), "object");
    await new Promise((resolve) => global.setImmediate(resolve));
    assert.not.ok(called);
    assert.throws(() => global.setImmediate(undefined as never), /callback/);
  } finally {
    device.close();
  }
});

test.run();

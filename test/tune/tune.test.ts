import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { DeviceLostError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { matmulCalls } from "../../src/kernels/matmul.ts";
import type { TunableKernel } from "../../src/kernels/variants.ts";
import { parseVariant, type Variant } from "../../src/kernels/variants.ts";
import { difference, tune, winnerOf } from "../../src/tune/tune.ts";
import { merged } from "../../src/tune/tune-models.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("tuning");

/** One of its own: on a device that is shared others' garbage goes while memory is counted. */
let device: Device;
test.before(async () => {
  device = await openDevice();
});
test.after(() => device.close());

const g = { batch: 1, m: 24, n: 16, k: 12, transposeA: false, transposeB: false };

/** A small product; `wrong` computes another one. */
function product(candidates: readonly string[], wrong?: string): TunableKernel {
  return {
    kernel: "matmul",
    shape: "a small one",
    candidates,
    reference: "registers 1x4",
    operands: [g.m * g.k, g.k * g.n],
    result: g.m * g.n,
    calls: ([a, b], c, variant) => {
      const turned = variant === wrong ? { ...g, transposeB: true } : g;
      return matmulCalls("matmul", a!, b!, turned, c, parseVariant(variant) as Variant);
    },
  };
}

const used = (device: Device): number => device.pool.statistics().liveBytes;

test("measures what is right, refuses what is wrong or cannot be made, and leaves nothing behind", async () => {
  const before = used(device);
  const bad = ["registers 8x4", "registers 3x3"]; // another product; no width of a load
  const asked = product(["registers 4x4", "registers 8x8", ...bad], bad[0]);
  const { tuned, skipped, choices } = await tune(device, [asked], { seconds: 60, bytes: 2 ** 20 });
  const [result] = tuned;
  assert.equal(Object.keys(result?.ms ?? {}), ["registers 4x4", "registers 8x8"]);
  assert.ok(Object.values(result?.ms ?? {}).every((ms) => ms > 0));
  assert.match(result?.refused[bad[0] as string] ?? "", /^element \d+ is .*, which should be/);
  assert.ok(result?.refused[bad[1] as string]);
  assert.is(result?.heuristic, "registers 4x4");
  assert.equal(skipped, []);
  const winner = result?.winner === "registers 4x4" ? {} : { "matmul a small one": result?.winner };
  assert.equal(choices, winner);
  assert.is(used(device), before);
});

test("leaves a kernel to the heuristic where it takes too much memory or time", async () => {
  const before = used(device);
  const asked = [product(["registers 4x4", "registers 8x8"])];
  const large = await tune(device, asked, { seconds: 60, bytes: 1024 });
  const small = { kernel: "matmul", shape: "a small one" };
  // On software adapters each operand has a texture of at least one row.
  const textures = device.target.software ? 2 * 2 ** 16 : 0;
  const takes = (bytes: number) => `it takes ${bytes + textures} bytes, all variants together`;
  assert.equal(large, { tuned: [], skipped: [{ ...small, reason: takes(4992) }], choices: {} });
  // Shares of the sum, and operands as f16.
  for (const [variant, more] of [
    ["registers 8x8 splits 3", 4 * 3 * g.m * g.n],
    ["registers 8x8 half", 2 * (g.m * g.k + g.k * g.n)],
  ] as const) {
    const other = [product(["registers 4x4", variant])];
    const { skipped } = await tune(device, other, { seconds: 60, bytes: 1024 });
    assert.equal(skipped, [{ ...small, reason: takes(4992 + more) }]);
  }
  const late = await tune(device, asked, { seconds: -1, bytes: 2 ** 20 });
  const up = { ...small, reason: "the time was up" };
  assert.equal(late, { tuned: [], skipped: [up], choices: {} });
  assert.is(used(device), before);
});

test("leaves a kernel whose plainest variant does not run, and goes on with the next", async () => {
  const device = await openDevice({ memoryLimit: 2 ** 20 });
  try {
    const good = product(["registers 4x4"]);
    const uncompiled = { ...good, shape: "no width of a load", reference: "registers 3x3" };
    const broken: TunableKernel = {
      ...good,
      shape: "a broken one",
      calls: () => {
        throw new Error("no such kernel");
      },
    };
    // The first operand fits, the second does not.
    const large = { ...good, shape: "a large one", operands: [2 ** 17, 2 ** 18] };
    const before = used(device);
    const asked = [uncompiled, broken, large, good];
    const { tuned, skipped } = await tune(device, asked, { seconds: 60, bytes: 2 ** 30 });
    assert.equal(
      skipped.map(({ kernel, shape }) => `${kernel}, ${shape}`),
      ["matmul, no width of a load", "matmul, a broken one", "matmul, a large one"],
    );
    assert.match(skipped[0]?.reason ?? "", /^matmul: /);
    assert.is(skipped[1]?.reason, "no such kernel");
    assert.match(skipped[2]?.reason ?? "", /^out of GPU memory: operand 1 wants 1048576 bytes, /);
    assert.equal(
      tuned.map(({ shape }) => shape),
      ["a small one"],
    );
    assert.is(used(device), before);
    assert.is(device.pool.statistics().idleBytes, 0);
  } finally {
    device.close();
  }
});

test("stops between two variants when it is told to, and keeps the kernels before", async () => {
  const before = used(device);
  const [first, second, third] = ["first", "second", "third"].map((shape) => ({
    ...product(["registers 4x4", "registers 8x8"]),
    shape,
  })) as [TunableKernel, TunableKernel, TunableKernel];
  const entered: string[] = [];
  const watched: TunableKernel = {
    ...second,
    calls: (operands, result, variant) => {
      entered.push(variant);
      return second.calls(operands, result, variant);
    },
  };
  let stopped = false;
  const { tuned, skipped } = await tune(device, [first, watched, third], {
    seconds: 60,
    bytes: 2 ** 20,
    stop: () => {
      stopped ||= entered.includes("registers 4x4");
      return stopped;
    },
  });
  assert.equal(
    tuned.map(({ shape }) => shape),
    ["first"],
  );
  const reason = "the tuning was stopped";
  assert.equal(skipped, [
    { kernel: "matmul", shape: "second", reason },
    { kernel: "matmul", shape: "third", reason },
  ]);
  assert.equal(entered, [second.reference, "registers 4x4"]);
  assert.is(used(device), before);
});

test("leaves the kernel at work when the time is up, unless it is the first", async () => {
  const before = used(device);
  const { now } = performance;
  let skipped = 0;
  /** A kernel that takes an hour to be entered. */
  const slow = (shape: string): TunableKernel => {
    const asked = product(["registers 4x4", "registers 8x8"]);
    return {
      ...asked,
      shape,
      calls: (...parameters) => {
        skipped += 3.6e6;
        return asked.calls(...parameters);
      },
    };
  };
  const quick = { ...product(["registers 4x4"]), shape: "quick" };
  Object.defineProperty(performance, "now", {
    value: () => now.call(performance) + skipped,
    configurable: true,
  });
  try {
    for (const [asked, measured] of [
      [[quick, slow("slow"), quick], ["quick"]],
      [[slow("slow"), quick], ["slow"]],
    ] as const) {
      const { tuned, skipped } = await tune(device, asked, { seconds: 1800, bytes: 2 ** 20 });
      const shapes = (kernels: readonly { shape: string }[]) => kernels.map(({ shape }) => shape);
      assert.equal(shapes(tuned), measured);
      assert.equal(shapes(skipped), shapes(asked.slice(1)));
      assert.ok(skipped.every(({ reason }) => reason === "the time was up"));
    }
  } finally {
    Reflect.deleteProperty(performance, "now");
  }
  assert.is(used(device), before);
});

test("ends with the device", async () => {
  const device = await openDevice();
  const last: TunableKernel = {
    ...product(["registers 4x4"]),
    calls: () => {
      device.close();
      throw new Error("what follows from that");
    },
  };
  const next = product(["registers 4x4"]);
  await rejects(
    () => tune(device, [last, next], { seconds: 60, bytes: 2 ** 20 }),
    DeviceLostError,
    /the device was closed/,
  );
});

test("takes another variant only where it is clearly faster", () => {
  assert.is(winnerOf({ a: 10, b: 9.8 }, "a"), "a");
  assert.is(winnerOf({ a: 10, b: 9, c: 8 }, "a"), "c");
  assert.is(winnerOf({ b: 9 }, "a"), "b", "the heuristic's was refused");
});

test("compares with the reference by its size, and notices what is no number", () => {
  const reference = Float32Array.of(1, -1, 2, 0);
  assert.is(difference(Float32Array.of(1, -1, 2.0001, 0), reference, false), undefined);
  assert.match(difference(Float32Array.of(1, -1, 2.001, 0), reference, false) ?? "", /element 2/);
  assert.is(difference(Float32Array.of(1, -1, 2.001, 0), reference, true), undefined);
  assert.match(difference(Float32Array.of(1, Number.NaN, 2, 0), reference, true) ?? "", /NaN/);
});

test("replaces what a table knew of the same kernels, and keeps the rest", () => {
  const candidates = ["h", "w"];
  const measured = { ms: {}, refused: {}, candidates, heuristic: "h", winner: "h" };
  const report = {
    tuned: [
      { ...measured, kernel: "matmul", shape: "A" },
      { ...measured, kernel: "matmul", shape: "B", winner: "w" },
    ],
    skipped: [],
    choices: { "matmul B": "w" },
  };
  const known = {
    choices: { "matmul A": "old", "matmul C": "other" },
    measured: { "matmul A": ["h", "old"], "matmul C": ["x", "other"], "matmul D": ["x"] },
  };
  assert.equal(merged(known, report), {
    choices: { "matmul C": "other", "matmul B": "w" },
    measured: {
      "matmul A": candidates,
      "matmul B": candidates,
      "matmul C": ["x", "other"],
      "matmul D": ["x"],
    },
  });
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { difference, tune, winnerOf } from "../../src/bench/tune.ts";
import { merged } from "../../src/bench/tune-models.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { VariantQuestion } from "../../src/gpu/variant-table.ts";
import { matmulCalls } from "../../src/kernels/matmul.ts";
import { parseVariant, type Variant } from "../../src/kernels/variants.ts";
import { testDevice } from "../support/device.ts";

const test = suite("tuning");

const g = { batch: 1, m: 24, n: 16, k: 12, transposeA: false, transposeB: false };

/** A question with a small product; `wrong` computes another one. */
function question(candidates: readonly string[], wrong?: string): VariantQuestion {
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
  const device = await testDevice();
  const before = used(device);
  const bad = ["registers 8x4", "registers 3x3"]; // another product; no width of a load
  const asked = question(["registers 4x4", "registers 8x8", ...bad], bad[0]);
  const { tuned, left, choices } = await tune(device, [asked], { seconds: 60, bytes: 2 ** 20 });
  const [result] = tuned;
  assert.equal(Object.keys(result?.ms ?? {}), ["registers 4x4", "registers 8x8"]);
  assert.ok(Object.values(result?.ms ?? {}).every((ms) => ms > 0));
  assert.match(result?.refused[bad[0] as string] ?? "", /^element \d+ is .*, which should be/);
  assert.ok(result?.refused[bad[1] as string]);
  assert.is(result?.heuristic, "registers 4x4");
  assert.equal(left, []);
  const winner = result?.winner === "registers 4x4" ? {} : { "matmul a small one": result?.winner };
  assert.equal(choices, winner);
  assert.is(used(device), before);
});

test("leaves a kernel to the heuristic where it takes too much memory or time", async () => {
  const device = await testDevice();
  const before = used(device);
  const asked = [question(["registers 4x4", "registers 8x8"])];
  const large = await tune(device, asked, { seconds: 60, bytes: 1024 });
  assert.equal(large, { tuned: [], left: ["matmul a small one"], choices: {} });
  const late = await tune(device, asked, { seconds: -1, bytes: 2 ** 20 });
  assert.equal(late, { tuned: [], left: ["matmul a small one"], choices: {} });
  assert.is(used(device), before);
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
  const measured = { ms: {}, refused: {}, heuristic: "h", winner: "h" };
  const report = {
    tuned: [
      { ...measured, kernel: "matmul", shape: "A" },
      { ...measured, kernel: "matmul", shape: "B", winner: "w" },
    ],
    left: [],
    choices: { "matmul B": "w" },
  };
  assert.equal(merged({ "matmul A": "old", "matmul C": "other" }, report), {
    "matmul C": "other",
    "matmul B": "w",
  });
});

test.run();

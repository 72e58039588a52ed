import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  glorotNormal,
  glorotUniform,
  HostRandom,
  heNormal,
  heUniform,
  type Initialiser,
  zerosInit,
} from "../../src/nn/initialisers.ts";

const test = suite("initialisers");

function variance(x: Float32Array): number {
  return x.reduce((sum, v) => sum + v * v, 0) / x.length;
}

/** FNV-1a of the bits. */
function hash(x: Float32Array<ArrayBuffer>): string {
  let h = 0x811c9dc5;
  for (const byte of new Uint8Array(x.buffer)) h = Math.imul(h ^ byte, 0x01000193);
  return (h >>> 0).toString(16);
}

test("every runtime draws the same bits", () => {
  assert.equal(hash(new HostRandom(1).uniform(1000)), "23586a2d");
  assert.equal(hash(new HostRandom(1).normal(100_000)), "9bd8e125");
});

test("numbers go on where the last draw ended", () => {
  const whole = new HostRandom(4).uniform(11);
  const parts = new HostRandom(4);
  assert.equal([...parts.uniform(3), ...parts.uniform(1), ...parts.uniform(7)], [...whole]);
});

test("seeds and streams are independent, large seeds included", () => {
  const draws = [
    new HostRandom(1),
    new HostRandom(2),
    new HostRandom(1 + 2 ** 32),
    new HostRandom(2 ** 53 - 1),
    new HostRandom(1, 1),
  ].map((random) => random.uniform(50));
  for (const [i, a] of draws.entries())
    for (const b of draws.slice(i + 1)) assert.is(a.filter((v) => b.includes(v)).length, 0);
  assert.throws(() => new HostRandom(-1), /seed is -1/);
  assert.throws(() => new HostRandom(1.5), /seed is 1.5/);
});

test("uniform numbers fill [0, 1)", () => {
  const u = new HostRandom(8).uniform(100_000);
  const bins = new Array<number>(20).fill(0);
  for (const v of u) bins[Math.floor(v * 20)] = (bins[Math.floor(v * 20)] as number) + 1;
  const chi = bins.reduce((sum, c) => sum + (c - 5000) ** 2 / 5000, 0);
  assert.is(bins.length, 20);
  assert.ok(chi < 55, `χ² = ${chi} with 19 degrees of freedom`);
});

test("normal numbers have the normal distribution's moments", () => {
  const n = 100_001;
  const x = new HostRandom(9).normal(n);
  const moment = (k: number) => x.reduce((sum, v) => sum + v ** k, 0) / n;
  assert.ok(Math.abs(moment(1)) < 5 / Math.sqrt(n));
  assert.ok(Math.abs(moment(2) - 1) < (5 * Math.SQRT2) / Math.sqrt(n));
  assert.ok(Math.abs(moment(4) - 3) < (5 * 9.8) / Math.sqrt(n));
  assert.ok(x.some((v) => v > 3.5) && x.some((v) => v < -3.5));
  assert.ok(x.every((v) => Math.abs(v) < 7));
});

const cases: [string, Initialiser, number, number | undefined][] = [
  // fan-in 300, fan-out 100: the variance, and the bound of the uniform ones
  ["glorotUniform", glorotUniform, 2 / 400, Math.sqrt(6 / 400)],
  ["glorotNormal", glorotNormal, 2 / 400, undefined],
  ["heUniform", heUniform, 2 / 300, Math.sqrt(6 / 300)],
  ["heNormal", heNormal, 2 / 300, undefined],
];

for (const [name, initialise, wanted, bound] of cases)
  test(`${name} has its variance`, () => {
    const weights = initialise(new HostRandom(2), [300, 100], 300, 100);
    assert.is(weights.length, 30_000);
    assert.ok(Math.abs(variance(weights) / wanted - 1) < 0.05);
    if (bound === undefined) return;
    assert.ok(weights.every((w) => Math.abs(w) <= bound));
    assert.ok(weights.some((w) => w > 0.99 * bound) && weights.some((w) => w < -0.99 * bound));
  });

test("zeros are zeros, and draw nothing", () => {
  const random = new HostRandom(1);
  assert.equal(zerosInit(random, [2, 3], 2, 3), new Float32Array(6));
  assert.equal(random.uniform(4), new HostRandom(1).uniform(4));
});

test.run();

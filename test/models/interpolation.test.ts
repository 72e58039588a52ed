import { suite } from "uvu";
import * as assert from "uvu/assert";
import { choosePairs } from "../../src/figures/interpolate.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { interpolationRows, lerp, slerp } from "../../src/models/interpolation.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("interpolation");

const vector = (...values: number[]) => Float64Array.from(values);
const near = (found: Float64Array, expected: readonly number[], tolerance = 1e-12) => {
  assert.is(found.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs(found[i]! - value) <= tolerance, `${found} is not ${expected}`);
};

test("lerp is the straight line", () => {
  near(lerp(vector(0, 2), vector(4, -2), 0.25), [1, 1]);
});

test("slerp goes along the arc at a steady angle", () => {
  const [a, b] = [vector(1, 0, 0), vector(0, 1, 0)];
  for (const t of [0, 0.25, 1 / 3, 0.5, 1]) {
    const angle = (t * Math.PI) / 2;
    near(slerp(a, b, t), [Math.cos(angle), Math.sin(angle), 0]);
  }
  const oblique = vector(Math.cos(2), Math.sin(2), 0);
  near(slerp(a, oblique, 0.3), [Math.cos(0.6), Math.sin(0.6), 0]);
});

test("slerp of vectors of two lengths: Shoemake's weights", () => {
  const found = slerp(vector(2, 0), vector(0, 3), 0.5);
  near(found, [2 * Math.SQRT1_2, 3 * Math.SQRT1_2]);
});

test("slerp keeps the length of long random vectors, lerp does not", () => {
  const random = new HostRandom(1);
  const draw = () => {
    const v = Float64Array.from(random.normal(200));
    const length = Math.hypot(...v);
    return v.map((x) => x / length);
  };
  const [a, b] = [draw(), draw()];
  assert.ok(Math.abs(Math.hypot(...slerp(a, b, 0.5)) - 1) < 1e-12);
  assert.ok(Math.hypot(...lerp(a, b, 0.5)) < 0.8);
});

test("without an arc slerp is lerp: parallel, opposite and zero vectors", () => {
  for (const [a, b] of [
    [vector(1, 2), vector(2, 4)],
    [vector(1, 2), vector(-1, -2)],
    [vector(0, 0), vector(3, 1)],
    [vector(1, 1), vector(1 + 1e-9, 1)],
    [vector(5), vector(-2)],
  ] as const) {
    const found = slerp(a, b, 0.25);
    near(found, [...lerp(a, b, 0.25)]);
    assert.ok(found.every(Number.isFinite));
  }
});

test("rows begin and end at their codes", () => {
  const codes = Float32Array.of(1, 0, 0, 1, 2, 2, 4, 4);
  const z = interpolationRows(codes, { rows: 2, steps: 3, latent: 2 }, "lerp");
  assert.equal([...z], [1, 0, 0.5, 0.5, 0, 1, 2, 2, 3, 3, 4, 4]);
});

test("pairs are of two classes where there are two, and never one image twice", async () => {
  const split = (labels: number[]) => ({
    images: new Uint8Array(labels.length),
    labels: Uint8Array.from(labels),
    count: labels.length,
  });
  const mixed = split(Array.from({ length: 100 }, (_, i) => i % 5));
  const pairs = choosePairs(mixed, 50, 3);
  assert.is(pairs.length, 100);
  for (let i = 0; i < 100; i += 2)
    assert.is.not(mixed.labels[pairs[i]!], mixed.labels[pairs[i + 1]!]);
  assert.equal(choosePairs(mixed, 50, 3), pairs, "the seed decides");
  assert.not.equal(choosePairs(mixed, 50, 4), pairs);
  const one = choosePairs(split([0, 0]), 20, 1);
  for (let i = 0; i < 40; i += 2) assert.is.not(one[i], one[i + 1]);
  await rejects(() => choosePairs(split([0]), 1, 1), DataError, /1 test images are not two/);
});

test.run();

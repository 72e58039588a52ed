import { suite } from "uvu";
import * as assert from "uvu/assert";
import { makeGlyphs } from "../../src/data/glyphs.ts";
import { permutation } from "../../src/data/hash.ts";
import { selectImages, splitTraining } from "../../src/data/splits.ts";

const test = suite("splits");

test("holds out a tenth, chosen by the seed; both parts are all, once, in order", () => {
  const { train, validation } = splitTraining({ count: 60_000 }, 1);
  assert.equal([train.length, validation.length], [55_000, 5_000]);
  assert.is(new Set([...train, ...validation]).size, 60_000);
  for (const part of [train, validation]) {
    assert.ok(part.every((index, i) => i === 0 || index > part[i - 1]!));
  }
  assert.equal(splitTraining({ count: 60_000 }, 1).validation, validation);
  assert.not.equal(splitTraining({ count: 60_000 }, 2).validation, validation);
});

test("a limit keeps the first training images and does not change validation", () => {
  const whole = splitTraining({ count: 60_000 }, 7);
  const limited = splitTraining({ count: 60_000 }, 7, { limit: 10_000 });
  assert.equal(limited.train, whole.train.subarray(0, 10_000));
  assert.equal(limited.validation, whole.validation);
  assert.is(splitTraining({ count: 60_000 }, 7, { limit: 10 ** 9 }).train.length, 55_000);
});

test("a tenth is at most 5,000 and at least one image; a number sets it, 0 holds none out", () => {
  const held = (count: number, validation?: number) =>
    splitTraining({ count }, 1, { validation }).validation.length;
  assert.equal(
    [1, 2, 19, 72, 50_000, 50_010].map((count) => held(count)),
    [0, 1, 1, 7, 5000, 5000],
  );
  assert.equal([held(72, 30), held(72, 72), held(72, 99)], [30, 72, 72]);
  const { train, validation } = splitTraining({ count: 60_000 }, 1, { validation: 0 });
  assert.equal([train.length, validation.length], [60_000, 0]);
  assert.ok(train.every((index, i) => index === i));
});

test("the images of a set without groups are chosen as they always were", () => {
  const { train, validation } = splitTraining({ count: 20 }, 3, { validation: 10 });
  assert.equal([...validation], [2, 6, 8, 9, 12, 13, 14, 17, 18, 19]);
  assert.is(train.length, 10);
  const all = splitTraining({ count: 60_000 }, 1).validation;
  assert.equal([all[0], all[1], all[2500], all[4999]], [2, 33, 29455, 59997]);
});

test("images of a group are held out together, or none of them", () => {
  const groups = Uint32Array.from({ length: 24_000 }, (_, i) => 7 * (i % 6_000));
  const { train, validation } = splitTraining({ count: 24_000, groups }, 1, { validation: 5_000 });
  assert.equal([train.length, validation.length], [19_000, 5_000]);
  const held = new Set(Array.from(validation, (i) => groups[i]!));
  assert.is(held.size, 1_250);
  assert.not.ok(train.some((i) => held.has(groups[i]!)));
  for (const part of [train, validation]) {
    assert.ok(part.every((index, i) => i === 0 || index > part[i - 1]!));
  }
  const again = (seed: number) =>
    splitTraining({ count: 24_000, groups }, seed, { validation: 5_000 }).validation;
  assert.equal(again(1), validation);
  assert.not.equal(again(2), validation);
  const limited = splitTraining({ count: 24_000, groups }, 1, { validation: 5_000, limit: 500 });
  assert.equal(limited, { train: train.subarray(0, 500), validation });
  const whole = splitTraining({ count: 24_000, groups }, 1, { validation: 0 });
  assert.equal([whole.train.length, whole.validation.length], [24_000, 0]);
});

test("groups that do not divide what is held out: no more than it", () => {
  const threes = Uint32Array.from({ length: 30_000 }, (_, i) => Math.floor(i / 3));
  assert.is(splitTraining({ count: 30_000, groups: threes }, 1).validation.length, 3_000);
  const most = splitTraining({ count: 30_000, groups: threes }, 1, { validation: 5_000 });
  assert.is(most.validation.length, 4_998);
  const one = new Uint32Array(10);
  assert.equal(splitTraining({ count: 10, groups: one }, 1).validation.length, 0);
});

test("a permutation is spread evenly", () => {
  // Mean of the first tenth over many seeds: its spread is that of a uniform choice.
  let sum = 0;
  for (let seed = 0; seed < 200; seed++) {
    sum +=
      permutation(1000, seed, 0)
        .subarray(0, 100)
        .reduce((a, b) => a + b) / 100;
  }
  assert.ok(Math.abs(sum / 200 - 499.5) < 10, `mean ${sum / 200}`);
});

test("selects images with their labels and factors", () => {
  const split = makeGlyphs(12, 1, 0);
  const chosen = selectImages(split, Uint32Array.of(11, 3));
  assert.is(chosen.count, 2);
  assert.equal([...chosen.labels], [1, 3]);
  assert.equal(chosen.images.subarray(784), split.images.subarray(3 * 784, 4 * 784));
  assert.equal(chosen.factors!.values.subarray(0, 5), split.factors!.values.subarray(55, 60));
});

test("what is known of images goes with them", () => {
  const split = {
    images: Uint8Array.of(10, 11, 12, 13),
    labels: Uint16Array.of(1000, 1001, 1002, 1003),
    count: 4,
    attributes: { drawer: Uint8Array.of(1, 2, 3, 4) },
    factors: { names: ["a", "b"], values: Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7) },
    groups: Uint32Array.of(5, 5, 9, 9),
  };
  assert.equal(selectImages(split, Uint32Array.of(2, 0)), {
    images: Uint8Array.of(12, 10),
    labels: Uint16Array.of(1002, 1000),
    count: 2,
    attributes: { drawer: Uint8Array.of(3, 1) },
    factors: { names: ["a", "b"], values: Float32Array.of(4, 5, 0, 1) },
    groups: Uint32Array.of(9, 5),
  });
});

test.run();

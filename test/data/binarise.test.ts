import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RandomKey, randomUniform } from "../../src/autograd/ops/random.ts";
import { binarise, binariseDataset, binariseSplit } from "../../src/data/binarise.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import type { Split } from "../../src/data/types.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";

const test = suite("binarise");

/** `count` images of one pixel of this value. */
const constant = (value: number, count: number): Split => ({
  images: new Uint8Array(count).fill(value),
  labels: new Uint8Array(count),
  count,
});

const share = (images: ArrayLike<number>) =>
  Array.from(images).reduce((sum, value) => sum + value, 0) / 255 / images.length;

test("static: a pixel p is white with probability p/255, and 0 and 255 stay", () => {
  const count = 100_000;
  for (const value of [0, 1, 64, 128, 200, 254, 255]) {
    const { images } = binariseSplit(constant(value, count), 0);
    assert.ok(images.every((pixel) => pixel === 0 || pixel === 255));
    const p = value / 255;
    const deviation = Math.sqrt((p * (1 - p)) / count);
    const got = share(images);
    assert.ok(Math.abs(got - p) <= 4 * deviation, `${value}: ${got}, expected ${p}`);
  }
});

test("static: the same on every run and runtime, other numbers for the test part", () => {
  const grey = constant(128, 64);
  const bits = (stream: number) =>
    [...binariseSplit(grey, stream).images].map((pixel) => pixel & 1).join("");
  assert.is(bits(0), "0011010110111111100101100000100100101100011100100101001110101011");
  assert.not.equal(bits(0), bits(1));
  const data = loadGlyphs(20, 10, 1);
  const binary = binariseDataset(data);
  assert.equal(binary.train.images, binariseSplit(data.train, 0).images);
  assert.equal(binary.test.images, binariseSplit(data.test, 1).images);
  assert.is(binary.train.labels, data.train.labels);
  assert.is(binary.train.factors, data.train.factors);
  assert.ok(
    data.train.images.some((pixel) => pixel > 0 && pixel < 255),
    "the input is left alone",
  );
});

test("dynamic: ones and zeros with the probability of the value, new ones at each step", async () => {
  const device = await testDevice();
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const key: RandomKey = { seed: [1, 2], step, stream: 0 };
  const count = 20_000;
  const x = tensor(
    device,
    Float32Array.from({ length: 4 * count }, (_, i) => [0, 1, 0.25, 200 / 255][i % 4]!),
    [count, 4],
  );
  const { program, result } = await record(device, () => binarise(x, key));
  const run = async (at: number) => {
    step.set(Uint32Array.of(at));
    program.run();
    return result.data();
  };
  const first = await run(1);
  const second = await run(2);
  assert.equal(await run(1), first, "a step gives the same numbers again");
  assert.not.equal(first, second);
  for (const values of [first, second]) {
    const sums = [0, 0, 0, 0];
    for (const [i, value] of values.entries()) {
      assert.ok(value === 0 || value === 1);
      sums[i % 4]! += value;
    }
    assert.equal(sums.slice(0, 2), [0, count], "0 and 1 stay");
    for (const [i, p] of [0.25, 200 / 255].entries()) {
      const deviation = Math.sqrt((p * (1 - p)) / count);
      assert.ok(Math.abs(sums[2 + i]! / count - p) < 4 * deviation, `${sums[2 + i]! / count}`);
    }
  }
});

test("dynamic: independent of what else is drawn with the key", async () => {
  const device = await testDevice();
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const key: RandomKey = { seed: [1, 2], step, stream: 0 };
  const half = tensor(device, new Float32Array(4096).fill(0.5), [4096]);
  const bits = await (await binarise(half, key)).data();
  const uniform = await randomUniform(device, [4096], key).data();
  const same = bits.filter((bit, i) => bit === (uniform[i]! < 0.5 ? 1 : 0)).length;
  assert.ok(Math.abs(same / 4096 - 0.5) < 0.04, `${same} of 4096 agree`);
});

test.run();

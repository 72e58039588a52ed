import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Bitmap, resizeAndCrop, upright } from "../../src/formats/resample.ts";

const test = suite("resampling");

function bitmap(height: number, width: number, at: (x: number, y: number) => number): Bitmap {
  const pixels = Uint8Array.from({ length: height * width }, (_, i) =>
    at(i % width, Math.floor(i / width)),
  );
  return { height, width, channels: 1, pixels };
}

const resized = (picture: Bitmap, height: number, width: number) => [
  ...resizeAndCrop(picture, { height, width }).pixels,
];

test("smaller ones are means over areas, also where sides do not divide each other", () => {
  const four = bitmap(4, 4, (x, y) => 10 * x + 40 * y);
  assert.equal(resized(four, 2, 2), [25, 45, 105, 125]);
  // Pixels of 4/3: the second is 2/3 of one and 2/3 of the next.
  const row = bitmap(4, 4, (x) => [0, 60, 120, 240][x]!);
  assert.equal(resized(row, 3, 3).slice(0, 3), [15, 90, 210]);
});

test("larger ones are bilinear between the centres of pixels, and flat beyond the outermost", () => {
  const two = bitmap(2, 2, (x, y) => 100 * x + 40 * y);
  assert.equal(resized(two, 4, 4).slice(0, 4), [0, 25, 75, 100]);
  assert.equal(
    resized(two, 4, 4).filter((_, i) => i % 4 === 0),
    [0, 10, 30, 40],
  );
  assert.equal(
    resized(
      bitmap(1, 1, () => 77),
      3,
      2,
    ),
    Array(6).fill(77),
  );
});

test("proportions are kept: what is too much is cropped on both sides alike", () => {
  const wide = bitmap(2, 6, (x) => 10 * x);
  assert.equal(resized(wide, 2, 2), [20, 30, 20, 30]);
  assert.equal(resized(wide, 1, 1), [25]);
  const tall = bitmap(5, 2, (_, y) => 10 * y);
  assert.equal(resized(tall, 2, 2), [10, 10, 20, 20], "a row more is left below");
  const large = resizeAndCrop(wide, { height: 4, width: 4 });
  assert.equal([...large.pixels.subarray(0, 4)], [18, 23, 28, 33]);
});

test("one colour stays that colour, whatever the sizes; a picture of the size is left as it is", () => {
  for (const [height, width] of [
    [3, 5],
    [7, 7],
    [100, 31],
  ] as const)
    for (const side of [1, 4, 13, 64]) {
      const plain = bitmap(height, width, () => 255);
      assert.ok(resized(plain, side, side).every((value) => value === 255));
    }
  const picture = bitmap(3, 5, (x) => x);
  assert.is(resizeAndCrop(picture, { height: 3, width: 5 }), picture);
});

test("against a mean over many points, for random sizes", () => {
  let state = 1;
  const random = (most: number) => {
    state = (state * 48271) % 2147483647;
    return 1 + (state % most);
  };
  for (let round = 0; round < 20; round++) {
    const picture = bitmap(20 + random(40), 20 + random(40), () => random(255));
    const [height, width] = [random(20), random(20)];
    const step = Math.min(picture.height / height, picture.width / width);
    const left = Math.floor((picture.width - width * step) / 2 + 1e-9);
    const top = Math.floor((picture.height - height * step) / 2 + 1e-9);
    const fine = 50;
    const mean = (x: number, y: number) => {
      let sum = 0;
      for (let j = 0; j < fine; j++)
        for (let i = 0; i < fine; i++) {
          const column = Math.floor(left + (x + (i + 0.5) / fine) * step);
          const row = Math.floor(top + (y + (j + 0.5) / fine) * step);
          sum += picture.pixels[row * picture.width + column]!;
        }
      return sum / fine ** 2;
    };
    const [x, y] = [random(width) - 1, random(height) - 1];
    const found = resized(picture, height, width)[y * width + x]!;
    assert.ok(Math.abs(found - mean(x, y)) < 6, `${found} is not ${mean(x, y)}`);
  }
});

test("turning upright keeps every channel of every pixel", () => {
  const pixels = Uint8Array.from({ length: 18 }, (_, i) => i);
  const picture = { height: 2, width: 3, channels: 3, pixels };
  const firsts = (orientation: number) => {
    const { height, width, pixels } = upright(picture, orientation);
    return [height, width, ...Array.from(pixels).filter((_, i) => i % 3 === 0)];
  };
  assert.equal(firsts(1), [2, 3, 0, 3, 6, 9, 12, 15]);
  assert.equal(firsts(3), [2, 3, 15, 12, 9, 6, 3, 0]);
  assert.equal(firsts(6), [3, 2, 9, 0, 12, 3, 15, 6]);
  assert.equal(firsts(8), [3, 2, 6, 15, 3, 12, 0, 9]);
  assert.equal([...upright(picture, 2).pixels.subarray(0, 3)], [6, 7, 8]);
});

test.run();

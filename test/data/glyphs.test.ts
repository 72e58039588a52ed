import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  drawGlyph,
  glyphFactors,
  glyphNames,
  loadGlyphs,
  makeGlyphs,
} from "../../src/data/glyphs.ts";
import { fingerprint } from "../support/fingerprint.ts";

const test = suite("glyphs");

function draw(change: Partial<Parameters<typeof drawGlyph>[0]>): Uint8Array {
  const image = new Uint8Array(28 * 28);
  drawGlyph({ label: 0, slant: 0, thickness: 2, x: 0, y: 0, ...change }, image);
  return image;
}

const ink = (image: Uint8Array) => image.reduce((sum, value) => sum + value, 0) / 255;

/** Centre of ink, in pixels: [x, y]. */
function centre(image: Uint8Array): [number, number] {
  let x = 0;
  let y = 0;
  image.forEach((value, i) => {
    x += value * ((i % 28) + 0.5);
    y += value * (Math.floor(i / 28) + 0.5);
  });
  return [x / ink(image) / 255, y / ink(image) / 255];
}

test("has the same bits on every runtime", () => {
  const { images, factors } = makeGlyphs(500, 1, 0);
  assert.is(fingerprint(images), "11b41e0c");
  assert.is(fingerprint(new Uint8Array(factors!.values.buffer)), "4c044825");
});

test("has the stated sizes, balanced classes and factors within their ranges", () => {
  const { train, test: held } = loadGlyphs();
  assert.equal([train.count, held.count], [10_000, 2_000]);
  const counts = new Array(10).fill(0);
  for (const label of train.labels) counts[label]++;
  assert.ok(counts.every((count) => count === 1000));
  const { names, values } = train.factors!;
  assert.equal(names, ["class", "slant", "thickness", "x", "y"]);
  glyphFactors.forEach(({ low, high }, f) => {
    const column = Array.from({ length: train.count }, (_, i) => values[i * 5 + f]!);
    assert.ok(column.every((value) => value >= Math.fround(low) && value <= Math.fround(high)));
    const mean = column.reduce((a, b) => a + b) / train.count;
    const middle = f === 0 ? 4.5 : (low + high) / 2;
    assert.ok(Math.abs(mean - middle) < 0.02 * (high - low), `${names[f]} has mean ${mean}`);
  });
});

test("has styles that say the thirds of slant and thickness, and nothing of the class", () => {
  const { train, attributes } = loadGlyphs();
  assert.equal(
    attributes?.map(({ name, classes }) => [name, classes]),
    [["style", 9]],
  );
  const styles = train.attributes!.style!;
  const counts = new Array(90).fill(0);
  styles.forEach((style, i) => {
    const [label = 0, slant = 0, thickness = 0] = train.factors!.values.subarray(i * 5, i * 5 + 3);
    const thirds = [(slant + 0.4) / (0.8 / 3), (thickness - 1.4) / (2.2 / 3)] as const;
    for (const [place, bin] of [
      [thirds[0], Math.floor(style / 3)],
      [thirds[1], style % 3],
    ] as const)
      assert.ok(place > bin - 1e-5 && place < bin + 1 + 1e-5, `${place} in bin ${bin}`);
    counts[label * 9 + style]++;
  });
  // 111 of each class and style on average; the deviation is 10.
  assert.ok(Math.min(...counts) > 70 && Math.max(...counts) < 152, `${counts}`);
});

test("depends on seed, stream and index alone", () => {
  const many = makeGlyphs(20, 3, 0).images;
  assert.equal(many.subarray(0, 5 * 784), makeGlyphs(5, 3, 0).images);
  assert.not.equal(many, makeGlyphs(20, 4, 0).images);
  assert.not.equal(many, makeGlyphs(20, 3, 1).images);
});

test("draws what the factors say", () => {
  for (let label = 0; label < 10; label++) {
    const [x, y] = centre(draw({ label }));
    const [right, down] = centre(draw({ label, x: 2.5, y: -1.5 }));
    const error = Math.max(Math.abs(right - x - 2.5), Math.abs(down - y + 1.5));
    assert.ok(error < 0.1, `${glyphNames[label]}: centre off by ${error}`);
    const ratio = ink(draw({ label, thickness: 3 })) / ink(draw({ label, thickness: 1.5 }));
    assert.ok(ratio > 1.7 && ratio < 2.1, `${glyphNames[label]}: ink grows by ${ratio}`);
  }
  const top = (image: Uint8Array) => centre(image.map((value, i) => (i < 14 * 28 ? value : 0)))[0];
  assert.ok(top(draw({ label: 9, slant: 0.4 })) > top(draw({ label: 9 })) + 1, "leans right");
});

test("keeps every glyph inside the image, with full ink and soft edges", () => {
  for (let label = 0; label < 10; label++) {
    for (const slant of [-0.4, 0.4]) {
      for (const sign of [-1, 1]) {
        const image = draw({ label, slant, thickness: 3.6, x: 2.5 * sign, y: 2.5 * sign });
        assert.ok(ink(image) > 0.97 * ink(draw({ label, slant, thickness: 3.6 })), "not cut off");
        assert.ok(image.includes(255) && image.some((value) => value > 0 && value < 255));
      }
    }
  }
});

test("classes are told apart by their nearest mean image", () => {
  const { images, labels } = makeGlyphs(2000, 1, 0);
  const means = Array.from({ length: 10 }, () => new Float64Array(784));
  labels.forEach((label, i) => {
    for (let p = 0; p < 784; p++) means[label]![p]! += images[i * 784 + p]! / 200;
  });
  const held = makeGlyphs(500, 1, 1);
  let right = 0;
  held.labels.forEach((label, i) => {
    const distances = means.map((mean) =>
      mean.reduce((sum, value, p) => sum + (value - held.images[i * 784 + p]!) ** 2, 0),
    );
    if (distances.indexOf(Math.min(...distances)) === label) right++;
  });
  assert.ok(right / 500 > 0.6, `accuracy ${right / 500}`);
});

test.run();

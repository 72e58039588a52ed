import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { makeGlyphs } from "../../src/data/glyphs.ts";
import { outlines } from "../../src/data/outlines.ts";
import {
  drawShape,
  makeShapes,
  type Shape,
  shapeFactors,
  shapeNames,
  shapeSize,
} from "../../src/data/shapes.ts";
import { checkFactors, checkStyles, correlation, factor } from "../support/factors.ts";
import { fingerprint } from "../support/fingerprint.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("shapes");

const labels = shapeNames.map((_, label) => label);

/** Red by default, so that the red channel less the ground is how far a pixel is covered. */
function draw(change: Partial<Shape>): Uint8Array {
  const image = new Uint8Array(shapeSize * shapeSize * 3);
  drawShape({ label: 0, hue: 0, size: 5, orientation: 0, x: 0, y: 0, ground: 0, ...change }, image);
  return image;
}

/** Area in pixels, centre [x, y] and main axis in degrees clockwise, by the moments of the red channel. */
function moments(image: Uint8Array) {
  let [area, x, y] = [0, 0, 0];
  const full = Math.max(...image);
  const each = (visit: (cover: number, x: number, y: number) => void) => {
    for (let p = 0; p < shapeSize * shapeSize; p++)
      visit(image[3 * p]! / full, (p % shapeSize) + 0.5, Math.floor(p / shapeSize) + 0.5);
  };
  each((cover, px, py) => {
    area += cover;
    x += cover * px;
    y += cover * py;
  });
  [x, y] = [x / area, y / area];
  let [xx, xy, yy] = [0, 0, 0];
  each((cover, px, py) => {
    xx += cover * (px - x) ** 2;
    xy += cover * (px - x) * (py - y);
    yy += cover * (py - y) ** 2;
  });
  return { area, x, y, axis: (Math.atan2(2 * xy, xx - yy) * 90) / Math.PI };
}

/** Colour of the pixel at the centre. */
function colour(image: Uint8Array): number[] {
  const at = ((shapeSize / 2) * shapeSize + shapeSize / 2) * 3;
  return [...image.subarray(at, at + 3)];
}

test("has the same bits on every runtime", () => {
  const { images, factors } = makeShapes(500, 1, 0);
  assert.is(fingerprint(images), "d43704de");
  assert.is(fingerprint(new Uint8Array(factors!.values.buffer)), "e03f1608");
});

test("has the stated sizes, balanced classes and independent factors within their ranges", async () => {
  const data = await loadDataset("shapes", { host: new MemoryHost() });
  const { train, test: held } = data;
  assert.equal([train.count, held.count, data.classes], [20_000, 4_000, 5]);
  assert.equal([data.height, data.width, data.channels], [32, 32, 3]);
  assert.is(train.images.length, 20_000 * 32 * 32 * 3);
  assert.equal(data.classNames, ["rectangle", "ellipse", "triangle", "ell", "arrow"]);
  checkFactors(train, shapeFactors);
  checkFactors(held, shapeFactors);
  assert.equal(
    data.attributes?.map(({ name, classes }) => [name, classes]),
    [["style", 9]],
  );
  checkStyles(train, 5);
});

test("shares no random numbers with its test part or with glyphs", () => {
  const { count } = makeShapes(2000, 1, 0);
  const hue = factor(makeShapes(count, 1, 0), "hue");
  for (const [other, name] of [
    [makeShapes(count, 1, 1), "hue"],
    [makeGlyphs(count, 1, 0), "slant"],
  ] as const)
    assert.ok(Math.abs(correlation(hue, factor(other, name))) < 0.1, name);
});

test("has styles that say the thirds of hue and size", () => {
  const split = makeShapes(500, 1, 0);
  const [hues, sizes] = [factor(split, "hue"), factor(split, "size")];
  split.attributes!.style!.forEach((style, i) => {
    assert.is(style, 3 * Math.floor(hues[i]! / 0.25) + Math.floor(sizes[i]! - 3.5));
  });
});

test("depends on seed, stream and index alone", () => {
  const many = makeShapes(20, 3, 0);
  const few = makeShapes(5, 3, 0);
  assert.equal(many.images.subarray(0, few.images.length), few.images);
  assert.equal(many.factors!.values.subarray(0, few.factors!.values.length), few.factors!.values);
  assert.not.equal(many.images, makeShapes(20, 4, 0).images);
  assert.not.equal(many.images, makeShapes(20, 3, 1).images);
});

test("size, x and y say area and centre of area, in any orientation", () => {
  for (const label of labels) {
    for (const [size, orientation, x, y] of [
      [3.5, 0, 0, 0],
      [5.5, 20, 1.3, -0.4],
      [6.5, -45, -3.5, 3.5],
      [6.5, 45, 3.5, -3.5],
    ] as const) {
      const found = moments(draw({ label, size, orientation, x, y }));
      const ratio = found.area / (Math.PI * size ** 2);
      assert.ok(Math.abs(ratio - 1) < 0.03, `${shapeNames[label]}: ${ratio} of the area`);
      const error = Math.max(Math.abs(found.x - 16 - x), Math.abs(found.y - 16 - y));
      assert.ok(error < 0.06, `${shapeNames[label]}: centre off by ${error}`);
    }
  }
});

test("orientation turns the figure clockwise by as many degrees", () => {
  for (const label of labels) {
    const before = moments(draw({ label, size: 7 })).axis;
    for (const orientation of [-40, -15, 25]) {
      const turned = moments(draw({ label, size: 7, orientation })).axis - before;
      // An axis is the same after half a turn.
      const error = ((((turned - orientation + 90) % 180) + 180) % 180) - 90;
      assert.ok(Math.abs(error) < 2.5, `${shapeNames[label]}: ${orientation} off by ${error}`);
    }
  }
});

test("no two orientations and no two classes look the same", () => {
  const seen: Uint8Array[] = [];
  for (const label of labels)
    for (let orientation = -45; orientation <= 45; orientation += 15)
      seen.push(draw({ label, orientation }));
  seen.forEach((a, i) => {
    for (const b of seen.slice(0, i)) {
      const apart = a.reduce((sum, value, p) => sum + Math.abs(value - b[p]!), 0) / (255 * 3);
      assert.ok(apart > 2, `image ${i} differs in ${apart} pixels`);
    }
  });
});

test("hue is the figure's colour, ground the grey around it", () => {
  const [high, low] = [242, 36];
  assert.equal(colour(draw({ hue: 0 })), [high, low, low]);
  assert.equal(colour(draw({ hue: 1 / 6 })), [high, high, low]);
  assert.equal(colour(draw({ hue: 1 / 3 })), [low, high, low]);
  assert.equal(colour(draw({ hue: 1 / 2 })), [low, high, high]);
  assert.equal(colour(draw({ hue: 2 / 3 })), [low, low, high]);
  assert.equal(colour(draw({ hue: 3 / 4, ground: 0.7 })), [139, low, high]);
  assert.equal([...draw({ ground: 0.4 }).subarray(0, 3)], [102, 102, 102]);
  // What neither covers is between the two.
  const edge = draw({ label: 1, ground: 0.4 }).filter((_, p) => p % 3 === 0);
  assert.ok(edge.some((red) => red > 110 && red < 235));
  assert.ok(edge.every((red) => red >= 102 && red <= high));
});

test("no figure leaves the image", () => {
  for (const { name, radius } of outlines)
    assert.ok(radius * 6.5 + 3.5 + 0.5 <= 16, `${name} reaches ${radius * 6.5 + 4}`);
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { balancedIndices } from "../../src/data/image-batch.ts";

import { drawScatter } from "../../src/figures/embed.ts";
import { scatterSvg } from "../../src/figures/scatter.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { markCentres, markPaths } from "../support/marks.ts";
import { all, checkAccessible, parseMarkup, textIn } from "../support/markup.ts";

const test = suite("latent scatter");

const plain = { title: "points", description: "some points", xTitle: "x", yTitle: "y" };

test("points lie where their values say, at one scale for both axes", () => {
  const points = [
    [0, 0],
    [2, 1],
    [4, -1],
  ] as const;
  const root = parseMarkup(scatterSvg({ ...plain, classes: [{ name: "a", points }] }));
  const [path] = markPaths(root);
  const [origin, right, far] = markCentres(path!.attributes.d!, 3) as [number, number][];
  const unit = 412 / 4.2;
  const near = (found: number, expected: number) => assert.ok(Math.abs(found - expected) < 0.11);
  near(right![0] - origin![0], 2 * unit);
  near(right![1] - origin![1], -unit);
  near(far![0] - origin![0], 4 * unit);
  near(far![1] - origin![1], unit);
});

test("points that spread upwards stay inside, too", () => {
  const points = [
    [0, 0],
    [0.1, 50],
  ] as const;
  const root = parseMarkup(scatterSvg({ ...plain, classes: [{ name: "a", points }] }));
  const [path] = markPaths(root);
  for (const [x, y] of markCentres(path!.attributes.d!, 2))
    assert.ok(x >= 0 && x <= 412 && y >= 0 && y <= 412, `${x}, ${y}`);
});

test("10,000 points of ten classes: one path a class, below 300 kB", () => {
  const random = new HostRandom(3);
  const classes = Array.from({ length: 10 }, (_, c) => {
    const values = random.normal(2000);
    const points = Array.from(
      { length: 1000 },
      (_, i) => [values[2 * i]! + c / 3, values[2 * i + 1]!] as const,
    );
    return { name: `class ${c}`, points };
  });
  const svg = scatterSvg({ ...plain, classes });
  assert.ok(svg.length < 300_000, `${svg.length} characters`);
  const root = parseMarkup(svg);
  checkAccessible(root);
  const paths = markPaths(root);
  assert.is(paths.length, 10);
  for (const { attributes } of paths) {
    const marks = markCentres(attributes.d!, 1000);
    assert.ok(marks.every(([x, y]) => x > 0 && x < 412 && y > 0 && y < 412));
  }
  assert.is(new Set(paths.map(({ attributes }) => attributes.class)).size, 10);
});

test("classes have labels at their centres and entries in the legend", () => {
  const classes = ["left", "right", "few"].map((name, i) => {
    const points = Array.from({ length: name === "few" ? 3 : 30 }, (_, k) => [10 * i + k / 10, k]);
    return { name, points: points as [number, number][] };
  });
  const root = parseMarkup(scatterSvg({ ...plain, classes }));
  const labels = all(root, "text").filter(({ attributes }) => attributes.class === "label");
  // The label of so few points would cover them.
  assert.equal(labels.map(textIn), ["left", "right"]);
  assert.ok(Number(labels[0]!.attributes.x) < Number(labels[1]!.attributes.x));
  const entries = all(root, "text").filter(({ attributes }) => attributes.class === undefined);
  assert.equal(entries.map(textIn), ["left", "right", "few"]);
});

test("the vertical axis' title keeps clear of long numbers", () => {
  const points = [-0.2061, -0.2079, -0.2051].map(
    (y, i) => [-0.2 + i / 1000, y] as [number, number],
  );
  const root = parseMarkup(scatterSvg({ ...plain, classes: [{ name: "a", points }] }));
  const texts = all(root, "text");
  const title = texts.find((element) => textIn(element) === "y")!.attributes.transform!;
  const ticks = texts.filter((element) => element.attributes["text-anchor"] === "end").map(textIn);
  const longest = Math.max(...ticks.map((text) => text.length));
  assert.ok(longest >= 6, ticks.join(" "));
  // Seven pixels a numeral, which end seven pixels from the axis; the title is half a line high.
  assert.ok(-Number(/translate\((-[\d.]+)/.exec(title)![1]) >= 7 + 7 * longest, title);
});

test("class names are inert and shortened", () => {
  const names = [`<script>x</script>`, "a very long name of a class of pictures"];
  const classes = names.map((name, i) => ({ name, points: [[i, i]] as [number, number][] }));
  const svg = scatterSvg({ ...plain, title: names[0]!, description: names[0]!, classes });
  const root = parseMarkup(svg);
  assert.is(all(root, "script").length, 0);
  assert.ok(all(root, "text").some((element) => textIn(element) === "a very long nam…"));
});

test("beyond ten classes marks differ where colours do not; beyond twenty the legend tells", () => {
  const classes = Array.from({ length: 50 }, (_, i) => {
    return { name: `${i}`, points: [[i, i % 7]] as [number, number][] };
  });
  const root = parseMarkup(scatterSvg({ ...plain, classes }));
  const looks = markPaths(root).map(({ attributes }) => {
    const shape = attributes.d!.replace(/^m-?\d+ ?-?\d+/, "");
    return `${attributes.class} ${shape}`;
  });
  assert.is(new Set(looks).size, 50);
  const texts = all(root, "text");
  assert.is(texts.filter(({ attributes }) => attributes.class === "label").length, 0);
  assert.ok(texts.some((element) => textIn(element) === "and 10 more"));
});

/** A test part of so many images with these labels. */
function dataset(labels: readonly number[], classNames: readonly string[]) {
  const test = {
    images: new Uint8Array(labels.length),
    labels: Uint8Array.from(labels),
    count: labels.length,
  };
  return { name: "set", test, classNames };
}

test("images are chosen evenly over the classes", () => {
  const { test: split } = dataset([0, 0, 0, 0, 1, 0, 2, 2, 1], []);
  assert.equal(balancedIndices(split, 6), [0, 1, 4, 6, 7, 8]);
  assert.equal(balancedIndices(split, 7), [0, 1, 2, 4, 6, 7, 8], "a small class is filled up");
  assert.is(balancedIndices(split, 100).length, 9);
});

test("two dimensions as they are, more by principal components, one by rows of classes", () => {
  const set = dataset([0, 1, 0, 1], ["even", "odd"]);
  const indices = [0, 1, 2, 3];
  const two = drawScatter(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7), set, indices, "origin.");
  assert.equal(two.axes, [{ title: "latent dimension 1" }, { title: "latent dimension 2" }]);
  const codes = Float32Array.of(3, 0, 0, -3, 0, 0, 0, 1, 0, 0, -1, 0);
  const three = drawScatter(codes, set, indices, "origin.");
  assert.equal(
    three.axes.map(({ title }) => title),
    ["principal component 1: 90 % of the variance", "principal component 2: 10 % of the variance"],
  );
  assert.ok(Math.abs(three.axes[0]!.share! - 0.9) < 1e-9);
  const one = drawScatter(Float32Array.of(-1, 0, 1, 2), set, indices, "origin.");
  assert.equal(one.axes, [{ title: "latent dimension 1" }]);
  const root = parseMarkup(one.svg);
  const [even, odd] = markPaths(root).map(({ attributes }) => markCentres(attributes.d!, 2));
  for (const [, y] of even!) assert.ok(y < 40);
  for (const [, y] of odd!) assert.ok(y > 40 && y < 80);
  assert.ok(
    all(root, "desc").some((element) => textIn(element).includes("Classes: even and odd. origin.")),
  );
});

test("a set of one class has no legend; equal codes are no trouble", () => {
  const set = dataset([0, 0], ["only"]);
  const { svg } = drawScatter(new Float32Array(8), set, [0, 1], "");
  assert.not.match(svg, /NaN|Infinity/);
  const root = parseMarkup(svg);
  assert.is(all(root, "text").filter((element) => textIn(element) === "only").length, 0);
});

test.run();

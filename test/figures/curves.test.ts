import { suite } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf, curvesSvg, legendOf } from "../../src/figures/curves.ts";
import { readHistory } from "../../src/figures/history.ts";
import type { MetricRecord } from "../../src/train/metrics.ts";
import { all, checkAccessible, type Element, parseMarkup, textIn } from "../support/markup.ts";
import { configOf, epochRecord, fallingRun, stepRecord } from "../support/run-records.ts";

const test = suite("training curves");

async function draw(records: readonly MetricRecord[], config: Record<string, unknown> = {}) {
  const history = readHistory(records, await configOf(config));
  const curves = curvesOf(history);
  const svg = curvesSvg(history, "a run");
  const root = svg === undefined ? undefined : parseMarkup(svg);
  if (root) checkAccessible(root);
  return { history, curves, svg: svg ?? "", root: root as Element };
}

/** Places in the paths of a class: [x, y] in pixels of the plot. */
function places(root: Element, style: string): [number, number][][] {
  return all(root, "path")
    .filter(({ attributes, parent }) => attributes.class === style && parent?.name === "svg")
    .map(({ attributes }) =>
      [...(attributes.d ?? "").matchAll(/[ML](-?[\d.]+)[ ,](-?[\d.]+)/g)].map((match) => [
        Number(match[1]),
        Number(match[2]),
      ]),
    );
}

const plot = { width: 272, height: 156 };

test("a panel for each term, with both axes named", async () => {
  const { curves, root } = await draw(fallingRun(3));
  assert.equal(
    curves.map(({ panel }) => panel.title),
    ["loss", "reconstruction", "kl"],
  );
  const texts = all(root, "text").map(textIn);
  for (const title of ["loss", "reconstruction", "kl"]) assert.ok(texts.includes(title));
  assert.is(texts.filter((text) => text === "nats per sample").length, 3);
  assert.is(texts.filter((text) => text === "epoch").length, 3);
  assert.ok(texts.includes("best: epoch 3"));
});

test("steps, epochs and validation stand where they belong", async () => {
  const { root } = await draw(fallingRun(2));
  const [steps] = places(root, "steps");
  const [training] = places(root, "training");
  const [validation] = places(root, "validation");
  const x = (epochs: number) => (plot.width * epochs) / 2;
  const at = (points: readonly [number, number][]) => points.map(([place]) => place);
  const near = (found: number[], expected: number[]) => {
    assert.is(found.length, expected.length);
    for (const [i, value] of expected.entries()) assert.ok(Math.abs(found[i]! - value) <= 0.06);
  };
  near(
    at(steps!),
    [1, 2, 3, 4, 5, 6, 7, 8].map((step) => x(step / 4)),
  );
  near(at(training!), [x(0.5), x(1.5)]);
  near(at(validation!), [x(1), x(2)]);
});

test("the first steps are cut off, and the panel says so", async () => {
  const { root, curves } = await draw(fallingRun(100));
  const note = all(root, "text")
    .map(textIn)
    .filter((text) => text.startsWith("cut"));
  assert.ok(note.includes("cut: up to 441.9"), note.join());
  const last = places(root, "steps")[0]!
    .slice(50)
    .map(([, y]) => y);
  assert.ok(Math.max(...last) - Math.min(...last) > plot.height / 3, "the rest is not flat");
  assert.is(curves[0]!.panel.full!.high.toFixed(1), "441.9");
});

test("nothing is cut where nothing flattens", async () => {
  const records = Array.from({ length: 40 }, (_, i) => stepRecord(i + 1, 200 - i));
  const { root } = await draw(records);
  assert.not.ok(all(root, "text").some((element) => textIn(element).startsWith("cut")));
});

test("an interrupted first epoch: steps alone", async () => {
  const { root, history, curves } = await draw([stepRecord(1, 10), stepRecord(2, 9)]);
  assert.is(places(root, "steps")[0]!.length, 2);
  assert.equal(places(root, "training"), []);
  assert.equal(
    legendOf(curves, history).map(({ text }) => text),
    ["training, each step"],
  );
  assert.not.ok(all(root, "text").some((element) => textIn(element).startsWith("best")));
});

test("a single step is a point; without one there is no chart", async () => {
  const { root } = await draw([stepRecord(1)]);
  assert.ok(all(root, "path").some(({ attributes }) => attributes.class === "steps dots"));
  assert.is((await draw([])).svg, "");
});

test("values that are not finite are gaps, and do not move the rest", async () => {
  const records = [stepRecord(1, 10), stepRecord(2, null), stepRecord(3, 8), stepRecord(4, 7)];
  const { svg, root } = await draw(records);
  assert.not.match(svg, /NaN|Infinity|null|undefined/);
  const [steps] = all(root, "path").filter(({ attributes }) => attributes.class === "steps");
  const loss = all(root, "path").filter(
    ({ attributes, parent }) => attributes.class === "steps" && parent?.name === "svg",
  )[0]!;
  assert.is(loss.attributes.d!.match(/M/g)!.length, 2, "two pieces");
  assert.ok(steps);
  const none = await draw([stepRecord(1, null), stepRecord(2, null)]);
  assert.ok(all(none.root, "text").some((element) => textIn(element) === "no finite values"));
  assert.not.match(none.svg, /NaN|Infinity|undefined/);
});

test("constants have an axis, too", async () => {
  const { svg, root } = await draw([1, 2, 3, 4].map((step) => stepRecord(step, 4)));
  assert.not.match(svg, /NaN|Infinity/);
  for (const [, y] of places(root, "steps")[0]!) assert.ok(y > 0 && y <= plot.height);
});

test("an axis of what is never negative does not begin below 0", async () => {
  const values = [10, 4, 2, 1, 0.5, 0.25, 0.125, 0.06, 0.03, 0.01];
  const { root } = await draw(values.map((value, i) => stepRecord(i + 1, value)));
  const [, y] = places(root, "steps")[0]!.at(-1)!;
  assert.ok(y > plot.height - 1 && y <= plot.height, `${y}`);
});

test("a thousand epochs make a small file", async () => {
  const { svg, root, history, curves } = await draw(fallingRun(1000), { epochs: 1000 });
  assert.ok(svg.length < 100_000, `${svg.length} characters`);
  for (const style of ["steps", "training", "validation"])
    for (const points of places(root, style)) assert.ok(points.length <= 600);
  assert.not.ok(svg.includes("training dots"));
  assert.ok(legendOf(curves, history).some(({ text }) => text === "training, means of 7 steps"));
});

test("schedules have panels only where they vary", async () => {
  const records = fallingRun(4).map((record) =>
    record.kind === "epoch" ? { ...record, learning_rate: 0.001 / record.epoch } : record,
  );
  const { curves } = await draw(records);
  assert.equal(
    curves.map(({ panel }) => panel.title),
    ["loss", "reconstruction", "kl", "learning rate"],
  );
  assert.is(
    curves[3]!.description,
    "learning rate from 0.001 in the first epoch to 0.00025 in the last.",
  );
});

test("a divergence is marked, and its last values do not flatten the rest", async () => {
  const records: MetricRecord[] = [
    ...fallingRun(10),
    stepRecord(41, 1e20),
    { kind: "event", step: 42, epoch: 11, event: "diverged", message: "exp" },
  ];
  const { root } = await draw(records, { epochs: 20 });
  const texts = all(root, "text").map(textIn);
  assert.ok(texts.includes("diverged"));
  const marks = all(root, "line").filter(({ attributes }) => attributes.class === "mark bad");
  assert.is(marks.length, 3);
  for (const { attributes } of marks) assert.ok(Number(attributes.x1) <= plot.width);
  assert.ok(texts.includes("cut: up to 1.00e20"));
});

test("names are escaped", async () => {
  const strange = "<b>&";
  const records = [
    { ...stepRecord(1), [strange]: 1 },
    { ...stepRecord(2), [strange]: 2 },
  ];
  const { root, svg } = await draw(records);
  assert.ok(all(root, "text").some((element) => textIn(element) === "&lt;b&gt;&amp;"));
  assert.not.ok(svg.includes("<b>"));
});

test("follows the reader's light or dark, and names itself", async () => {
  const { root, svg } = await draw([epochRecord(1, 8), epochRecord(2, 7)]);
  assert.match(textIn(all(root, "style")[0]!), /prefers-color-scheme: dark/);
  assert.match(svg, /role="img" aria-labelledby="title description"/);
  assert.match(textIn(all(root, "title")[0]!), /loss, reconstruction and kl/);
});

test.run();

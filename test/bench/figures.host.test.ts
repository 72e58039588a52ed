import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { growthPanels, growthSvg } from "../../bench/growth-figure.ts";
import {
  familyOf,
  obstaclesOf,
  rooflineOf,
  rooflineSvg,
  textsOf,
} from "../../bench/roofline-figure.ts";
import { kernelCases } from "../../src/bench/kernels.ts";
import { overlap } from "../../src/figures/labels.ts";
import { emptyReport, smallReport } from "../support/bench-reports.ts";
import { markCentres, markPaths } from "../support/marks.ts";
import { all, checkAccessible, parseMarkup, textIn } from "../support/markup.ts";

const test = suite("drawings of the benchmarks");

const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 0.06, `${a}, not ${b}`);
const numbersIn = (text = "") => [...text.matchAll(/-?\d+(\.\d+)?/g)].map(([n]) => Number(n));
const svg = () => parseMarkup(rooflineSvg(smallReport));
const pathOf = (style: string) =>
  numbersIn(all(svg(), "path").find(({ attributes }) => attributes.class === style)!.attributes.d);

test("the roof has its corner at the ridge, and rises with slope 1 to it", () => {
  const { place, ticks } = rooflineOf(smallReport);
  const [x0, y0, x1, y1, x2, y2] = pathOf("axis roof") as [
    ...[number, number, number, number, number, number],
  ];
  // 100 GFLOP/s over 8 GB/s.
  const [ridgeX, ridgeY] = place(12.5, 100);
  close(x1, ridgeX);
  close(y1, ridgeY);
  close(y2, y1);
  assert.ok(x0 < x1 && x1 < x2);
  // On logarithmic axes ten times as much is as far everywhere: slope 1 is a decade for a decade.
  const [[left, low], [right, high]] = [place(1, 1), place(10, 10)];
  close((y1 - y0) / (x1 - x0), (high - low) / (right - left));
  // The fastest copy, 16 GB/s, meets the same rate at half the intensity.
  close(pathOf("axis cache")[2]!, place(6.25, 100)[0]);
  assert.ok(ticks.x.includes(1) && ticks.x.includes(10) && ticks.y.includes(100));
  for (const tick of [...ticks.x, ...ticks.y]) close(Math.log10(tick) % 1, 0);
});

test("each kernel stands at its intensity and rate, in its family's colour", () => {
  const points = markPaths(svg());
  assert.is(points.length, smallReport.kernels.length);
  const { place } = rooflineOf(smallReport);
  const centres = points.map(({ attributes }) => markCentres(attributes.d!, 1)[0]!);
  for (const [i, { name, gflops, gbps }] of smallReport.kernels.entries()) {
    const [x, y] = centres[i]!;
    const [wantedX, wantedY] = place(gflops / gbps, gflops);
    assert.ok(Math.hypot(x - wantedX, y - wantedY) < 1, `${x}, ${y}`);
    assert.ok(textIn(points[i]!).startsWith(`${name}/4x4: `));
  }
  assert.is(new Set(points.map(({ attributes }) => attributes.class)).size, 4);
  // 50 GFLOP/s at 25 flop/byte: half the height of the roof, which is one octave.
  const [[, top], [, octave]] = [place(25, 100), place(25, 50)];
  close(centres[0]![1] - top, octave - top);
});

test("texts cover no mark, no roof and no other text", () => {
  const kernelsOf = fc.array(
    fc.record({
      name: fc.constantFrom("matmul", "conv2d", "adam", "sum", "softmax", "relu", "batch-norm"),
      gflops: fc.double({ min: 0.05, max: 95, noNaN: true }),
      gbps: fc.double({ min: 0.1, max: 15, noNaN: true }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(kernelsOf, (some) => {
      const kernels = some.map((one) => ({ ...smallReport.kernels[0]!, ...one }));
      const roofline = rooflineOf({ ceilings: smallReport.ceilings, kernels });
      const slopes = [{ line: roofline.roof, text: "copy 8 GB/s" }];
      const texts = textsOf(kernels, roofline, slopes, "multiply-adds 100 GFLOP/s");
      const labels = texts.filter(({ style }) => style === "label");
      assert.is(labels.length, new Set(kernels.map(({ name }) => familyOf(name))).size);
      const boxes = texts.map(({ boxes: [box] }) => box!);
      const obstacles = obstaclesOf(kernels, roofline);
      for (const {
        boxes: [box],
        text,
      } of labels) {
        const covered = obstacles.filter((other) => overlap(box!, other) > 0.01);
        assert.is(covered.length, 0, text);
        const others = boxes.filter((other) => other !== box && overlap(box!, other) > 0.01);
        assert.is(others.length, 0, text);
      }
    }),
    { numRuns: 60 },
  );
});

test("a kernel that computes nothing has no place, and no kernel leaves a roof alone", () => {
  const still = { ...smallReport.kernels[0]!, gflops: 0 };
  const drawn = rooflineSvg({ ...smallReport, kernels: [...smallReport.kernels, still] });
  assert.is(drawn, rooflineSvg(smallReport));
  const alone = rooflineSvg(emptyReport);
  assert.not.match(alone, /NaN|Infinity/);
});

test("every kernel that is measured is of a family that its name says", () => {
  const families = new Map(kernelCases.map(({ name }) => [name, familyOf(name)]));
  const maps = [...families].flatMap(([name, family]) => (family === "maps" ? [name] : []));
  assert.equal(maps.sort(), ["add", "gelu", "relu-chain"]);
  assert.is(families.get("conv-transpose2d-weight-gradient"), "conv weights");
  assert.is(new Set(families.values()).size, 8);
});

test("growth is drawn over the batch and over the latent dimensions", () => {
  const panels = growthPanels(smallReport);
  assert.equal(
    panels.map(({ title, xEnd, lines }) => [title, xEnd, lines.map(({ points }) => points)]),
    [
      [
        "time of a step",
        1024,
        [
          [
            { x: 128, y: 100 },
            { x: 1024, y: 760 },
          ],
          [{ x: 128, y: 20 }],
        ],
      ],
      [
        "buffers of a step",
        1024,
        [
          [
            { x: 128, y: 16 },
            { x: 1024, y: 128 },
          ],
          [{ x: 128, y: 16 }],
        ],
      ],
      [
        "time of a step, batch 128",
        512,
        [
          [
            { x: 2, y: 100 },
            { x: 512, y: 130 },
          ],
        ],
      ],
      [
        "buffers of a step, batch 128",
        512,
        [
          [
            { x: 2, y: 16 },
            { x: 512, y: 16 },
          ],
        ],
      ],
    ],
  );
});

test("both axes of all panels begin at 0", () => {
  const texts = all(parseMarkup(growthSvg(smallReport)), "text").map(textIn);
  assert.is(texts.filter((text) => text === "0").length, 8);
});

test("drawings are accessible, small, and inert whatever the adapter is called", () => {
  for (const draw of [rooflineSvg, growthSvg]) {
    const text = draw({ ...smallReport, adapter: "<script>&" });
    checkAccessible(parseMarkup(text));
    assert.not.match(text, /<script/);
    assert.not.match(text, /NaN|undefined/);
    assert.ok(text.length < 300_000);
  }
});

test.run();

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { distinctMarks, drawMarks } from "../../src/figures/marks.ts";
import { markup } from "../../src/figures/markup.ts";
import { classColours } from "../../src/figures/palette.ts";
import { markCentres } from "../support/marks.ts";
import { all, parseMarkup } from "../support/markup.ts";

const test = suite("colours and shapes of classes");

type Colour = readonly [number, number, number];
type Matrix = readonly [Colour, Colour, Colour];

const times = (matrix: Matrix, [r, g, b]: Colour): Colour =>
  matrix.map((row) => row[0] * r + row[1] * g + row[2] * b) as unknown as Colour;

/** sRGB in hexadecimal → linear light. */
const linear = (hex: string): Colour =>
  [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as unknown as Colour;

/** Ottosson 2020. */
function oklab(colour: Colour): Colour {
  const clipped = colour.map((c) => Math.min(1, Math.max(0, c))) as unknown as Colour;
  const lms = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    clipped,
  ).map(Math.cbrt) as unknown as Colour;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    lms,
  );
}

/** Machado, Oliveira and Fernandes 2009, at full severity; the last is normal vision. */
const visions: Readonly<Record<string, Matrix>> = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
};

for (const [background, paper] of [
  ["light", "#fcfbf8"],
  ["dark", "#17181b"],
] as const) {
  const colours = classColours[background];

  test(`all stand out from a ${background} background`, () => {
    const light = (hex: string) =>
      times(
        [
          [0.2126, 0.7152, 0.0722],
          [0, 0, 0],
          [0, 0, 0],
        ],
        linear(hex),
      )[0];
    for (const colour of colours) {
      const [a, b] = [light(colour), light(paper)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      assert.ok(contrast >= 3, `${colour}: ${contrast.toFixed(2)}`);
    }
  });

  test(`all can be told apart on a ${background} background, whatever the colour vision`, () => {
    for (const [vision, matrix] of Object.entries(visions)) {
      const seen = colours.map((colour) => oklab(times(matrix, linear(colour))));
      for (const [i, a] of seen.entries())
        for (const [j, b] of seen.slice(0, i).entries()) {
          const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(distance > 0.09, `${vision}: ${colours[i]} and ${colours[j]} ${distance}`);
        }
    }
  });
}

const pathOf = (index: number, points: readonly (readonly [number, number])[]) =>
  all(parseMarkup(markup`<svg>${drawMarks(index, points, 5)}</svg>`.text), "path")[0]!.attributes;

test("every class has a shape and a colour that no other has together", () => {
  const looks = Array.from({ length: distinctMarks }, (_, i) => {
    const { class: names, d } = pathOf(i, [[10, 10]]);
    return `${names} ${d}`;
  });
  assert.is(new Set(looks).size, distinctMarks);
  const shapes = looks.slice(0, 10).map((look) => look.replace(/ c\d+ /, " "));
  assert.is(new Set(shapes).size, 10, "ten classes have ten shapes");
});

test("marks of every shape stand where they belong, however many", () => {
  const points = [
    [3, 90],
    [40.5, 7.3],
    [40.5, 60],
    [99, 1],
  ] as const;
  for (let i = 0; i < 10; i++) {
    const centres = markCentres(pathOf(i, points).d!, points.length);
    for (const [k, [x, y]] of centres.entries()) {
      assert.ok(Math.abs(x - points[k]![0]) < 0.6, `shape ${i}, point ${k}: x ${x}`);
      assert.ok(Math.abs(y - points[k]![1]) < 0.6, `shape ${i}, point ${k}: y ${y}`);
    }
  }
});

test.run();

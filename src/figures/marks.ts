import { type Markup, markup } from "./markup.ts";
import { classColours, colourClass } from "./palette.ts";

/** A shape of marks, drawn around the current point of a path by lines of its own. */
interface Shape {
  /** From the centre to where its lines begin. */
  readonly start: readonly [number, number];
  /** Relative steps from the start, in words of SVG's paths; a shape of size 1 is about a circle's area. */
  readonly steps: readonly (readonly [letter: string, ...numbers: number[]])[];
  readonly paint: "fill" | "outline" | "dot";
}

const closed = (
  paint: "fill" | "outline",
  start: readonly [number, number],
  ...lines: readonly (readonly [number, number])[]
): Shape => ({
  paint,
  start,
  steps: [...lines.map(([x, y]) => ["l", x, y] as const), ["z"]],
});

const square = [
  [-0.45, -0.45],
  [0.9, 0],
  [0, 0.9],
  [-0.9, 0],
] as const;
const triangle = [
  [0, -0.62],
  [0.6, 1.05],
  [-1.2, 0],
] as const;
const diamond = [
  [0, -0.66],
  [0.6, 0.66],
  [-0.6, 0.66],
  [-0.6, -0.66],
] as const;
const triangleDown = [
  [0, 0.62],
  [0.6, -1.05],
  [-1.2, 0],
] as const;

/** Ten shapes; the first are the ones that are told apart most easily. */
const shapes: readonly Shape[] = [
  { paint: "dot", start: [0, 0], steps: [["h", 0]] },
  closed("fill", ...triangle),
  {
    paint: "outline",
    start: [-0.5, -0.5],
    steps: [
      ["l", 1, 1],
      ["m", -1, 0],
      ["l", 1, -1],
    ],
  },
  closed("fill", ...square),
  closed("outline", ...diamond),
  {
    paint: "outline",
    start: [-0.6, 0],
    steps: [
      ["l", 1.2, 0],
      ["m", -0.6, -0.6],
      ["l", 0, 1.2],
    ],
  },
  closed("fill", ...triangleDown),
  closed("outline", ...square),
  closed("fill", ...diamond),
  closed("outline", ...triangle),
];

/** Classes that can have a mark of their own: colour and shape together. */
export const distinctMarks = shapes.length * classColours.light.length;

/** The shape's number; behind ten classes the colours begin anew, with other shapes. */
function shapeNumber(index: number): number {
  return (index + Math.floor(index / classColours.light.length)) % shapes.length;
}

/**
 * Marks of one class in one path, in the class's colour and shape.
 *
 * @param points centres in pixels
 * @param size about the diameter, in pixels
 */
export function drawMarks(
  index: number,
  points: readonly (readonly [x: number, y: number])[],
  size: number,
  title?: string,
): Markup {
  const { start, steps, paint } = shapes[shapeNumber(index)] as Shape;
  // In tenths of a pixel and in order, so that the steps between them are short to write.
  const tenths = (value: number) => Math.round(10 * size * value);
  const rounded = steps.map(([letter, ...numbers]) => [letter, numbers.map(tenths)] as const);
  const shape = rounded.map(([letter, numbers]) => letter + joined(numbers)).join("");
  const [startX, startY] = [tenths(start[0]), tenths(start[1])];
  // A closed shape ends where it began.
  const open = rounded.every(([letter]) => letter !== "z") ? rounded : [];
  const [endX, endY] = open.reduce(([x, y], [, [dx = 0, dy = 0]]) => [x + dx, y + dy], [
    0, 0,
  ] as const as readonly [number, number]);
  const places = points
    .map(([x, y]) => [Math.round(10 * x) + startX, Math.round(10 * y) + startY] as const)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [atX, atY] = [0, 0];
  const moves = places.map(([x, y]) => {
    const move = `m${joined([x - atX, y - atY])}`;
    [atX, atY] = [x + endX, y + endY];
    return move + shape;
  });
  const inner = title === undefined ? undefined : markup`<title>${title}</title>`;
  return markup`<path class="${`marks ${paint} ${colourClass(index)}`}" transform="scale(0.1)" stroke-width="${paint === "dot" ? 10 * size : 14}" d="${moves.join("")}">${inner}</path>
`;
}

/** Numbers with as few characters between them as a path needs. */
function joined(numbers: readonly number[]): string {
  return numbers.map((n, i) => (i > 0 && n >= 0 ? ` ${n}` : String(n))).join("");
}

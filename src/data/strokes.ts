/** Points x0, y0, x1, y1, … in the square [−1, 1]², x to the right and y down. */
export type Polyline = readonly number[];

/** A figure and its strokes. */
export interface Stroke {
  readonly name: string;
  readonly lines: readonly Polyline[];
}

/** Segments that a quarter of an ellipse is drawn with: its error stays below 1/30 pixel. */
const quarterSteps = 5;

/** Directions of a quarter's ends, by quarter turns clockwise from the right. */
const turns = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/**
 * An elliptic arc of `quarters` quarter turns about (cx, cy) with half axes rx and ry, clockwise on
 * the screen from the quarter turn `start` (0 right, 1 bottom, 2 left, 3 top); negative `quarters` go
 * the other way. The circle's rational parametrisation needs no sine.
 */
function arc(
  cx: number,
  cy: number,
  rx: number,
  ry: number,
  start: number,
  quarters: number,
): Polyline {
  const points: number[] = [];
  const sense = quarters < 0 ? -1 : 1;
  for (let q = 0; q < Math.abs(quarters); q++) {
    const [ax, ay] = turn(start + sense * q);
    const [bx, by] = turn(start + sense * (q + 1));
    for (let k = q === 0 ? 0 : 1; k <= quarterSteps; k++) {
      const t = k / quarterSteps;
      const a = (1 - t * t) / (1 + t * t);
      const b = (2 * t) / (1 + t * t);
      points.push(cx + rx * (a * ax + b * bx), cy + ry * (a * ay + b * by));
    }
  }
  return points;
}

function turn(quarter: number): readonly [number, number] {
  return turns[((quarter % 4) + 4) % 4] as readonly [number, number];
}

/** The figures of the set `glyphs`, in label order. */
export const strokes: readonly Stroke[] = [
  { name: "ring", lines: [arc(0, 0, 0.85, 0.95, 3, 4)] },
  {
    name: "tee",
    lines: [
      [-0.85, -0.9, 0.85, -0.9],
      [0, -0.9, 0, 0.95],
    ],
  },
  {
    name: "cross",
    lines: [
      [-0.8, -0.9, 0.8, 0.9],
      [0.8, -0.9, -0.8, 0.9],
    ],
  },
  { name: "zigzag", lines: [[-0.8, -0.9, 0.8, -0.9, -0.8, 0.9, 0.8, 0.9]] },
  {
    name: "arch",
    lines: [[-0.8, 0.95, -0.8, -0.15, ...arc(0, -0.15, 0.8, 0.8, 2, 2), 0.8, 0.95]],
  },
  { name: "triangle", lines: [[0, -0.95, 0.9, 0.85, -0.9, 0.85, 0, -0.95]] },
  {
    name: "wave",
    lines: [
      [
        0.75,
        -0.95,
        ...arc(0, -0.475, 0.6, 0.475, 3, -2),
        ...arc(0, 0.475, 0.6, 0.475, 3, 2),
        -0.75,
        0.95,
      ],
    ],
  },
  { name: "fork", lines: [arc(0, -0.9, 0.8, 1, 2, -2), [0, -0.9, 0, 0.95]] },
  {
    name: "hook",
    lines: [[0.55, -0.95, 0.55, 0.35, ...arc(-0.05, 0.35, 0.6, 0.6, 0, 2)]],
  },
  {
    name: "gate",
    lines: [
      [-0.7, -0.95, -0.7, 0.95],
      [0.7, -0.95, 0.7, 0.95],
      [-0.7, 0, 0.7, 0],
    ],
  },
];

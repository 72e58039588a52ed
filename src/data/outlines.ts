import type { Polyline } from "./strokes.ts";

/** A closed figure: corners x0, y0, x1, y1, … with its centre of area at 0, 0 and the area π. */
export interface Outline {
  readonly name: string;
  readonly corners: Polyline;
  /** Distance from the centre to the farthest corner. */
  readonly radius: number;
}

/** Sides of a quarter of the ellipse: the corners' error stays below 1/50 pixel. */
const quarterSteps = 6;

/**
 * The figures of the set `shapes`, in label order. None is a square or a disc, and each looks the same
 * after half a turn at the soonest, so that one can read the orientation from any image.
 */
export const outlines: readonly Outline[] = [
  /* @__PURE__ */ outline("rectangle", [-1.6, -1, 1.6, -1, 1.6, 1, -1.6, 1]),
  /* @__PURE__ */ outline("ellipse", /* @__PURE__ */ ellipse(1.6, 1)),
  /* @__PURE__ */ outline("triangle", [0, -1.3, 0.95, 0.9, -0.95, 0.9]),
  /* @__PURE__ */ outline("ell", [-1, -1.4, -0.2, -1.4, -0.2, 0.6, 1, 0.6, 1, 1.4, -1, 1.4]),
  /* @__PURE__ */ outline(
    "arrow",
    [1.4, 0, 0.1, 1.2, 0.1, 0.45, -1.4, 0.45, -1.4, -0.45, 0.1, -0.45, 0.1, -1.2],
  ),
];

/** An ellipse with half axes rx and ry. The circle's rational parametrisation needs no sine. */
function ellipse(rx: number, ry: number): Polyline {
  const points: number[] = [];
  let [ax, ay] = [1, 0];
  for (let quarter = 0; quarter < 4; quarter++) {
    for (let k = 0; k < quarterSteps; k++) {
      const t = k / quarterSteps;
      const a = (1 - t * t) / (1 + t * t);
      const b = (2 * t) / (1 + t * t);
      points.push(rx * (a * ax - b * ay), ry * (a * ay + b * ax));
    }
    [ax, ay] = [-ay, ax];
  }
  return points;
}

/** Moves the centre of area to 0, 0 and scales the area to π. */
function outline(name: string, corners: Polyline): Outline {
  let [area, x, y] = [0, 0, 0];
  for (let p = 0; p < corners.length; p += 2) {
    const q = (p + 2) % corners.length;
    const [ax, ay, bx, by] = [corners[p]!, corners[p + 1]!, corners[q]!, corners[q + 1]!];
    const cross = ax * by - bx * ay;
    area += cross / 2;
    x += ((ax + bx) * cross) / 6;
    y += ((ay + by) * cross) / 6;
  }
  const scale = Math.sqrt(Math.PI / Math.abs(area));
  const moved = corners.map((at, p) => scale * (at - (p % 2 === 0 ? x : y) / area));
  let square = 0;
  for (let p = 0; p < moved.length; p += 2)
    square = Math.max(square, moved[p]! * moved[p]! + moved[p + 1]! * moved[p + 1]!);
  return { name, corners: moved, radius: Math.sqrt(square) };
}

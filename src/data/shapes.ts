import { checkCounts } from "../gpu/arguments.ts";
import { cosTurns, sinTurns } from "./exact.ts";
import { drawFactors, STYLES, styleOf } from "./factors.ts";
import { type Outline, outlines } from "./outlines.ts";
import type { Attribute, Dataset, Split } from "./types.ts";

/**
 * The procedural set `shapes`: a coloured figure on a grey ground, 32×32 RGB, drawn from known,
 * independent factors. Only operations that IEEE 754 rounds exactly are used (see exact.ts), so the same
 * seed has the same bits on every runtime.
 */
export const shapeSize = 32;

/** Names of the five classes, in label order. */
export const shapeNames: readonly string[] = /* @__PURE__ */ outlines.map(
  (outline) => outline.name,
);

/**
 * The factors, in the order of a row of `Split.factors.values`: the class; the hue in turns, from red
 * through green to violet, which does not close to a circle; the size as the radius in pixels of the
 * disc with the same area; the orientation in degrees clockwise; the centre of area's offset to the
 * right and down in pixels; the ground's grey. All but the class are uniform over [low, high).
 */
export const shapeFactors = [
  { name: "class", low: 0, high: 5 },
  { name: "hue", low: 0, high: 0.75 },
  { name: "size", low: 3.5, high: 6.5 },
  { name: "orientation", low: -45, high: 45 },
  { name: "x", low: -3.5, high: 3.5 },
  { name: "y", low: -3.5, high: 3.5 },
  { name: "ground", low: 0, high: 0.7 },
] as const;

/** The style: a third of the hues and a third of the sizes, which do not depend on the class. */
export const shapeStyle: Attribute = {
  name: "style",
  classes: STYLES,
  meaning: "third of the hues × third of the sizes",
};

/** What one image is drawn from; `label` is the class. Units as in `shapeFactors`. */
export interface Shape {
  label: number;
  hue: number;
  size: number;
  orientation: number;
  x: number;
  y: number;
  ground: number;
}

/** Saturation and value of every figure's colour. */
const SATURATION = 0.85;
const VALUE = 0.95;

/** Keeps the random numbers apart from those of other procedural sets. */
const FIRST_STREAM = 1000;

/**
 * Draws `count` images: image i has class i mod 5, so every prefix is balanced; the other factors
 * depend on (seed, stream, i) only. Different streams give independent images.
 */
export function makeShapes(count: number, seed: number, stream: number): Split<Uint8Array> {
  const bytes = shapeSize * shapeSize * 3;
  const images = new Uint8Array(count * bytes);
  const labels = new Uint8Array(count);
  const values = new Float32Array(count * shapeFactors.length);
  const styles = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const row = values.subarray(i * shapeFactors.length, (i + 1) * shapeFactors.length);
    drawFactors(shapeFactors, seed, FIRST_STREAM + stream, i, row);
    // Drawn from the stored float32 values, so that the factors say exactly what the image shows.
    const [label = 0, hue = 0, size = 0, orientation = 0, x = 0, y = 0, ground = 0] = row;
    labels[i] = label;
    styles[i] = styleOf(shapeFactors, ["hue", hue], ["size", size]);
    const image = images.subarray(i * bytes, (i + 1) * bytes);
    drawShape({ label, hue, size, orientation, x, y, ground }, image);
  }
  const factors = { names: shapeFactors.map((f) => f.name), values };
  return { images, labels, count, factors, attributes: { style: styles } };
}

/** Draws one shape with anti-aliased edges into `image` [32, 32, 3]. */
export function drawShape(shape: Shape, image: Uint8Array): void {
  const { corners, radius } = outlines[shape.label] as Outline;
  const polygon = place(corners, shape);
  const colour = rgb(shape.hue);
  image.fill(toByte(shape.ground));
  const reach = radius * shape.size + 1;
  const [left, right] = span(shape.x, reach);
  const [top, bottom] = span(shape.y, reach);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      // Coverage falls from 1 to 0 over the pixel that the edge crosses.
      const inside = 0.5 - signedDistance(polygon, column + 0.5, row + 0.5);
      if (inside <= 0) continue;
      const cover = Math.min(1, inside);
      const at = (row * shapeSize + column) * 3;
      for (let c = 0; c < 3; c++)
        image[at + c] = toByte(shape.ground + cover * (colour[c]! - shape.ground));
    }
  }
}

function toByte(value: number): number {
  return Math.floor(255 * value + 0.5);
}

/** First and last pixel within `reach` of the centre. */
function span(offset: number, reach: number): [number, number] {
  const centre = shapeSize / 2 + offset;
  return [
    Math.max(0, Math.floor(centre - reach)),
    Math.min(shapeSize - 1, Math.floor(centre + reach)),
  ];
}

/** The corners in pixels: scaled, turned and moved. */
function place(corners: readonly number[], shape: Shape): Float64Array {
  const cos = shape.size * cosTurns(shape.orientation / 360);
  const sin = shape.size * sinTurns(shape.orientation / 360);
  const placed = new Float64Array(corners.length);
  for (let p = 0; p < corners.length; p += 2) {
    const [u, v] = [corners[p]!, corners[p + 1]!];
    placed[p] = shapeSize / 2 + shape.x + cos * u - sin * v;
    placed[p + 1] = shapeSize / 2 + shape.y + sin * u + cos * v;
  }
  return placed;
}

/** Distance from a point to the polygon's edge, negative inside. */
function signedDistance(polygon: Float64Array, x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  let inside = false;
  let ax = polygon[polygon.length - 2]!;
  let ay = polygon[polygon.length - 1]!;
  for (let p = 0; p < polygon.length; p += 2) {
    const bx = polygon[p]!;
    const by = polygon[p + 1]!;
    const dx = bx - ax;
    const dy = by - ay;
    const px = x - ax;
    const py = y - ay;
    const t = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy)));
    const ex = px - t * dx;
    const ey = py - t * dy;
    least = Math.min(least, ex * ex + ey * ey);
    // A ray to the right crosses the edge: an odd number of crossings means inside.
    if (ay > y !== by > y && px < (dx * py) / dy) inside = !inside;
    ax = bx;
    ay = by;
  }
  const distance = Math.sqrt(least);
  return inside ? -distance : distance;
}

/** The colour of a hue in turns: [red, green, blue] from 0 to 1. */
function rgb(hue: number): [number, number, number] {
  const channel = (centre: number) => {
    const away = hue - centre - Math.floor(hue - centre + 0.5);
    const strength = Math.min(1, Math.max(0, 2 - 6 * Math.abs(away)));
    return VALUE * (1 - SATURATION * (1 - strength));
  };
  return [channel(0), channel(1 / 3), channel(2 / 3)];
}

/** `shapes` with another size or seed than the named set's. */
export function loadShapes(train = 20_000, test = 4_000, seed = 1): Dataset<Uint8Array> {
  checkCounts("loadShapes", { train, test, seed });
  return {
    name: "shapes",
    train: makeShapes(train, seed, 0),
    test: makeShapes(test, seed, 1),
    attributes: [shapeStyle],
    height: shapeSize,
    width: shapeSize,
    channels: 3,
    classes: shapeNames.length,
    classNames: shapeNames,
  };
}

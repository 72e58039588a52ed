import { checkCounts } from "../gpu/arguments.ts";
import { drawFactors, STYLES, styleOf } from "./factors.ts";
import { type Polyline, strokes } from "./strokes.ts";
import type { Attribute, Dataset, Split } from "./types.ts";

/**
 * The procedural set `glyphs`: ten stroke figures on 28×28 grey pixels (ink 255 on 0), drawn from
 * known, independent factors. Only + − × ÷ and the square root are used, all of which IEEE 754 rounds
 * exactly, so the same seed has the same bits on every runtime.
 */
export const glyphSize = 28;

/** Names of the ten classes, in label order. */
export const glyphNames: readonly string[] = strokes.map((stroke) => stroke.name);

/**
 * The factors, in the order of a row of `Split.factors.values`: the class; the slant as a shear (the
 * x that a point moves for each pixel above the centre); the stroke's width, and the centre's offset
 * to the right and down, in pixels. All but the class are uniform over [low, high).
 */
export const glyphFactors = [
  { name: "class", low: 0, high: 10 },
  { name: "slant", low: -0.4, high: 0.4 },
  { name: "thickness", low: 1.4, high: 3.6 },
  { name: "x", low: -2.5, high: 2.5 },
  { name: "y", low: -2.5, high: 2.5 },
] as const;

/** The style: a third of the slants and a third of the thicknesses, which do not depend on the class. */
export const glyphStyle: Attribute = {
  name: "style",
  classes: STYLES,
  meaning: "third of the slants × third of the thicknesses",
};

/** What one image is drawn from; `label` is the class. Units as in `glyphFactors`. */
export interface Glyph {
  label: number;
  slant: number;
  thickness: number;
  x: number;
  y: number;
}

/** Half the height of an untransformed figure in pixels. */
const scale = 7.5;

/**
 * Draws `count` images: image i has class i mod 10, so every prefix is balanced; the other factors
 * depend on (seed, stream, i) only. Different streams give independent images.
 */
export function makeGlyphs(count: number, seed: number, stream: number): Split<Uint8Array> {
  const pixels = glyphSize * glyphSize;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  const values = new Float32Array(count * glyphFactors.length);
  const styles = new Uint8Array(count);
  const distances = new Float64Array(pixels);
  for (let i = 0; i < count; i++) {
    const row = values.subarray(i * glyphFactors.length, (i + 1) * glyphFactors.length);
    drawFactors(glyphFactors, seed, stream, i, row);
    // Drawn from the stored float32 values, so that the factors say exactly what the image shows.
    const [label = 0, slant = 0, thickness = 0, x = 0, y = 0] = row;
    labels[i] = label;
    styles[i] = styleOf(glyphFactors, ["slant", slant], ["thickness", thickness]);
    const image = images.subarray(i * pixels, (i + 1) * pixels);
    drawGlyph({ label, slant, thickness, x, y }, image, distances);
  }
  const factors = { names: glyphFactors.map((f) => f.name), values };
  return { images, labels, count, factors, attributes: { style: styles } };
}

/**
 * Draws one glyph with anti-aliased strokes into `image` [28, 28]. `distances` is scratch space of
 * the same length.
 */
export function drawGlyph(
  glyph: Glyph,
  image: Uint8Array,
  distances: Float64Array = new Float64Array(image.length),
): void {
  const reach = glyph.thickness / 2 + 0.5;
  distances.fill(reach * reach);
  for (const line of (strokes[glyph.label] as { lines: readonly Polyline[] }).lines) {
    for (let p = 2; p < line.length; p += 2) {
      const [ax, ay] = place(glyph, line[p - 2]!, line[p - 1]!);
      const [bx, by] = place(glyph, line[p]!, line[p + 1]!);
      nearSegment(distances, reach, ax, ay, bx, by);
    }
  }
  for (let i = 0; i < image.length; i++) {
    // Coverage falls from 1 to 0 over the pixel that the stroke's edge crosses.
    const cover = Math.min(1, Math.max(0, reach - Math.sqrt(distances[i]!)));
    image[i] = Math.floor(255 * cover + 0.5);
  }
}

/** From the figure's square [−1, 1]² to pixels. */
function place(glyph: Glyph, u: number, v: number): [number, number] {
  const x = glyphSize / 2 + glyph.x + scale * (u - glyph.slant * v);
  const y = glyphSize / 2 + glyph.y + scale * v;
  return [x, y];
}

/** Lowers `distances` (squared, per pixel centre) to those of the segment a–b, within `reach`. */
function nearSegment(
  distances: Float64Array,
  reach: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
): void {
  const dx = bx - ax;
  const dy = by - ay;
  const lengthSquared = dx * dx + dy * dy;
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const right = Math.min(glyphSize - 1, Math.floor(Math.max(ax, bx) + reach));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const bottom = Math.min(glyphSize - 1, Math.floor(Math.max(ay, by) + reach));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - ax;
      const py = row + 0.5 - ay;
      const along = lengthSquared > 0 ? (px * dx + py * dy) / lengthSquared : 0;
      const t = Math.min(1, Math.max(0, along));
      const ex = px - t * dx;
      const ey = py - t * dy;
      const squared = ex * ex + ey * ey;
      const at = row * glyphSize + column;
      if (squared < distances[at]!) distances[at] = squared;
    }
  }
}

/** `glyphs` with another size or seed than the named set's. */
export function loadGlyphs(train = 10_000, test = 2_000, seed = 1): Dataset<Uint8Array> {
  checkCounts("loadGlyphs", { train, test, seed });
  return {
    name: "glyphs",
    train: makeGlyphs(train, seed, 0),
    test: makeGlyphs(test, seed, 1),
    attributes: [glyphStyle],
    height: glyphSize,
    width: glyphSize,
    channels: 1,
    classes: glyphNames.length,
    classNames: glyphNames,
  };
}

import shader from "../../shaders/conv2d_tiled.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Target } from "../gpu/target.ts";
import type { Value } from "../gpu/value.ts";
import {
  type ConvDirection,
  type ConvGeometry,
  convProduct,
  describeConv,
  flopsOf,
  geometryConstants,
  sharesFor,
} from "./conv-geometry.ts";
import { productCalls, WORKGROUP } from "./product.ts";
import { chooseTile } from "./tiles.ts";
import type { Tile, Variant } from "./variants.ts";
import { typeFor, widthFor } from "./widths.ts";

/** Summed elements that the shader stages at once. */
const DEPTH = 8;
/** Threads along each edge of a workgroup's tile. */
const EDGE = 8;
/** Heights and widths of the tile of a workgroup: up to 8 × 8 elements a thread. */
const ROWS = [64, 32];
const COLS = [64, 32, 16, 8];
/**
 * Channels from which neighbouring threads read neighbouring channels. With fewer they read the
 * same channel of neighbouring pixels (of neighbouring weights), which then lie closer together.
 */
const WIDE = 4;

/** Which operands neighbouring threads read along k. */
function alongK(direction: ConvDirection, g: ConvGeometry): { a: boolean; b: boolean } {
  switch (direction) {
    case "forward":
      return { a: g.inC >= WIDE, b: false };
    case "input gradient":
      return { a: g.outC >= WIDE, b: g.outC >= WIDE };
    case "weight gradient":
      return { a: g.inC < WIDE, b: false };
  }
}

/**
 * A direction of convolution with tiles in workgroup memory.
 *
 * @param a x; for the input gradient dy
 * @param b w; for the weight gradient dy
 * @param out y, dx or dw; shapes as in conv2dCalls and its gradients
 * @param variant a tile of {32, 64} rows and {8, 16, 32, 64} columns. Only the weight gradient's sum
 *   can be split; shares beyond the pixels' slices of 8 are zero
 * @returns one call, or those of a product and of the sum of its shares
 */
export function conv2dTiledCalls(
  op: string,
  direction: ConvDirection,
  a: Value,
  b: Value,
  g: ConvGeometry,
  out: Value,
  variant: Variant,
): Call[] {
  const { code, m, n, copies } = convProduct(direction, g);
  const along = alongK(direction, g);
  const { rows, cols, splits } = variant;
  const slices = Math.ceil((g.batch * g.outH * g.outW) / DEPTH);
  const storeWidth = (cols / EDGE) % 4 === 0 ? widthFor(n) : 1;
  return productCalls({
    op,
    name: `${op} ${describeConv(g)}`,
    variant,
    shader,
    operands: { a, b },
    output: out,
    storeWidth,
    aliases: { F: typeFor(storeWidth) },
    constants: {
      ...geometryConstants(g),
      DIRECTION: code,
      M: m,
      N: n,
      COPIES: copies * splits,
      SHARE: Math.ceil(slices / splits) * DEPTH,
      BATCH: g.batch,
      IN_C: g.inC,
      OUT_C: g.outC,
      F_WIDTH: storeWidth,
      ROWS: rows / EDGE,
      COLS: cols / EDGE,
      DEPTH,
      A_ALONG_K: along.a,
      B_ALONG_K: along.b,
    },
    workgroups: copies * splits * Math.ceil(m / rows) * Math.ceil(n / cols),
    flops: flopsOf(g),
  });
}

/** The variants with tiles in workgroup memory, the heuristic's first. */
export function conv2dTiledVariants(
  target: Target,
  direction: ConvDirection,
  g: ConvGeometry,
): Variant[] {
  const { m, n, copies } = convProduct(direction, g);
  const split = direction === "weight gradient";
  // Splitting the sum makes workgroups enough.
  const threads = split ? 1 : Math.ceil(target.tiles.threads / WORKGROUP);
  const accumulators = Math.max(...ROWS) * Math.max(...COLS);
  const first = chooseTile({ accumulators, threads }, m, n, ROWS, COLS, copies);
  const splitsOf = (tile: Tile): number => {
    const tiles = Math.ceil(m / tile.rows) * Math.ceil(n / tile.cols);
    return split ? sharesFor(g, tiles) : 1;
  };
  const variant = (tile: Tile, splits: number): Variant => ({
    ...tile,
    family: "tiled",
    splits,
    half: false,
  });
  const splits = splitsOf(first);
  const others = ROWS.flatMap((rows) => COLS.map((cols) => ({ rows, cols }))).filter(
    (t) => !(t.rows === first.rows && t.cols === first.cols) && t.rows < 2 * m && t.cols < 2 * n,
  );
  return [
    variant(first, splits),
    ...(splits > 1 ? [variant(first, Math.ceil(splits / 2))] : []),
    ...others.map((tile) => variant(tile, splitsOf(tile))),
  ];
}

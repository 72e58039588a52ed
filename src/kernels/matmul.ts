import shader from "../../shaders/matmul.wgsl";
import tiledShader from "../../shaders/matmul_tiled.wgsl";
import type { Call } from "../gpu/call.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import type { Target } from "../gpu/target.ts";
import type { Value } from "../gpu/value.ts";
import { flopsOf, geometryConstants, type MatmulGeometry } from "./matmul-geometry.ts";
import { matmulSubgroupsCalls, subgroupsVariant } from "./matmul-subgroups.ts";
import { productCalls, workgroupsOf } from "./product.ts";
import { tileVariants } from "./tiles.ts";
import { MOST_TURNS } from "./turns.ts";
import { chooseVariant, lengthClass, type Variant } from "./variants.ts";
import { typeFor, widthFor } from "./widths.ts";

/** Edge of the square tile of matmul_tiled.wgsl. */
const TILE = 64;
/** Shortest share of a split sum, and most shares. */
const SHORTEST_SHARE = 128;
const MOST_SPLITS = 64;

export type MatmulFamily = Variant["family"];

function describe(g: MatmulGeometry): string {
  const batch = g.batch > 1 ? `${g.batch}×` : "";
  return `${batch}${g.m}×${g.k}×${g.n}${g.transposeA ? " Aᵀ" : ""}${g.transposeB ? " Bᵀ" : ""}`;
}

/**
 * The class of shapes that share a tuned variant: lengths up to the next power of two, and whether
 * they are multiples of four.
 */
function shapeClass(g: MatmulGeometry): string {
  const length = (n: number) => `${lengthClass(n)}${n % 4 === 0 ? "" : " unaligned"}`;
  const axes = {
    ...g,
    batch: lengthClass(g.batch),
    m: length(g.m),
    n: length(g.n),
    k: length(g.k),
  };
  const batch = g.batch > 1 ? `${axes.batch}×` : "";
  const turned = `${g.transposeA ? " Aᵀ" : ""}${g.transposeB ? " Bᵀ" : ""}`;
  return `${batch}${axes.m}×${axes.k}×${axes.n}${turned}`;
}

/**
 * The calls of a matrix product.
 *
 * @param variant default: what the device's table or else the heuristic says; or the best of a
 *   family
 */
export function matmulCalls(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  variant?: Variant | MatmulFamily,
): Call[] {
  const chosen =
    typeof variant === "string"
      ? candidates(c.device.target, g).find((v) => v.family === variant)
      : (variant ?? ask(c.device.target, g));
  if (!chosen)
    throw new GpuValidationError(op, `the device was opened without what ${variant} takes`);
  switch (chosen.family) {
    case "tiled":
      return tiledCalls(op, a, b, g, c, chosen);
    case "subgroups":
      return matmulSubgroupsCalls(op, a, b, g, c, chosen);
    default:
      return registerCalls(op, a, b, g, c, chosen);
  }
}

/**
 * Workgroup-memory tiles for large products on GPUs, else register tiles. Both are candidates
 * everywhere; shared loads where the device was opened with subgroups.
 */
function candidates(target: Target, g: MatmulGeometry): Variant[] {
  const budget = target.tiles;
  const registers = tileVariants(target, {
    m: g.m,
    n: g.n,
    copies: g.batch,
    flops: flopsOf(g),
    rowStep: g.transposeA ? widthFor(g.m) : 1,
    columnStep: widthFor(g.n),
    splits: (tile) => {
      const tiles = g.batch * Math.ceil(g.m / tile.rows) * Math.ceil(g.n / tile.cols);
      const least = Math.max(1, Math.ceil(g.k / MOST_TURNS));
      const most = Math.min(Math.floor(g.k / SHORTEST_SHARE), MOST_SPLITS);
      const splits = Math.max(least, Math.min(most, Math.floor((2 * budget.threads) / tiles)));
      const twice = Math.max(least, Math.min(most, 2 * splits));
      return [...new Set([splits, Math.max(least, Math.ceil(splits / 2)), twice])];
    },
  });
  const tiled: Variant = { family: "tiled", rows: TILE, cols: TILE, splits: 1, half: false };
  const large = g.m >= TILE && g.n >= TILE && g.k >= 32;
  const subgroups: Variant[] = target.has.subgroups ? [subgroupsVariant(target, g)] : [];
  return target.software || !large
    ? [...registers, tiled, ...subgroups]
    : [tiled, ...registers, ...subgroups];
}

function ask(target: Target, g: MatmulGeometry): Variant {
  const kernel = "matmul";
  return chooseVariant(target.variants, {
    kernel,
    shape: shapeClass(g),
    candidates: candidates(target, g),
    plain: { rows: g.transposeA ? widthFor(g.m) : 1, cols: widthFor(g.n) },
    operands: [(g.sharedA ? 1 : g.batch) * g.m * g.k, (g.sharedB ? 1 : g.batch) * g.k * g.n],
    result: g.batch * g.m * g.n,
    calls: ([a, b], c, variant) => matmulCalls(kernel, a as Value, b as Value, g, c, variant),
  });
}

function registerCalls(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  variant: Variant,
): Call[] {
  // Width of a load: along the contiguous axis, which is m or k for A and k or n for B.
  const aWidth = widthFor(g.transposeA ? g.m : g.k);
  const bWidth = widthFor(g.transposeB ? g.k : g.n);
  const fWidth = widthFor(g.n);
  const cols = variant.cols / fWidth;
  const tiles = Math.ceil(g.m / variant.rows) * Math.ceil(g.n / fWidth / cols);
  return productCalls({
    op,
    name: `${op} ${describe(g)}`,
    variant,
    shader,
    operands: { a, b },
    widths: { a: aWidth, b: bWidth },
    output: c,
    storeWidth: fWidth,
    columns: g.n,
    aliases: { AX: typeFor(aWidth), BX: typeFor(bWidth), F: typeFor(fWidth) },
    constants: {
      ...geometryConstants(g, fWidth),
      ROWS: variant.rows,
      UNROLL_STORES: c.device.target.tiles.unrollStores,
      COLS: cols,
      BLOCK: widthFor(g.k),
      A_WIDTH: aWidth,
      B_WIDTH: bWidth,
      SPLITS: variant.splits,
    },
    workgroups: workgroupsOf(g.batch * tiles * variant.splits),
    flops: flopsOf(g),
  });
}

function tiledCalls(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  variant: Variant,
): Call[] {
  const fWidth = widthFor(g.n);
  return productCalls({
    op,
    name: `${op} ${describe(g)} tiled`,
    variant,
    shader: tiledShader,
    operands: { a, b },
    output: c,
    storeWidth: fWidth,
    aliases: { F: typeFor(fWidth) },
    constants: geometryConstants(g, fWidth),
    workgroups: g.batch * Math.ceil(g.m / TILE) * Math.ceil(g.n / TILE),
    flops: flopsOf(g),
  });
}

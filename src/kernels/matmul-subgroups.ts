import shader from "../../shaders/matmul_subgroups.wgsl";
import type { Call } from "../gpu/call.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import type { Target } from "../gpu/target.ts";
import type { Value } from "../gpu/value.ts";
import { flopsOf, geometryConstants, type MatmulGeometry } from "./matmul-geometry.ts";
import { productCalls } from "./product.ts";
import { chooseTile } from "./tiles.ts";
import type { Variant } from "./variants.ts";
import { typeFor, widthFor } from "./widths.ts";

/** Threads of a workgroup, which lie side by side along C's rows. */
const ACROSS = 64;

/** By fours where that leaves no thread of a workgroup without a column. */
function storeWidthFor(g: MatmulGeometry): 1 | 4 {
  return g.n >= 4 * ACROSS ? widthFor(g.n) : 1;
}

/** Whether a load of A gives four elements of a column of C. */
function readsRowsByFours(g: MatmulGeometry): boolean {
  return g.transposeA && widthFor(g.m) === 4;
}

/** The variant that suits a shape. Its tile is a thread's. */
export function subgroupsVariant(target: Target, g: MatmulGeometry): Variant {
  const width = storeWidthFor(g);
  const budget = target.tiles;
  const tile = chooseTile(
    { ...budget, accumulators: Math.min(64, budget.accumulators) },
    g.m,
    // Whole workgroups, so that threads without a column count.
    Math.ceil(g.n / (width * ACROSS)) * width * ACROSS,
    readsRowsByFours(g) ? [8, 4] : [8, 4, 2, 1],
    [2 * width, width],
    g.batch,
  );
  return { ...tile, family: "subgroups", splits: 1, half: false };
}

/**
 * A matrix product whose threads share their loads by shuffles within subgroups of whatever size.
 * Runs on devices with `has.subgroups`.
 *
 * @param a [batch, m, k], or [batch, k, m] transposed; without a batch where it is shared
 * @param b [batch, k, n], or [batch, n, k] transposed; likewise
 * @param c [batch, m, n]
 * @param variant unsplit; its tile is a thread's. The width is a multiple of 4 where C is stored by
 *   fours, the height where A is transposed and its rows are multiples of 4
 * @throws GpuValidationError for another
 */
export function matmulSubgroupsCalls(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  variant: Variant = subgroupsVariant(c.device.target, g),
): Call[] {
  const { rows, cols, splits } = variant;
  const block = widthFor(g.k);
  const storeWidth = storeWidthFor(g);
  const aWidth = g.transposeA ? widthFor(g.m) : block;
  const bWidth = g.transposeB ? block : storeWidth;
  if (cols % storeWidth !== 0 || (readsRowsByFours(g) && rows % 4 !== 0) || splits !== 1)
    throw new GpuValidationError(op, `no tile ${rows}×${cols} in ${splits} shares with subgroups`);
  return productCalls({
    op,
    name: `${op} ${g.batch}×${g.m}×${g.k}×${g.n} subgroups`,
    variant,
    shader,
    operands: { a, b },
    output: c,
    storeWidth,
    columns: g.n,
    aliases: {
      AX: typeFor(aWidth),
      BX: typeFor(bWidth),
      X: typeFor(block),
      F: typeFor(storeWidth),
    },
    constants: {
      ...geometryConstants(g, storeWidth),
      ROWS: rows,
      COLS: cols / storeWidth,
      A_WIDTH: aWidth,
      B_WIDTH: bWidth,
      BLOCK: block,
    },
    workgroups: g.batch * Math.ceil(g.m / rows) * Math.ceil(g.n / (cols * ACROSS)),
    flops: flopsOf(g),
  });
}

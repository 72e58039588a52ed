import shader from "../../shaders/conv2d_subgroups.wgsl";
import tiledShader from "../../shaders/conv2d_tiled.wgsl";
import type { Call } from "../gpu/call.ts";
import { GpuValidationError } from "../gpu/errors.ts";
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
import { productCalls } from "./product.ts";
import { chooseTile } from "./tiles.ts";
import type { Variant } from "./variants.ts";

/** Threads of a workgroup, side by side along the columns. */
const ACROSS = 64;
/** Heights and widths of a thread's tile. */
const ROWS = [16, 8, 4];
const COLS = [2, 1];
const MOST_ACCUMULATORS = 16;
/** Fewest columns: with fewer most threads of a workgroup have none. */
const FEWEST_COLUMNS = 32;

/** The shader with the parts of conv2d_tiled.wgsl that say where operands and results lie. */
const whole = [
  ...tiledShader.matchAll(/^[ \t]*\/\/@part (\w+)\n([\s\S]*?)^[ \t]*\/\/@end part\n/gm),
].reduce(
  (text, [, name, part]) =>
    text.replace(new RegExp(`^[ \\t]*//@insert ${name}\\n`, "m"), () => part as string),
  shader,
);

/**
 * A direction of convolution whose threads share their loads by shuffles within subgroups of whatever
 * size. Runs on devices with `has.subgroups`.
 *
 * @param a x; for the input gradient dy
 * @param b w; for the weight gradient dy
 * @param out y, dx or dw; shapes as in conv2dCalls and its gradients
 * @param variant its tile is a thread's. Only the weight gradient's sum can be split
 * @returns one call, or those of a product and of the sum of its shares
 * @throws GpuValidationError where another direction's sum is to be split
 */
export function conv2dSubgroupsCalls(
  op: string,
  direction: ConvDirection,
  a: Value,
  b: Value,
  g: ConvGeometry,
  out: Value,
  variant: Variant,
): Call[] {
  const { code, m, n, copies } = convProduct(direction, g);
  const { rows, cols, splits } = variant;
  if (splits !== 1 && direction !== "weight gradient")
    throw new GpuValidationError(op, `the ${direction} is not split into ${splits} shares`);
  return productCalls({
    op,
    name: `${op} ${describeConv(g)}`,
    variant,
    shader: whole,
    operands: { a, b },
    output: out,
    storeWidth: 1,
    columns: n,
    aliases: {},
    constants: {
      ...geometryConstants(g),
      DIRECTION: code,
      M: m,
      N: n,
      COPIES: copies * splits,
      SHARE: Math.ceil((g.batch * g.outH * g.outW) / splits),
      BATCH: g.batch,
      IN_C: g.inC,
      OUT_C: g.outC,
      ROWS: rows,
      COLS: cols,
      UNROLL_LOADS: out.device.target.tiles.unrollStores,
    },
    workgroups: copies * splits * Math.ceil(m / rows) * Math.ceil(n / (cols * ACROSS)),
    flops: flopsOf(g),
  });
}

/** The variant that suits a shape; none where the device has no subgroups or the shape few columns. */
export function conv2dSubgroupsVariants(
  target: Target,
  direction: ConvDirection,
  g: ConvGeometry,
): Variant[] {
  const { m, n, copies } = convProduct(direction, g);
  if (!target.has.subgroups || n < FEWEST_COLUMNS) return [];
  const split = direction === "weight gradient";
  const tile = chooseTile(
    {
      accumulators: Math.min(MOST_ACCUMULATORS, target.tiles.accumulators),
      threads: split ? 1 : target.tiles.threads,
    },
    m,
    // Whole workgroups, so that threads without a column count.
    Math.ceil(n / ACROSS) * ACROSS,
    ROWS,
    COLS,
    copies,
  );
  const tiles = Math.ceil(m / tile.rows) * Math.ceil(n / (tile.cols * ACROSS));
  const splits = split ? sharesFor(g, tiles) : 1;
  return [{ ...tile, family: "subgroups", splits, half: false }];
}

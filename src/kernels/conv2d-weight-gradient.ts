import shader from "../../shaders/conv2d_weight_gradient.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Target } from "../gpu/target.ts";
import type { Value } from "../gpu/value.ts";
import {
  type ConvGeometry,
  convShapeClass,
  describeConv,
  flopsOf,
  geometryConstants,
  imageSizes,
} from "./conv-geometry.ts";
import { conv2dSubgroupsCalls, conv2dSubgroupsVariants } from "./conv2d-subgroups.ts";
import { conv2dTiledCalls, conv2dTiledVariants } from "./conv2d-tiled.ts";
import { productCalls, workgroupsOf } from "./product.ts";
import { inHeuristicOrder, tileVariants } from "./tiles.ts";
import { MOST_TURNS } from "./turns.ts";
import { chooseVariant, type Variant } from "./variants.ts";
import { typeFor, widthFor } from "./widths.ts";

/**
 * Pixels that a thread takes at once, which saves loading and storing its sums. With rows of single
 * channels it gains a tenth on llvmpipe, and SwiftShader's compiler does not come to an end.
 */
const DEPTH = { 1: 1, 4: 4 } as const;
/** Fewest pixels that are worth a share of the sum, and most shares. */
const SHORTEST_SHARE = 64;
const MOST_SPLITS = 256;

/**
 * dw = weight gradient of conv2d, and of the transposed convolution with the roles of the images
 * swapped. x: [batch, inH, inW, inC], dy: [batch, outH, outW, outC].
 *
 * @param variant default: what the device's table or else the heuristic says
 * @returns one call, or two where the sum over the pixels is split
 */
export function conv2dWeightGradientCalls(
  op: string,
  x: Value,
  dy: Value,
  g: ConvGeometry,
  dw: Value,
  variant: Variant = weightGradientVariant(dw.device.target, g),
): Call[] {
  if (variant.family === "tiled")
    return conv2dTiledCalls(op, "weight gradient", x, dy, g, dw, variant);
  if (variant.family === "subgroups")
    return conv2dSubgroupsCalls(op, "weight gradient", x, dy, g, dw, variant);
  const xWidth = widthFor(g.inC);
  const fWidth = widthFor(g.outC);
  return productCalls({
    op,
    name: `${op} ${describeConv(g)}`,
    variant,
    shader,
    operands: { x, dy },
    widths: { x: xWidth, dy: fWidth },
    output: dw,
    storeWidth: fWidth,
    aliases: { X: typeFor(xWidth), F: typeFor(fWidth) },
    constants: {
      ...geometryConstants(g),
      ROWS: variant.rows / xWidth,
      COLS: variant.cols / fWidth,
      DEPTH: DEPTH[xWidth],
      SPLITS: variant.splits,
      BATCH: g.batch,
      IN_C: g.inC / xWidth,
      COLUMNS: g.outC / fWidth,
      X_WIDTH: xWidth,
      F_WIDTH: fWidth,
    },
    workgroups: workgroupsOf(tilesOf(g, variant) * variant.splits),
    flops: flopsOf(g),
  });
}

/** Tiles of the matrix of weights, [kernelH · kernelW · inC, outC]. */
function tilesOf(g: ConvGeometry, { rows, cols }: Pick<Variant, "rows" | "cols">): number {
  return Math.ceil((g.kernelH * g.kernelW * g.inC) / rows) * Math.ceil(g.outC / cols);
}

function weightGradientVariant(target: Target, g: ConvGeometry): Variant {
  const budget = target.tiles;
  const pixels = g.batch * g.outH * g.outW;
  const taps = g.kernelH * g.kernelW;
  const rowStep = widthFor(g.inC);
  const columnStep = widthFor(g.outC);
  // Enough shares to fill the adapter, but none too short.
  const least = Math.ceil(pixels / MOST_TURNS);
  const most = Math.max(1, Math.min(MOST_SPLITS, Math.floor(pixels / SHORTEST_SHARE)));
  const registers = tileVariants(target, {
    m: taps * g.inC,
    n: g.outC,
    flops: flopsOf(g),
    threads: 1, // splitting the sum makes the threads
    rowStep,
    columnStep,
    // All taps of an image of one channel fit one tile.
    ...(rowStep === 1 && taps <= 9 ? { extraRows: taps } : {}),
    ...(rowStep === 1 ? { largest: budget.accumulators } : {}),
    splits: (tile) => {
      const wanted = Math.ceil((4 * Math.max(budget.threads, 256)) / tilesOf(g, tile));
      const splits = Math.max(least, Math.min(wanted, most));
      const half = Math.max(least, Math.ceil(splits / 2));
      return [...new Set([splits, half, Math.max(least, Math.min(2 * splits, most))])];
    },
  });
  const tiled = conv2dTiledVariants(target, "weight gradient", g);
  const shared = conv2dSubgroupsVariants(target, "weight gradient", g);
  const ordered = inHeuristicOrder(target, { m: taps * g.inC, n: g.outC }, registers, tiled);
  const kernel = "conv2d weight gradient";
  const sizes = imageSizes(g);
  return chooseVariant(target.variants, {
    kernel,
    shape: convShapeClass(g),
    candidates: [...ordered, ...shared],
    plain: { rows: rowStep, cols: columnStep },
    operands: [sizes.x, sizes.y],
    result: sizes.w,
    calls: ([x, dy], dw, variant) =>
      conv2dWeightGradientCalls(kernel, x as Value, dy as Value, g, dw, variant),
  });
}

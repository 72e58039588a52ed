import forwardShader from "../../shaders/conv2d.wgsl";
import inputGradientShader from "../../shaders/conv2d_input_gradient.wgsl";
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
import { inHeuristicOrder, type TileSearch, tileVariants } from "./tiles.ts";
import { chooseVariant, type Variant } from "./variants.ts";
import { typeFor, widthFor } from "./widths.ts";

/**
 * y = conv2d(x, w). x: [batch, inH, inW, inC], w: [kernelH, kernelW, inC, outC].
 *
 * @param variant default: what the device's table or else the heuristic says
 */
export function conv2dCalls(
  op: string,
  x: Value,
  w: Value,
  g: ConvGeometry,
  y: Value,
  variant: Variant = forwardVariant(y.device.target, g),
): Call[] {
  if (variant.family === "tiled") return conv2dTiledCalls(op, "forward", x, w, g, y, variant);
  if (variant.family === "subgroups")
    return conv2dSubgroupsCalls(op, "forward", x, w, g, y, variant);
  const xWidth = widthFor(g.inC);
  const fWidth = widthFor(g.outC);
  const pixels = g.batch * g.outH * g.outW;
  const cols = variant.cols / fWidth;
  const columns = g.outC / fWidth;
  return productCalls({
    op,
    name: `${op} ${describeConv(g)}`,
    variant,
    shader: forwardShader,
    operands: { x, w },
    widths: { x: xWidth, w: fWidth },
    output: y,
    storeWidth: fWidth,
    columns: g.outC,
    aliases: { X: typeFor(xWidth), F: typeFor(fWidth) },
    constants: {
      ...geometryConstants(g),
      ROWS: variant.rows,
      UNROLL_STORES: y.device.target.tiles.unrollStores,
      COLS: cols,
      PIXELS: pixels,
      COLUMNS: columns,
      IN_C: g.inC / xWidth,
      X_WIDTH: xWidth,
      F_WIDTH: fWidth,
    },
    workgroups: workgroupsOf(Math.ceil(pixels / variant.rows) * Math.ceil(columns / cols)),
    flops: flopsOf(g),
  });
}

function forwardVariant(target: Target, g: ConvGeometry): Variant {
  const search: TileSearch = {
    m: g.batch * g.outH * g.outW,
    n: g.outC,
    flops: flopsOf(g),
    rowStep: 1,
    columnStep: widthFor(g.outC),
  };
  const sizes = imageSizes(g);
  const registers = tileVariants(target, search);
  const tiled = conv2dTiledVariants(target, "forward", g);
  const shared = conv2dSubgroupsVariants(target, "forward", g);
  return chooseVariant(target.variants, {
    kernel: "conv2d",
    shape: convShapeClass(g),
    candidates: [...inHeuristicOrder(target, search, registers, tiled), ...shared],
    plain: { rows: search.rowStep, cols: search.columnStep },
    operands: [sizes.x, sizes.w],
    result: sizes.y,
    calls: ([a, b], out, variant) => conv2dCalls("conv2d", a as Value, b as Value, g, out, variant),
  });
}

/**
 * dx = input gradient of conv2d, which is the forward of transposed convolution.
 * dy: [batch, outH, outW, outC], w: [kernelH, kernelW, inC, outC], dx: [batch, inH, inW, inC].
 *
 * @param variant default: what the device's table or else the heuristic says
 */
export function conv2dInputGradientCalls(
  op: string,
  dy: Value,
  w: Value,
  g: ConvGeometry,
  dx: Value,
  variant: Variant = inputGradientVariant(dx.device.target, g),
): Call[] {
  if (variant.family === "tiled")
    return conv2dTiledCalls(op, "input gradient", dy, w, g, dx, variant);
  if (variant.family === "subgroups")
    return conv2dSubgroupsCalls(op, "input gradient", dy, w, g, dx, variant);
  const yWidth = widthFor(g.outC);
  const fWidth = widthFor(g.inC);
  const phases = g.strideH * g.strideW;
  const cols = variant.cols / fWidth;
  const columns = g.inC / fWidth;
  const tiles = Math.ceil(phasePixels(g) / variant.rows) * Math.ceil(columns / cols);
  return productCalls({
    op,
    name: `${op} ${describeConv(g)}`,
    variant,
    shader: inputGradientShader,
    operands: { dy, w },
    widths: { dy: yWidth, w: yWidth },
    output: dx,
    storeWidth: fWidth,
    columns: g.inC,
    aliases: { Y: typeFor(yWidth), F: typeFor(fWidth) },
    constants: {
      ...geometryConstants(g),
      ROWS: variant.rows,
      UNROLL_STORES: dx.device.target.tiles.unrollStores,
      COLS: cols,
      BATCH: g.batch,
      COLUMNS: columns,
      OUT_C: g.outC / yWidth,
      Y_WIDTH: yWidth,
      F_WIDTH: fWidth,
    },
    workgroups: workgroupsOf(phases * tiles),
    flops: flopsOf(g),
  });
}

/** Pixels of one of the strideH · strideW phases of dx. */
function phasePixels(g: ConvGeometry): number {
  return g.batch * Math.ceil(g.inH / g.strideH) * Math.ceil(g.inW / g.strideW);
}

function inputGradientVariant(target: Target, g: ConvGeometry): Variant {
  const search: TileSearch = {
    m: phasePixels(g),
    n: g.inC,
    copies: g.strideH * g.strideW,
    flops: flopsOf(g),
    rowStep: 1,
    columnStep: widthFor(g.inC),
  };
  const sizes = imageSizes(g);
  const registers = tileVariants(target, search);
  const tiled = conv2dTiledVariants(target, "input gradient", g);
  const shared = conv2dSubgroupsVariants(target, "input gradient", g);
  return chooseVariant(target.variants, {
    kernel: "conv2d input gradient",
    shape: convShapeClass(g),
    candidates: [...inHeuristicOrder(target, search, registers, tiled), ...shared],
    plain: { rows: search.rowStep, cols: search.columnStep },
    operands: [sizes.y, sizes.w],
    result: sizes.x,
    calls: ([a, b], out, variant) =>
      conv2dInputGradientCalls("conv2d input gradient", a as Value, b as Value, g, out, variant),
  });
}

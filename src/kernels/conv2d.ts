import forwardShader from "../../shaders/conv2d.wgsl";
import inputGradientShader from "../../shaders/conv2d_input_gradient.wgsl";
import weightGradientShader from "../../shaders/conv2d_weight_gradient.wgsl";
import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import { Value } from "../gpu/value.ts";
import { bytesOf, callWithEpilogue, gridConstants, writeEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./facets.ts";
import { sumPartials } from "./partials.ts";
import { specialise } from "./specialise.ts";
import { prefersTextures, readTextures } from "./textures.ts";
import { chooseTile, tileBudget } from "./tiles.ts";

const WORKGROUP = 64;

/**
 * Shapes of one convolution and of its two gradients. `in` is the image that conv2d reads, `out`
 * the one it makes; for a transposed convolution the roles are swapped.
 */
export interface ConvGeometry {
  readonly batch: number;
  readonly inH: number;
  readonly inW: number;
  readonly inC: number;
  readonly outH: number;
  readonly outW: number;
  readonly outC: number;
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** Zeros in front; those behind follow from the output's size. */
  readonly padTop: number;
  readonly padLeft: number;
}

/** Multiply-adds of each of the three directions, twice: padding counts as if it were there. */
function flopsOf(g: ConvGeometry): number {
  return 2 * g.batch * g.outH * g.outW * g.outC * g.kernelH * g.kernelW * g.inC;
}

function describe(g: ConvGeometry): string {
  return `${g.batch}×${g.inH}×${g.inW}×${g.inC}→${g.outH}×${g.outW}×${g.outC} k${g.kernelH} s${g.strideH}`;
}

function sharedConstants(g: ConvGeometry): Record<string, number> {
  return {
    IN_H: g.inH,
    IN_W: g.inW,
    OUT_H: g.outH,
    OUT_W: g.outW,
    KERNEL_H: g.kernelH,
    KERNEL_W: g.kernelW,
    STRIDE_H: g.strideH,
    STRIDE_W: g.strideW,
    PAD_TOP: g.padTop,
    PAD_LEFT: g.padLeft,
  };
}

const widthFor = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);
const typeFor = (width: 1 | 4): string => (width === 4 ? "vec4f" : "f32");

/** y = conv2d(x, w). x: [batch, inH, inW, inC], w: [kernelH, kernelW, inC, outC]. */
export function conv2dCall(
  op: string,
  x: Value,
  w: Value,
  g: ConvGeometry,
  y: Value,
  epilogue?: Epilogue,
): Call {
  const xWidth = widthFor(g.inC);
  const fWidth = widthFor(g.outC);
  const pixels = g.batch * g.outH * g.outW;
  const tile = chooseTile(
    tileBudget(y.device),
    pixels,
    g.outC,
    [8, 4, 2, 1],
    fWidth === 4 ? [16, 8, 4] : [8, 4, 2, 1],
  );
  const widths = { x: xWidth, w: fWidth };
  const textures = prefersTextures(y.device, [x, w], widths);
  const shader = textures ? readTextures(op, forwardShader, y.device.textures.reads, widths) : forwardShader;
  const cols = tile.cols / fWidth;
  const columns = g.outC / fWidth;
  const threads = Math.ceil(pixels / tile.rows) * Math.ceil(columns / cols);
  const source = (inputs: readonly Value[]): KernelSource => {
    const workgroups = foldWorkgroups(Math.ceil(threads / WORKGROUP));
    const written = writeEpilogue(shader, epilogue, fWidth, 2);
    return {
      name: `${op} ${describe(g)}`,
      code: specialise(written.text, {
        op,
        sizeBound: tileBudget(y.device).characters,
        aliases: { X: typeFor(xWidth), F: typeFor(fWidth) },
        constants: {
          ...sharedConstants(g),
          ...gridConstants(workgroups),
          ROWS: tile.rows,
          COLS: cols,
          PIXELS: pixels,
          COLUMNS: columns,
          IN_C: g.inC / xWidth,
          X_WIDTH: xWidth,
          F_WIDTH: fWidth,
        },
      }),
      workgroups,
      flops: flopsOf(g),
      bytes: bytesOf(inputs) + y.bytes,
    };
  };
  const again = (e: Epilogue) => conv2dCall(op, x, w, g, y, e);
  return callWithEpilogue({
    op,
    inputs: [x, w],
    result: y,
    width: fWidth,
    epilogue,
    again,
    source,
    textures,
  });
}

/**
 * dx = input gradient of conv2d, which is the forward of transposed convolution.
 * dy: [batch, outH, outW, outC], w: [kernelH, kernelW, inC, outC], dx: [batch, inH, inW, inC].
 */
export function conv2dInputGradientCall(
  op: string,
  dy: Value,
  w: Value,
  g: ConvGeometry,
  dx: Value,
  epilogue?: Epilogue,
): Call {
  const yWidth = widthFor(g.outC);
  const fWidth = widthFor(g.inC);
  const phases = g.strideH * g.strideW;
  const pixels = g.batch * Math.ceil(g.inH / g.strideH) * Math.ceil(g.inW / g.strideW);
  const tile = chooseTile(
    tileBudget(dx.device),
    pixels,
    g.inC,
    [8, 4, 2, 1],
    fWidth === 4 ? [16, 8, 4] : [8, 4, 2, 1],
    phases,
  );
  const widths = { dy: yWidth, w: yWidth };
  const textures = prefersTextures(dx.device, [dy, w], widths);
  const shader = textures ? readTextures(op, inputGradientShader, dx.device.textures.reads, widths) : inputGradientShader;
  const cols = tile.cols / fWidth;
  const columns = g.inC / fWidth;
  const threads = phases * Math.ceil(pixels / tile.rows) * Math.ceil(columns / cols);
  const source = (inputs: readonly Value[]): KernelSource => {
    const workgroups = foldWorkgroups(Math.ceil(threads / WORKGROUP));
    const written = writeEpilogue(shader, epilogue, fWidth, 2);
    return {
      name: `${op} ${describe(g)}`,
      code: specialise(written.text, {
        op,
        sizeBound: tileBudget(dx.device).characters,
        aliases: { Y: typeFor(yWidth), F: typeFor(fWidth) },
        constants: {
          ...sharedConstants(g),
          ...gridConstants(workgroups),
          ROWS: tile.rows,
          COLS: cols,
          BATCH: g.batch,
          COLUMNS: columns,
          OUT_C: g.outC / yWidth,
          Y_WIDTH: yWidth,
          F_WIDTH: fWidth,
        },
      }),
      workgroups,
      flops: flopsOf(g),
      bytes: bytesOf(inputs) + dx.bytes,
    };
  };
  const again = (e: Epilogue) => conv2dInputGradientCall(op, dy, w, g, dx, e);
  const inputs = [dy, w];
  return callWithEpilogue({
    op,
    inputs,
    result: dx,
    width: fWidth,
    epilogue,
    again,
    source,
    textures,
  });
}

/**
 * dw = weight gradient of conv2d, and of the transposed convolution with the roles of the images
 * swapped. x: [batch, inH, inW, inC], dy: [batch, outH, outW, outC].
 *
 * @returns one call, or two where the sum over the pixels is split
 */
export function conv2dWeightGradientCalls(
  op: string,
  x: Value,
  dy: Value,
  g: ConvGeometry,
  dw: Value,
): Call[] {
  const xWidth = widthFor(g.inC);
  const fWidth = widthFor(g.outC);
  const weightRows = g.kernelH * g.kernelW * g.inC;
  const lines = g.batch * g.outH;
  const budget = tileBudget(dw.device);
  const taps = g.kernelH * g.kernelW;
  const tile = chooseTile(
    { ...budget, threads: 1 }, // splitting the sum makes the threads
    weightRows,
    g.outC,
    xWidth === 4 ? [8, 4] : [...new Set([Math.min(taps, 9), 8, 4, 2, 1])],
    fWidth === 4 ? [16, 8, 4] : [8, 4, 2, 1],
  );
  const rows = tile.rows / xWidth;
  const cols = tile.cols / fWidth;
  const tiles = Math.ceil(weightRows / xWidth / rows) * Math.ceil(g.outC / fWidth / cols);
  // Enough shares to fill the adapter, but none of less than some 64 pixels.
  const most = Math.max(1, Math.floor((lines * g.outW) / 64));
  const wanted = Math.ceil((4 * Math.max(budget.threads, 256)) / tiles);
  const splits = Math.max(1, Math.min(wanted, most, lines, 256));
  const widths = { x: xWidth, dy: fWidth };
  const textures = prefersTextures(dw.device, [x, dy], widths);
  const shader = textures ? readTextures(op, weightGradientShader, dw.device.textures.reads, widths) : weightGradientShader;
  const partial =
    splits === 1 ? dw : new Value(dw.device, "f32", splits * dw.size, `${op} partial`);
  const product = (epilogue?: Epilogue): Call => {
    const source = (inputs: readonly Value[]): KernelSource => {
      const workgroups = foldWorkgroups(Math.ceil((tiles * splits) / WORKGROUP));
      const written = writeEpilogue(shader, epilogue, fWidth, 2);
      return {
        name: `${op} ${describe(g)}`,
        code: specialise(written.text, {
          op,
          sizeBound: tileBudget(dw.device).characters,
          aliases: { X: typeFor(xWidth), F: typeFor(fWidth) },
          constants: {
            ...sharedConstants(g),
            ...gridConstants(workgroups),
            ROWS: rows,
            COLS: cols,
            SPLITS: splits,
            BATCH: g.batch,
            IN_C: g.inC / xWidth,
            COLUMNS: g.outC / fWidth,
            X_WIDTH: xWidth,
            F_WIDTH: fWidth,
          },
        }),
        workgroups,
        flops: flopsOf(g),
        bytes: bytesOf(inputs) + partial.bytes,
      };
    };
    const again = splits === 1 ? product : undefined;
    const inputs = [x, dy];
    return callWithEpilogue({
      op,
      inputs,
      result: partial,
      width: fWidth,
      epilogue,
      again,
      source,
      textures,
    });
  };
  return splits === 1 ? [product()] : [product(), ...sumPartials(op, partial, splits, dw)];
}

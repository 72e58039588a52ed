import { lengthClass } from "./variants.ts";

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
export function flopsOf(g: ConvGeometry): number {
  return 2 * g.batch * g.outH * g.outW * g.outC * g.kernelH * g.kernelW * g.inC;
}

export type ConvDirection = "forward" | "input gradient" | "weight gradient";

/** A direction as a product C[m, n] = Σ A[m, k] · B[k, n]: see conv2d_tiled.wgsl. */
export interface ConvProduct {
  /** DIRECTION in the shaders. */
  readonly code: 0 | 1 | 2;
  readonly m: number;
  readonly n: number;
  /** Products of this size: phases of the input gradient. */
  readonly copies: number;
}

export function convProduct(direction: ConvDirection, g: ConvGeometry): ConvProduct {
  switch (direction) {
    case "forward":
      return { code: 0, m: g.batch * g.outH * g.outW, n: g.outC, copies: 1 };
    case "input gradient": {
      const [phaseH, phaseW] = [Math.ceil(g.inH / g.strideH), Math.ceil(g.inW / g.strideW)];
      return { code: 1, m: g.batch * phaseH * phaseW, n: g.inC, copies: g.strideH * g.strideW };
    }
    case "weight gradient":
      return { code: 2, m: g.kernelH * g.kernelW * g.inC, n: g.outC, copies: 1 };
  }
}

/** Fewest pixels that are worth a share of a weight gradient's sum, and most shares. */
const SHORTEST_SHARE = 64;
const MOST_SHARES = 256;
/** Workgroups that keep a GPU busy. */
const WORKGROUPS = 256;

/** Into how many shares the sum over the pixels is split where so many workgroups have a tile each. */
export function sharesFor(g: ConvGeometry, tiles: number): number {
  const most = Math.max(1, Math.floor((g.batch * g.outH * g.outW) / SHORTEST_SHARE));
  return Math.min(most, MOST_SHARES, Math.ceil(WORKGROUPS / tiles));
}

export function describeConv(g: ConvGeometry): string {
  return `${g.batch}×${g.inH}×${g.inW}×${g.inC}→${g.outH}×${g.outW}×${g.outC} k${g.kernelH} s${g.strideH}`;
}

export function geometryConstants(g: ConvGeometry): Record<string, number> {
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

/**
 * The class of shapes that share a tuned variant: channels, kernel and stride as they are, the
 * images' sides and the batch up to the next power of two.
 */
export function convShapeClass(g: ConvGeometry): string {
  const [batch, inH, inW, outH, outW] = [g.batch, g.inH, g.inW, g.outH, g.outW].map(lengthClass);
  const kernel = `k${g.kernelH}x${g.kernelW} s${g.strideH}x${g.strideW}`;
  return `${batch}×${inH}×${inW}×${g.inC}→${outH}×${outW}×${g.outC} ${kernel}`;
}

/** Elements of the two images and of the weights. */
export function imageSizes(g: ConvGeometry): { x: number; w: number; y: number } {
  return {
    x: g.batch * g.inH * g.inW * g.inC,
    w: g.kernelH * g.kernelW * g.inC * g.outC,
    y: g.batch * g.outH * g.outW * g.outC,
  };
}

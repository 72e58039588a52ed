import * as fc from "fast-check";
import type { ConvGeometry } from "../../src/kernels/conv-geometry.ts";

interface Axis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
}

const axis: fc.Arbitrary<Axis> = fc
  .record({
    size: fc.integer({ min: 1, max: 11 }),
    kernel: fc.integer({ min: 1, max: 7 }),
    stride: fc.integer({ min: 1, max: 4 }),
    before: fc.integer({ min: 0, max: 4 }),
    after: fc.integer({ min: 0, max: 4 }),
  })
  // A kernel larger than the padded image has no result.
  .map((a) => ({ ...a, after: Math.max(a.after, a.kernel - a.size - a.before) }));

const channels = fc.constantFrom(1, 2, 3, 4, 5, 8, 12, 17, 20);

const outputLength = (a: Axis): number =>
  Math.floor((a.size + a.before + a.after - a.kernel) / a.stride) + 1;

/** Geometries with unequal axes: strides 1–4 that need not divide, kernels 1–7, uneven padding. */
export const geometries: fc.Arbitrary<ConvGeometry> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    h: axis,
    w: axis,
    inC: channels,
    outC: channels,
  })
  .map(({ batch, h, w, inC, outC }) => ({
    batch,
    inH: h.size,
    inW: w.size,
    inC,
    outH: outputLength(h),
    outW: outputLength(w),
    outC,
    kernelH: h.kernel,
    kernelW: w.kernel,
    strideH: h.stride,
    strideW: w.stride,
    padTop: h.before,
    padLeft: w.before,
  }));

/** Square images, kernels and strides with TensorFlow's padding "same". */
export function same(
  batch: number,
  size: number,
  inC: number,
  outC: number,
  kernel: number,
  stride: number,
): ConvGeometry {
  const out = Math.ceil(size / stride);
  const pad = Math.max(0, (out - 1) * stride + kernel - size) >> 1;
  return {
    batch,
    inH: size,
    inW: size,
    inC,
    outH: out,
    outW: out,
    outC,
    kernelH: kernel,
    kernelW: kernel,
    strideH: stride,
    strideW: stride,
    padTop: pad,
    padLeft: pad,
  };
}

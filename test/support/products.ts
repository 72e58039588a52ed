/** Float64 references of the bilinear kernels (products and convolutions) and how far results may be off. */
import * as assert from "uvu/assert";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Value } from "../../src/gpu/value.ts";
import type { ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import type { MatmulGeometry } from "../../src/kernels/matmul-geometry.ts";

/** Sums of products, and the sums of their absolute values, to which rounding errors are relative. */
export interface Sums {
  readonly sum: Float64Array;
  readonly size: Float64Array;
}

function sums(length: number): Sums {
  return { sum: new Float64Array(length), size: new Float64Array(length) };
}

function accumulate({ sum, size }: Sums, at: number, product: number): void {
  sum[at]! += product;
  size[at]! += Math.abs(product);
}

/** Reproducible numbers in [−1, 1) that no permutation leaves unchanged. */
export function numbers(length: number, seed = 1): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  let state = (seed * 2654435761 + 12345) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out[i] = (state >>> 8) / 2 ** 23 - 1;
  }
  return out;
}

export function matmulReference(a: Float32Array, b: Float32Array, g: MatmulGeometry): Sums {
  const c = sums(g.batch * g.m * g.n);
  for (let batch = 0; batch < g.batch; batch++) {
    const startA = g.sharedA ? 0 : batch * g.m * g.k;
    const startB = g.sharedB ? 0 : batch * g.k * g.n;
    for (let i = 0; i < g.m; i++)
      for (let j = 0; j < g.n; j++)
        for (let k = 0; k < g.k; k++) {
          const x = a[startA + (g.transposeA ? k * g.m + i : i * g.k + k)]!;
          const y = b[startB + (g.transposeB ? j * g.k + k : k * g.n + j)]!;
          accumulate(c, (batch * g.m + i) * g.n + j, x * y);
        }
  }
  return c;
}

/** Calls `visit` with the places in x, w and y of every product that a convolution adds up. */
function visitProducts(g: ConvGeometry, visit: (x: number, w: number, y: number) => void): void {
  for (let n = 0; n < g.batch; n++)
    for (let oh = 0; oh < g.outH; oh++)
      for (let ow = 0; ow < g.outW; ow++)
        for (let kh = 0; kh < g.kernelH; kh++)
          for (let kw = 0; kw < g.kernelW; kw++) {
            const ih = oh * g.strideH + kh - g.padTop;
            const iw = ow * g.strideW + kw - g.padLeft;
            if (ih < 0 || ih >= g.inH || iw < 0 || iw >= g.inW) continue;
            const x = ((n * g.inH + ih) * g.inW + iw) * g.inC;
            const w = (kh * g.kernelW + kw) * g.inC * g.outC;
            const y = ((n * g.outH + oh) * g.outW + ow) * g.outC;
            for (let ci = 0; ci < g.inC; ci++)
              for (let co = 0; co < g.outC; co++) visit(x + ci, w + ci * g.outC + co, y + co);
          }
}

export const imageSize = (g: ConvGeometry): number => g.batch * g.inH * g.inW * g.inC;
export const resultSize = (g: ConvGeometry): number => g.batch * g.outH * g.outW * g.outC;
export const weightSize = (g: ConvGeometry): number => g.kernelH * g.kernelW * g.inC * g.outC;

export function convReference(x: Float32Array, w: Float32Array, g: ConvGeometry): Sums {
  const y = sums(resultSize(g));
  visitProducts(g, (i, k, o) => accumulate(y, o, x[i]! * w[k]!));
  return y;
}

export function inputGradientReference(dy: Float32Array, w: Float32Array, g: ConvGeometry): Sums {
  const dx = sums(imageSize(g));
  visitProducts(g, (i, k, o) => accumulate(dx, i, dy[o]! * w[k]!));
  return dx;
}

export function weightGradientReference(x: Float32Array, dy: Float32Array, g: ConvGeometry): Sums {
  const dw = sums(weightSize(g));
  visitProducts(g, (i, k, o) => accumulate(dw, k, x[i]! * dy[o]!));
  return dw;
}

/** Asserts that f32 sums agree with the reference up to the rounding of their terms. */
export function assertSums(got: Float32Array, want: Sums, what: string): void {
  assert.is(got.length, want.sum.length, what);
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i]! - want.sum[i]!);
    if (!(error <= 2e-6 * want.size[i]! + 1e-7))
      assert.unreachable(`${what}: element ${i} is ${got[i]}, not ${want.sum[i]}`);
  }
}

/** A value on the device that holds `data`. */
export function upload(device: Device, data: Float32Array<ArrayBuffer>): Value {
  const value = device.allocate("f32", data.length, "test input");
  device.write(value, data);
  return value;
}

/** Runs the calls that `make` gives for a result of `size` elements, and reads it. */
export async function compute(
  device: Device,
  size: number,
  make: (out: Value) => readonly Call[],
): Promise<Float32Array<ArrayBuffer>> {
  const out = new Value(device, "f32", size, "test result");
  for (const call of make(out)) device.emit(call);
  return new Float32Array(await device.read(out));
}

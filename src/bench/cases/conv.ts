import { conv2d, conv2dWeightGradient, convTranspose2d } from "../../autograd/ops/conv2d.ts";
import type { Device } from "../../gpu/device.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type ConvLayer, convFlops, samePadding, vaeLayers } from "../conv-layers.ts";
import type { BuiltCase, Expected, KernelCase } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

type Direction = "enlarge" | "reduce" | "weights";

const sizeOf = (image: readonly number[]): number => image.reduce((a, b) => a * b, 1);

/**
 * One direction of a layer: from the large image to the small one, back, or both images to the weights
 * [kernel, kernel, large channels, small channels]. What it is to a layer depends on which way that goes.
 */
function convCase(name: string, layer: ConvLayer, direction: Direction): KernelCase {
  const { batch, large, small, kernel, stride } = layer;
  const weights = kernel * kernel * large[2] * small[2];
  const taps = kernel * kernel;
  const terms = {
    reduce: taps * large[2],
    enlarge: taps * small[2],
    weights: batch * small[0] * small[1],
  };
  const all = [batch * sizeOf(large), batch * sizeOf(small), weights];
  return {
    name,
    shape: `${batch}x${large.join("x")}-${small.join("x")}-k${kernel}-s${stride}`,
    flops: convFlops(layer),
    bytes: 4 * all.reduce((a, b) => a + b, 0),
    terms: terms[direction],
    build: (device) => build(device, layer, direction),
    reference: ([first, second]) => {
      const [a, b] = [first as Float32Array, second as Float32Array];
      return (_, element) => {
        if (direction === "reduce") return reduced(layer, a, b, element);
        return direction === "enlarge"
          ? enlarged(layer, a, b, element)
          : weighed(layer, a, b, element);
      };
    },
  };
}

async function build(device: Device, layer: ConvLayer, direction: Direction): Promise<BuiltCase> {
  const { batch, large, small, kernel, stride } = layer;
  const images = { large: [batch, ...large], small: [batch, ...small] };
  const weights = [kernel, kernel, large[2], small[2]];
  const shapes = {
    reduce: [images.large, weights],
    enlarge: [images.small, weights],
    weights: [images.large, images.small],
  };
  const inputs = randomOnDevice(device, shapes[direction]);
  const [a, b] = inputs as [Tensor, Tensor];
  const { program, result } = await record(device, () => {
    if (direction === "reduce") return conv2d(a, b, { stride });
    if (direction === "enlarge")
      return convTranspose2d(a, b, { stride, outputSize: [large[0], large[1]] });
    return conv2dWeightGradient(a, b, [kernel, kernel], { stride });
  });
  return { program, inputs, outputs: [result] };
}

/** The place of an element in an array of these lengths. */
function place(element: number, lengths: readonly number[]): number[] {
  const at: number[] = [];
  let rest = element;
  for (const length of [...lengths].reverse()) {
    at.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return at;
}

/** An element of the small image. x: the large one. */
function reduced(layer: ConvLayer, x: Float32Array, w: Float32Array, element: number): Expected {
  const { batch, large, small, kernel, stride } = layer;
  const [n, row, column, out] = place(element, [batch, ...small]) as [
    number,
    number,
    number,
    number,
  ];
  const top = row * stride - samePadding(layer, large[0], small[0]);
  const left = column * stride - samePadding(layer, large[1], small[1]);
  let [value, size] = [0, 0];
  for (let kh = 0; kh < kernel; kh++)
    for (let kw = 0; kw < kernel; kw++) {
      const [h, v] = [top + kh, left + kw];
      if (h < 0 || h >= large[0] || v < 0 || v >= large[1]) continue;
      for (let c = 0; c < large[2]; c++) {
        const pixel = x[((n * large[0] + h) * large[1] + v) * large[2] + c] as number;
        const term = pixel * (w[((kh * kernel + kw) * large[2] + c) * small[2] + out] as number);
        value += term;
        size += Math.abs(term);
      }
    }
  return { value, size };
}

/** An element of the large image. y: the small one. */
function enlarged(layer: ConvLayer, y: Float32Array, w: Float32Array, element: number): Expected {
  const { batch, large, small, kernel, stride } = layer;
  const [n, row, column, into] = place(element, [batch, ...large]) as [
    number,
    number,
    number,
    number,
  ];
  const top = row + samePadding(layer, large[0], small[0]);
  const left = column + samePadding(layer, large[1], small[1]);
  let [value, size] = [0, 0];
  for (let kh = 0; kh < kernel; kh++)
    for (let kw = 0; kw < kernel; kw++) {
      const [h, v] = [(top - kh) / stride, (left - kw) / stride];
      if (!Number.isInteger(h) || h < 0 || h >= small[0]) continue;
      if (!Number.isInteger(v) || v < 0 || v >= small[1]) continue;
      for (let c = 0; c < small[2]; c++) {
        const pixel = y[((n * small[0] + h) * small[1] + v) * small[2] + c] as number;
        const term = pixel * (w[((kh * kernel + kw) * large[2] + into) * small[2] + c] as number);
        value += term;
        size += Math.abs(term);
      }
    }
  return { value, size };
}

/** A weight's gradient. x: the large image, y: the gradient of the small one. */
function weighed(layer: ConvLayer, x: Float32Array, y: Float32Array, element: number): Expected {
  const { batch, large, small, kernel, stride } = layer;
  const lengths = [kernel, kernel, large[2], small[2]];
  const [kh, kw, into, out] = place(element, lengths) as [number, number, number, number];
  let [value, size] = [0, 0];
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < small[0]; row++) {
      const h = row * stride - samePadding(layer, large[0], small[0]) + kh;
      if (h < 0 || h >= large[0]) continue;
      for (let column = 0; column < small[1]; column++) {
        const v = column * stride - samePadding(layer, large[1], small[1]) + kw;
        if (v < 0 || v >= large[1]) continue;
        const pixel = x[((n * large[0] + h) * large[1] + v) * large[2] + into] as number;
        const slope = y[((n * small[0] + row) * small[1] + column) * small[2] + out] as number;
        value += pixel * slope;
        size += Math.abs(pixel * slope);
      }
    }
  return { value, size };
}

/** The three directions of a convolution. */
export function conv2dCases(layer: ConvLayer): KernelCase[] {
  return [
    convCase("conv2d", layer, "reduce"),
    convCase("conv2d-input-gradient", layer, "enlarge"),
    convCase("conv2d-weight-gradient", layer, "weights"),
  ];
}

/** The three directions of a transposed convolution, from the small image to the large one. */
export function convTranspose2dCases(layer: ConvLayer): KernelCase[] {
  return [
    convCase("conv-transpose2d", layer, "enlarge"),
    convCase("conv-transpose2d-input-gradient", layer, "reduce"),
    convCase("conv-transpose2d-weight-gradient", layer, "weights"),
  ];
}

export const convCases: readonly KernelCase[] = vaeLayers.flatMap((layer) =>
  layer.transposed ? convTranspose2dCases(layer) : conv2dCases(layer),
);

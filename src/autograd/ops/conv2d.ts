import { checkOptions, type OptionRules } from "../../gpu/arguments.ts";
import type { Call } from "../../gpu/call.ts";
import { ShapeError } from "../../gpu/errors.ts";
import type { ConvGeometry } from "../../kernels/conv-geometry.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../kernels/conv2d.ts";
import { conv2dWeightGradientCalls } from "../../kernels/conv2d-weight-gradient.ts";
import { checkFloats, checkNumbers, checkPair } from "../../tensor/arguments.ts";
import { empty, zeros } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";

/**
 * Layouts, stated once. Images are NHWC: [batch, height, width, channels]. The weights of conv2d are
 * HWIO: [kernelH, kernelW, inChannels, outChannels]. A transposed convolution has the weights of the
 * convolution whose input gradient it is: [kernelH, kernelW, outChannels, inChannels].
 */

/** Zeros around an image. */
export interface Padding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** How a convolution moves over an image. */
export interface Conv2dOptions {
  /** One stride, or [vertical, horizontal]; default 1. */
  readonly stride?: number | readonly [number, number];
  /**
   * `same` (default) as TensorFlow has it: the output is ⌈input / stride⌉ long, and where the zeros
   * are odd in number, one more stands behind than in front. `valid`: none. Or explicit.
   */
  readonly padding?: "same" | "valid" | number | Padding;
}

export interface ConvTranspose2dOptions extends Conv2dOptions {
  /**
   * [height, width] of the result. Default: `same` gives stride · input; else
   * (input − 1) · stride + kernel − padding.
   */
  readonly outputSize?: readonly [number, number];
}

/** What is checked of the arguments before their shapes. */
function check(
  op: string,
  tensors: Readonly<Record<string, Tensor>>,
  options: ConvTranspose2dOptions,
): void {
  checkFloats(op, tensors);
  if (op !== "convTranspose2d") {
    checkOptions<Conv2dOptions>(op, options, optionRules);
    return;
  }
  checkOptions(op, options, { ...optionRules, outputSize: "any?" });
  if (options.outputSize !== undefined) checkNumbers(op, "outputSize", options.outputSize);
}

const optionRules: OptionRules<Conv2dOptions> = { stride: "any?", padding: "any?" };

/**
 * Convolution (cross-correlation, as in all deep-learning libraries).
 *
 * @param x [batch, height, width, inChannels]
 * @param w [kernelH, kernelW, inChannels, outChannels]
 * @returns [batch, outH, outW, outChannels], outH = ⌊(height + top + bottom − kernelH) / stride⌋ + 1
 *
 * Derivatives: of x, the transposed convolution of dy with w; of w, the weight gradient. The three
 * are bilinear in {image, image, weights}, so each one's derivatives are the other two.
 */
export function conv2d(x: Tensor, w: Tensor, options: Conv2dOptions = {}): Tensor {
  check("conv2d", { x, w }, options);
  return forward("conv2d", x, w, geometryOfConv(x.shape, w.shape, options));
}

/**
 * Transposed convolution: the input gradient of the conv2d that has these weights, stride and
 * padding, used as a layer that enlarges images.
 *
 * @param y [batch, height, width, inChannels]
 * @param w [kernelH, kernelW, outChannels, inChannels]
 * @returns [batch, outH, outW, outChannels]
 */
export function convTranspose2d(
  y: Tensor,
  w: Tensor,
  options: ConvTranspose2dOptions = {},
): Tensor {
  check("convTranspose2d", { y, w }, options);
  const g = geometryOfTransposed(y.shape, w.shape, options);
  return inputGradient("convTranspose2d", y, w, g);
}

/**
 * Gradient of conv2d with respect to its weights, as an op of its own.
 *
 * @param x [batch, height, width, inChannels], dy [batch, outH, outW, outChannels]
 * @returns [kernelH, kernelW, inChannels, outChannels]
 */
export function conv2dWeightGradient(
  x: Tensor,
  dy: Tensor,
  kernel: readonly [number, number],
  options: Conv2dOptions = {},
): Tensor {
  const op = "conv2dWeightGradient";
  check(op, { x, dy }, options);
  checkNumbers(op, "kernel", kernel);
  for (const [name, t] of Object.entries({ x, dy }))
    if (t.rank !== 4)
      throw new ShapeError(
        op,
        `${name} is ${formatShape(t.shape)}, wanted [batch, height, width, channels]`,
      );
  const shape = [...kernel, x.shape[3] ?? 0, dy.shape[3] ?? 0];
  const g = geometryOfConv(x.shape, shape, options, op);
  if (`${[g.batch, g.outH, g.outW, g.outC]}` !== `${dy.shape}`)
    throw new ShapeError(
      op,
      `dy is ${formatShape(dy.shape)}, wanted [${g.batch}, ${g.outH}, ${g.outW}, ${g.outC}]`,
    );
  return weightGradient(op, x, dy, g);
}

// The closed set. Each function is one direction with its rule; the rules call the other two.

function forward(op: string, x: Tensor, w: Tensor, g: ConvGeometry): Tensor {
  const shape = [g.batch, g.outH, g.outW, g.outC];
  const y = launch(op, [x, w], shape, g.inC, (out) =>
    conv2dCalls(op, x.value, w.value, g, out.value),
  );
  return differentiable(op, [x, w], y, [
    (dy) => inputGradient("conv2d input gradient", dy, w, g),
    (dy) => weightGradient("conv2d weight gradient", x, dy, g),
  ]);
}

function inputGradient(op: string, dy: Tensor, w: Tensor, g: ConvGeometry): Tensor {
  const shape = [g.batch, g.inH, g.inW, g.inC];
  const dx = launch(op, [dy, w], shape, g.outC, (out) =>
    conv2dInputGradientCalls(op, dy.value, w.value, g, out.value),
  );
  const transposed = op === "convTranspose2d";
  return differentiable(op, [dy, w], dx, [
    (u) => forward(transposed ? "convTranspose2d input gradient" : "conv2d", u, w, g),
    (u) =>
      weightGradient(
        transposed ? "convTranspose2d weight gradient" : "conv2d weight gradient",
        u,
        dy,
        g,
      ),
  ]);
}

function weightGradient(op: string, x: Tensor, dy: Tensor, g: ConvGeometry): Tensor {
  const shape = [g.kernelH, g.kernelW, g.inC, g.outC];
  const dw = launch(op, [x, dy], shape, g.batch * g.outH * g.outW, (out) =>
    conv2dWeightGradientCalls(op, x.value, dy.value, g, out.value),
  );
  return differentiable(op, [x, dy], dw, [
    (u) => inputGradient("conv2d input gradient", dy, u, g),
    (u) => forward("conv2d", x, u, g),
  ]);
}

function launch(
  op: string,
  inputs: readonly [Tensor, Tensor],
  shape: readonly number[],
  summed: number,
  calls: (out: Tensor) => readonly Call[],
): Tensor {
  const [a, b] = inputs;
  const out = emptyResult(a.device, op, shape);
  if (out.size === 0) return empty(a.device, shape);
  if (summed === 0 || a.size === 0 || b.size === 0) return zeros(a.device, shape);
  for (const call of calls(out)) a.device.emit(call);
  return out;
}

// Shapes

/** Largest stride and padding: the kernels compute positions in 32 bits. */
const LARGEST = 65_535;

/** Shapes and padding of conv2d. x: [batch, height, width, channels], w: its weights' shape */
export function geometryOfConv(
  x: readonly number[],
  w: readonly number[],
  options: Conv2dOptions,
  op = "conv2d",
): ConvGeometry {
  const wrong = (why: string): ShapeError =>
    new ShapeError(op, `x ${formatShape(x)}, w ${formatShape(w)}: ${why}`);
  if (x.length !== 4) throw wrong("x must be [batch, height, width, channels]");
  if (w.length !== 4) throw wrong("w must be [kernelH, kernelW, inChannels, outChannels]");
  const [batch, inH, inW, inC] = x as [number, number, number, number];
  const [kernelH, kernelW, wIn, outC] = w as [number, number, number, number];
  if (wIn !== inC) throw wrong(`the image has ${inC} channels, the weights take ${wIn}`);
  const [strideH, strideW] = checkPair(op, "options.stride", options.stride ?? 1, LARGEST);
  const pad = padding(op, options.padding, [inH, inW], [kernelH, kernelW], [strideH, strideW]);
  const outH = Math.floor((inH + pad.top + pad.bottom - kernelH) / strideH) + 1;
  const outW = Math.floor((inW + pad.left + pad.right - kernelW) / strideW) + 1;
  if (kernelH < 1 || kernelW < 1 || outH < 1 || outW < 1)
    throw wrong(`a ${kernelH}×${kernelW} kernel does not fit into the padded image`);
  const sizes = { batch, inH, inW, inC, outH, outW, outC, kernelH, kernelW, strideH, strideW };
  return { ...sizes, padTop: pad.top, padLeft: pad.left };
}

/** The same of convTranspose2d, as of the convolution that leads back. */
export function geometryOfTransposed(
  y: readonly number[],
  w: readonly number[],
  options: ConvTranspose2dOptions,
): ConvGeometry {
  const op = "convTranspose2d";
  const wrong = (why: string): ShapeError =>
    new ShapeError(op, `y ${formatShape(y)}, w ${formatShape(w)}: ${why}`);
  if (y.length !== 4) throw wrong("y must be [batch, height, width, channels]");
  if (w.length !== 4) throw wrong("w must be [kernelH, kernelW, outChannels, inChannels]");
  const [batch, outH, outW, outC] = y as [number, number, number, number];
  const [kernelH, kernelW, inC, wOut] = w as [number, number, number, number];
  if (wOut !== outC) throw wrong(`the image has ${outC} channels, the weights take ${wOut}`);
  const [strideH, strideW] = checkPair(op, "options.stride", options.stride ?? 1, LARGEST);
  const mode = options.padding ?? "same";
  const natural = (n: number, stride: number, kernel: number, around: number): number =>
    mode === "same" ? n * stride : (n - 1) * stride + kernel - around;
  const explicit = mode === "same" || mode === "valid" ? undefined : explicitPadding(op, mode);
  const [inH, inW] = options.outputSize ?? [
    natural(outH, strideH, kernelH, explicit ? explicit.top + explicit.bottom : 0),
    natural(outW, strideW, kernelW, explicit ? explicit.left + explicit.right : 0),
  ];
  if (!(inH >= 1 && inW >= 1)) throw wrong(`an output of ${inH}×${inW} has no pixels`);
  const g = geometryOfConv([batch, inH, inW, inC], [kernelH, kernelW, inC, outC], options, op);
  if (g.outH !== outH || g.outW !== outW)
    throw wrong(
      `an output of ${inH}×${inW} would come from ${g.outH}×${g.outW}, not ${outH}×${outW}`,
    );
  return g;
}

function explicitPadding(op: string, given: number | Padding): Padding {
  const pad =
    typeof given === "number" ? { top: given, bottom: given, left: given, right: given } : given;
  for (const n of [pad?.top, pad?.bottom, pad?.left, pad?.right]) {
    if (typeof n !== "number")
      throw new ShapeError(
        op,
        `padding ${JSON.stringify(given)} is none of "same", "valid", a number, { top, bottom, left, right }`,
      );
    if (!Number.isInteger(n) || n < 0 || n > LARGEST)
      throw new ShapeError(op, `padding ${n} is no whole number from 0 to ${LARGEST}`);
  }
  return pad;
}

function padding(
  op: string,
  mode: Conv2dOptions["padding"] = "same",
  size: readonly [number, number],
  kernel: readonly [number, number],
  stride: readonly [number, number],
): Padding {
  if (mode === "valid") return explicitPadding(op, 0);
  if (mode === "same") {
    const total = (axis: 0 | 1): number =>
      Math.max(
        0,
        (Math.ceil(size[axis] / stride[axis]) - 1) * stride[axis] + kernel[axis] - size[axis],
      );
    const top = Math.floor(total(0) / 2);
    const left = Math.floor(total(1) / 2);
    return { top, bottom: total(0) - top, left, right: total(1) - left };
  }
  return explicitPadding(op, mode);
}

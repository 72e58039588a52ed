import { checkOptions, isNot, type OptionRules } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import { type PoolGeometry, poolCall, poolGradientCall } from "../../kernels/pool.ts";
import { checkPair, checkTensor } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { gather } from "./indexing.ts";
import { reshape } from "./shape.ts";
import { broadcastTo } from "./sum.ts";

/** Window, stride and padding of pooling. */
export interface PoolOptions {
  /** Length of the window, or [vertical, horizontal]; default 2. */
  readonly window?: number | readonly [number, number];
  /** Default: the window. */
  readonly stride?: number | readonly [number, number];
  /**
   * `valid` (default): none. `same` as TensorFlow has it: the output is ⌈input / stride⌉ long. Or
   * so many places around the image, each fewer than the window. Padding takes no part in a mean
   * or a maximum.
   */
  readonly padding?:
    | "same"
    | "valid"
    | number
    | {
        readonly top: number;
        readonly bottom: number;
        readonly left: number;
        readonly right: number;
      };
}

const optionRules: OptionRules<PoolOptions> = { window: "any?", stride: "any?", padding: "any?" };

/**
 * Largest element of each window. Derivative: all of it to the window's first largest element (in
 * row-major order), and of that: the same elements of the cotangent.
 *
 * @param x [batch, height, width, channels]
 * @returns [batch, outH, outW, channels]
 */
export function maxPool2d(x: Tensor, options: PoolOptions = {}): Tensor {
  const g = geometry("maxPool2d", x, options);
  const y = pooled("maxPool2d", "max", x, g);
  return differentiable("maxPool2d", [x], y, [
    (dy) => spread(dy, pooled("maxPool2d", "position", x, g), g),
  ]);
}

/**
 * Mean of each window, over the elements that are no padding. Linear.
 *
 * @param x [batch, height, width, channels]
 * @returns [batch, outH, outW, channels]
 */
export function avgPool2d(x: Tensor, options: PoolOptions = {}): Tensor {
  return average(x, geometry("avgPool2d", x, options));
}

function average(x: Tensor, g: PoolGeometry): Tensor {
  const y = pooled("avgPool2d", "mean", x, g);
  return differentiable("avgPool2d", [x], y, [(dy) => averageGradient(dy, g)]);
}

function averageGradient(dy: Tensor, g: PoolGeometry): Tensor {
  const dx = emptyResult(dy.device, "avgPool2d", [g.batch, g.inH, g.inW, g.channels]);
  if (dx.size === 0) return empty(dy.device, dx.shape);
  dy.device.emit(poolGradientCall("avgPool2d gradient", dy.value, undefined, g, dx.value));
  return differentiable("avgPool2dGradient", [dy], dx, [(ddx) => average(ddx, g)]);
}

/** dy added up at the positions in x that it came from. */
function spread(dy: Tensor, position: Tensor<"u32">, g: PoolGeometry): Tensor {
  const dx = emptyResult(dy.device, "maxPool2d", [g.batch, g.inH, g.inW, g.channels]);
  if (dx.size === 0) return empty(dy.device, dx.shape);
  dy.device.emit(poolGradientCall("maxPool2d gradient", dy.value, position.value, g, dx.value));
  return differentiable("maxPool2dGradient", [dy], dx, [
    (ddx) => gather(reshape(ddx, [ddx.size]), position),
  ]);
}

/** Nearest-neighbour enlargement by whole factors: broadcasting, so its derivative is a sum. */
export function upsample2d(x: Tensor, factor: number | readonly [number, number] = 2): Tensor {
  const [fh, fw] = checkPair("upsample2d", "factor", factor);
  const [batch, height, width, channels] = imageShape("upsample2d", x);
  const apart = reshape(x, [batch, height, 1, width, 1, channels]);
  const repeated = broadcastTo(apart, [batch, height, fh, width, fw, channels]);
  return reshape(repeated, [batch, height * fh, width * fw, channels]);
}

function pooled<K extends "mean" | "max" | "position">(
  op: string,
  kind: K,
  x: Tensor,
  g: PoolGeometry,
): Tensor<K extends "position" ? "u32" : "f32"> {
  const dtype = (kind === "position" ? "u32" : "f32") as K extends "position" ? "u32" : "f32";
  const shape = [g.batch, g.outH, g.outW, g.channels];
  const y = emptyResult(x.device, op, shape, dtype);
  if (y.size === 0) return empty(x.device, shape, dtype);
  x.device.emit(poolCall(op, kind, x.value, g, y.value));
  return y;
}

function imageShape(op: string, x: Tensor): [number, number, number, number] {
  checkTensor(op, x, ["f32"]);
  if (x.rank !== 4)
    throw new ShapeError(op, `${formatShape(x.shape)} is not [batch, height, width, channels]`);
  return x.shape as [number, number, number, number];
}

/** What padding may be, for errors. */
const PADDINGS = '"same", "valid", a number or { top, bottom, left, right }';

function geometry(op: string, x: Tensor, options: PoolOptions): PoolGeometry {
  const [batch, inH, inW, channels] = imageShape(op, x);
  checkOptions(op, options, optionRules);
  const window = checkPair(op, "options.window", options.window ?? 2);
  const stride = checkPair(op, "options.stride", options.stride ?? window);
  const padding = options.padding ?? "valid";
  const along = (axis: 0 | 1, length: number): { out: number; before: number } => {
    const size = window[axis];
    const by = stride[axis];
    let [before, after] = [0, 0];
    if (padding === "same") {
      const total = Math.max(0, (Math.ceil(length / by) - 1) * by + size - length);
      before = Math.floor(total / 2);
      after = total - before;
    } else if (typeof padding === "number") [before, after] = [padding, padding];
    else if (typeof padding !== "object" || padding === null) {
      if (padding !== "valid")
        throw new ShapeError(op, isNot("options.padding", padding, PADDINGS));
    } else
      [before, after] = axis === 0 ? [padding.top, padding.bottom] : [padding.left, padding.right];
    for (const p of [before, after])
      if (!Number.isInteger(p) || p < 0 || p >= size)
        throw new ShapeError(op, `padding ${p} is not from 0 to ${size - 1}`);
    const out = Math.floor((length + before + after - size) / by) + 1;
    if (out < 1)
      throw new ShapeError(
        op,
        `a ${window.join("×")} window does not fit into ${formatShape(x.shape)}`,
      );
    return { out, before };
  };
  const vertical = along(0, inH);
  const horizontal = along(1, inW);
  return {
    batch,
    inH,
    inW,
    channels,
    outH: vertical.out,
    outW: horizontal.out,
    windowH: window[0],
    windowW: window[1],
    strideH: stride[0],
    strideW: stride[1],
    padTop: vertical.before,
    padLeft: horizontal.before,
  };
}

import { checkOptions } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import { argmaxCalls } from "../../kernels/argmax.ts";
import { apply, input } from "../../kernels/expression.ts";
import { reduceCalls } from "../../kernels/reduce.ts";
import { contiguousStrides, contiguousView, sizeOf } from "../../kernels/view.ts";
import { checkTensor, type NumberType } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable, noGrad } from "../tape.ts";
import { div, equal, mul, sub } from "./elementwise.ts";
import { reshape, transpose } from "./shape.ts";
import {
  type Axes,
  broadcastTo,
  checkReduction,
  dropAxes,
  keptShape,
  reduceTensor,
  resolveAxes,
  sum,
} from "./sum.ts";

/** How many elements each result of a reduction is made of; none is an error. */
function requireElements(op: string, x: Tensor<NumberType>, axes: readonly number[]): number {
  const count = sizeOf(axes.map((a) => x.shape[a] as number));
  if (count === 0) throw new ShapeError(op, `${formatShape(x.shape)} is empty along the axes`);
  return count;
}

/**
 * Mean over `axes` (default all). Derivative: broadcastTo, divided by the count.
 *
 * @throws ShapeError over an empty axis
 */
export function mean(x: Tensor<NumberType>, axes?: Axes, keepAxes = false): Tensor {
  const over = checkReduction("mean", x, axes, keepAxes);
  const count = requireElements("mean", x, over);
  if (over.length === 0) return broadcastTo(x, x.shape);
  const y = reduceTensor("mean", "sum", x, over, { scale: 1 / count });
  const noted = differentiable("mean", [x], y, [(dy) => mul(broadcastTo(dy, x.shape), 1 / count)]);
  return dropAxes(noted, over, keepAxes);
}

/**
 * Variance over `axes` (default all), in two passes: the mean first, then the mean of the squared
 * deviations, which does not cancel where the mean is large. Derivative: 2/(n − ddof) · (x − mean).
 *
 * @param options.ddof 1 divides by n − 1 (unbiased), default 0
 */
export function variance(
  x: Tensor<NumberType>,
  axes?: Axes,
  keepAxes = false,
  options: { readonly ddof?: 0 | 1 } = {},
): Tensor {
  const over = checkReduction("variance", x, axes, keepAxes);
  checkOptions("variance", options, { ddof: "number?" });
  const count = requireElements("variance", x, over);
  const freedom = count - (options.ddof ?? 0);
  if (freedom <= 0) throw new ShapeError("variance", "the unbiased variance of one element");
  const centre = mean(x, over, true);
  const y = differentiable("variance", [x], meanSquare(x, centre, over, 1 / freedom), [
    (dy) => mul(mul(dy, 2 / freedom), sub(x, centre)),
  ]);
  return dropAxes(y, over, keepAxes);
}

/** Σ (x − centre)² · scale over `axes`, which stay with length 1; x − centre is never stored. */
function meanSquare(
  x: Tensor<NumberType>,
  centre: Tensor,
  axes: readonly number[],
  scale: number,
): Tensor {
  const shape = keptShape(x.shape, axes);
  const out = emptyResult(x.device, "variance", shape);
  if (out.size === 0) return empty(x.device, shape);
  const deviation = apply("sub", input(0), input(1));
  const strides = contiguousStrides(shape);
  const prologue = {
    shape: x.shape,
    inputs: [contiguousView(x.value, x.shape), { value: centre.value, offset: 0, strides }],
    expression: apply("square", deviation),
  };
  for (const call of reduceCalls("variance", "sum", x.shape, axes, prologue, out.value, { scale }))
    x.device.emit(call);
  return out;
}

/**
 * Largest element over `axes` (default all). Derivative: shared equally among the elements that
 * attain it.
 *
 * @throws ShapeError over an empty axis
 */
export function max(x: Tensor<NumberType>, axes?: Axes, keepAxes = false): Tensor {
  return extremum("max", x, axes, keepAxes);
}

/** Smallest element over `axes`; as `max`. */
export function min(x: Tensor<NumberType>, axes?: Axes, keepAxes = false): Tensor {
  return extremum("min", x, axes, keepAxes);
}

function extremum(
  kind: "max" | "min",
  x: Tensor<NumberType>,
  axes: Axes,
  keepAxes: boolean,
): Tensor {
  const over = checkReduction(kind, x, axes, keepAxes);
  requireElements(kind, x, over);
  if (over.length === 0) return broadcastTo(x, x.shape);
  const y = reduceTensor(kind, kind, x, over);
  const noted = differentiable(kind, [x], y, [
    (dy) => {
      const attained = equal(x, y);
      return mul(attained, div(dy, sum(attained, over, true)));
    },
  ]);
  return dropAxes(noted, over, keepAxes);
}

/**
 * Position of the first largest element over `axes` (default the last); no derivative. Over several
 * axes it is the element's number among them, row-major.
 *
 * @returns u32, without the axes
 * @throws ShapeError along an empty axis
 */
export function argmax(x: Tensor, axes: number | readonly number[] = -1): Tensor<"u32"> {
  checkTensor("argmax", x, ["f32"]);
  const over = resolveAxes("argmax", x.shape, axes);
  requireElements("argmax", x, over);
  if (over.length !== 1)
    return noGrad(() => {
      const kept = x.shape.map((_, a) => a).filter((a) => !over.includes(a));
      const lengths = kept.map((a) => x.shape[a] as number);
      const count = sizeOf(over.map((a) => x.shape[a] as number));
      return argmax(reshape(transpose(x, [...kept, ...over]), [...lengths, count]));
    });
  const { at, length, inner } = lineOf("argmax", x.shape, over[0] as number);
  const shape = x.shape.filter((_, i) => i !== at);
  const out = emptyResult(x.device, "argmax", shape, "u32");
  if (out.size === 0) return empty(x.device, shape, "u32");
  for (const call of argmaxCalls("argmax", x.value, length, inner, out.value)) x.device.emit(call);
  return out;
}

/** An axis, its length, and the number of elements behind it. @throws ShapeError if it is empty */
export function lineOf(
  op: string,
  shape: readonly number[],
  axis: number,
): { at: number; length: number; inner: number } {
  const [at] = resolveAxes(op, shape, axis, "axis") as [number];
  const length = shape[at] as number;
  if (length === 0) throw new ShapeError(op, `${formatShape(shape)} is empty along axis ${axis}`);
  return { at, length, inner: sizeOf(shape.slice(at + 1)) };
}

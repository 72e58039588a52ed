import { checkFlag, isNot } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import type { DType } from "../../gpu/value.ts";
import { input } from "../../kernels/expression.ts";
import { mapCall } from "../../kernels/map.ts";
import { type ReduceOptions, reduceCalls } from "../../kernels/reduce.ts";
import type { ReduceKind } from "../../kernels/reduce-code.ts";
import { contiguousStrides, contiguousView } from "../../kernels/view.ts";
import { checkTensor, NUMBERS, type NumberType } from "../../tensor/arguments.ts";
import { empty, zeros } from "../../tensor/create.ts";
import { checkShape, emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { reshape } from "./shape.ts";

/** Axes of a reduction: one, several, or (undefined) all. Negative ones count from the end. */
export type Axes = number | readonly number[] | undefined;

/** The axes as ascending numbers from 0. @throws ShapeError for axes that are not there, or are there twice */
export function resolveAxes(
  op: string,
  shape: readonly number[],
  axes: Axes,
  name = "axes",
): number[] {
  if (axes === undefined) return shape.map((_, i) => i);
  if (typeof axes !== "number" && !Array.isArray(axes))
    throw new ShapeError(op, isNot(name, axes, "the number of an axis, or an array of them"));
  const resolved = [axes].flat().map((a) => (a < 0 ? a + shape.length : a));
  for (const a of resolved)
    if (!Number.isInteger(a) || a < 0 || a >= shape.length)
      throw new ShapeError(
        op,
        `${formatShape(shape)} has no axis ${[axes]
          .flat()
          .map((a) => JSON.stringify(a))
          .join(", ")}`,
      );
  const twice = resolved.find((a, i) => resolved.indexOf(a) !== i);
  if (twice !== undefined) throw new ShapeError(op, `axis ${twice} is named twice`);
  return resolved.sort((a, b) => a - b);
}

/** Checks what every reduction takes. @returns the axes as `resolveAxes` gives them */
export function checkReduction(
  op: string,
  x: Tensor<NumberType>,
  axes: Axes,
  keepAxes: boolean,
  dtypes: readonly DType[] = NUMBERS,
): number[] {
  checkTensor(op, x, dtypes);
  const over = resolveAxes(op, x.shape, axes);
  checkFlag(op, "keepAxes", keepAxes);
  return over;
}

/** The shape with the reduced axes kept as axes of length 1. */
export function keptShape(shape: readonly number[], axes: readonly number[]): number[] {
  return shape.map((n, i) => (axes.includes(i) ? 1 : n));
}

/** Runs a reduction without a derivative; the result keeps the axes with length 1. */
export function reduceTensor(
  op: string,
  kind: ReduceKind,
  x: Tensor<NumberType>,
  axes: readonly number[],
  options?: ReduceOptions,
): Tensor {
  const shape = keptShape(x.shape, axes);
  const out = emptyResult(x.device, op, shape);
  if (out.size === 0) return empty(x.device, shape);
  if (x.size === 0) {
    if (kind === "sum") return zeros(x.device, shape);
    throw new ShapeError(op, `${formatShape(x.shape)} is empty along ${formatShape(axes)}`);
  }
  const view = contiguousView(x.value, x.shape);
  for (const call of reduceCalls(op, kind, x.shape, axes, view, out.value, options))
    x.device.emit(call);
  return out;
}

/** The result without the reduced axes, unless they are to be kept. */
export function dropAxes(y: Tensor, axes: readonly number[], keepAxes: boolean): Tensor {
  if (keepAxes || axes.length === 0) return y;
  return reshape(
    y,
    y.shape.filter((_, i) => !axes.includes(i)),
  );
}

/**
 * Sum over `axes` (default all); 0 over an empty axis. Derivative: broadcastTo.
 *
 * @param keepAxes keep the reduced axes with length 1
 */
export function sum(x: Tensor<NumberType>, axes?: Axes, keepAxes = false): Tensor {
  const over = checkReduction("sum", x, axes, keepAxes);
  if (over.length === 0) return broadcastTo(x, x.shape);
  const y = differentiable("sum", [x], reduceTensor("sum", "sum", x, over), [
    (dy) => broadcastTo(dy, x.shape),
  ]);
  return dropAxes(y, over, keepAxes);
}

/** Whole numbers become floats even where no axis changes. */
const holdsFloats = (x: Tensor<NumberType>): x is Tensor => x.dtype === "f32";

/** x repeated along axes of length 1 (and new leading axes) to `shape`. Derivative: sumTo. */
export function broadcastTo(x: Tensor<NumberType>, shape: readonly number[]): Tensor {
  checkTensor("broadcastTo", x, NUMBERS);
  checkShape("broadcastTo", shape);
  if (`${x.shape}` === `${shape}` && holdsFloats(x)) return x;
  const lead = shape.length - x.rank;
  const fits = lead >= 0 && x.shape.every((n, i) => n === 1 || n === shape[i + lead]);
  if (!fits)
    throw new ShapeError(
      "broadcastTo",
      `${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`,
    );
  const out = emptyResult(x.device, "broadcastTo", shape);
  if (out.size === 0) return empty(x.device, shape);
  const strides = contiguousStrides(x.shape);
  x.device.emit(
    mapCall("broadcastTo", {
      shape,
      inputs: [{ value: x.value, offset: 0, strides: shape.map((_, i) => strides[i - lead] ?? 0) }],
      outputs: [{ value: out.value, expression: input(0) }],
    }),
  );
  return differentiable("broadcastTo", [x], out, [(dy) => sumTo(dy, x.shape)]);
}

/** x summed over the axes along which a tensor of `shape` was broadcast. Derivative: broadcastTo. */
export function sumTo(x: Tensor<NumberType>, shape: readonly number[]): Tensor {
  checkTensor("sumTo", x, NUMBERS);
  checkShape("sumTo", shape);
  if (`${x.shape}` === `${shape}` && holdsFloats(x)) return x;
  const lead = x.rank - shape.length;
  if (lead >= 0 && shape.some((n, i) => n !== 1 && n !== x.shape[i + lead]))
    throw new ShapeError(
      "sumTo",
      `${formatShape(x.shape)} was not broadcast from ${formatShape(shape)}`,
    );
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(sum(x, axes, true), shape);
}

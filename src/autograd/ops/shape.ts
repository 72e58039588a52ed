import { checkWhole } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import type { DType } from "../../gpu/value.ts";
import { apply, constant, input, inside } from "../../kernels/expression.ts";
import { mapCall } from "../../kernels/map.ts";
import { contiguousStrides, sizeOf } from "../../kernels/view.ts";
import {
  ANY,
  checkList,
  checkNumbers,
  checkTensor,
  NUMBERS,
  type NumberType,
} from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { checkShape, emptyResult, formatShape, Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";

/** The same elements in another shape, at no cost. One length may be −1: the rest decides it. */
export function reshape<D extends DType>(x: Tensor<D>, shape: readonly number[]): Tensor<D> {
  checkTensor("reshape", x, ANY);
  checkNumbers("reshape", "shape", shape);
  const known = sizeOf(shape.filter((n) => n !== -1));
  const resolved = shape.map((n) => (n === -1 ? x.size / Math.max(known, 1) : n));
  if (shape.filter((n) => n === -1).length > 1 || resolved.some((n) => !Number.isInteger(n)))
    throw new ShapeError(
      "reshape",
      `${formatShape(x.shape)} does not become ${formatShape(shape)}`,
    );
  checkShape("reshape", resolved);
  if (sizeOf(resolved) !== x.size)
    throw new ShapeError(
      "reshape",
      `${formatShape(x.shape)} has ${x.size} elements, ${formatShape(resolved)} ${sizeOf(resolved)}`,
    );
  return differentiable("reshape", [x], Tensor.of<D>(x.device, x.value, resolved), [
    (dy) => reshape(dy, x.shape),
  ]);
}

/** The axes in another order; default reversed. Derivative: the inverse permutation. */
export function transpose<D extends NumberType>(
  x: Tensor<D>,
  order?: readonly number[],
): Tensor<D> {
  checkTensor("transpose", x, NUMBERS);
  if (order !== undefined) checkNumbers("transpose", "order", order);
  const axes = order ?? x.shape.map((_, i) => x.rank - 1 - i);
  if ([...axes].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join())
    throw new ShapeError(
      "transpose",
      `${formatShape(axes)} is no order of the axes of ${formatShape(x.shape)}`,
    );
  const strides = contiguousStrides(x.shape);
  const shape = axes.map((a) => x.shape[a] as number);
  const out = strided(
    x,
    "transpose",
    shape,
    axes.map((a) => strides[a] as number),
    0,
  );
  const inverse = axes.map((_, i) => axes.indexOf(i));
  return differentiable("transpose", [x], out, [(dy) => transpose(dy, inverse)]);
}

/** Elements begin[i] ≤ c[i] < begin[i] + size[i]. Derivative: padding with zeros. */
export function slice<D extends NumberType>(
  x: Tensor<D>,
  begin: readonly number[],
  size: readonly number[],
): Tensor<D> {
  checkTensor("slice", x, NUMBERS);
  checkNumbers("slice", "begin", begin);
  checkNumbers("slice", "size", size);
  const fits =
    begin.length === x.rank &&
    size.length === x.rank &&
    x.shape.every((n, i) => {
      const from = begin[i] as number;
      const length = size[i] as number;
      return (
        Number.isInteger(from) &&
        Number.isInteger(length) &&
        from >= 0 &&
        length >= 0 &&
        from + length <= n
      );
    });
  if (!fits)
    throw new ShapeError(
      "slice",
      `${formatShape(size)} from ${formatShape(begin)} is not inside ${formatShape(x.shape)}`,
    );
  if (`${size}` === `${x.shape}`) return x;
  const strides = contiguousStrides(x.shape);
  const offset = begin.reduce((sum, b, i) => sum + b * (strides[i] as number), 0);
  const out = strided(x, "slice", size, strides, offset);
  return differentiable("slice", [x], out, [
    (dy) =>
      pad(
        dy,
        begin.map((b, i) => [b, (x.shape[i] as number) - b - (size[i] as number)] as const),
      ),
  ]);
}

/**
 * x with widths[i] = [before, after] zeros added to axis i. Derivative: the slice that x fills.
 */
export function pad<D extends NumberType>(
  x: Tensor<D>,
  widths: readonly (readonly [number, number])[],
): Tensor<D> {
  checkTensor("pad", x, NUMBERS);
  checkList("pad", "widths", widths, "an array of [before, after], one for each axis");
  for (const [i, pair] of widths.entries()) checkNumbers("pad", `widths[${i}]`, pair);
  const valid = widths.flat().every((w) => Number.isInteger(w) && w >= 0);
  if (widths.length !== x.rank || !valid || widths.some((pair) => pair.length !== 2))
    throw new ShapeError(
      "pad",
      `${widths.map(formatShape).join(" ")} do not pad ${formatShape(x.shape)}`,
    );
  if (widths.flat().every((w) => w === 0)) return x;
  const shape = x.shape.map((n, i) => n + (widths[i]?.[0] ?? 0) + (widths[i]?.[1] ?? 0));
  const begin = widths.map(([before]) => before);
  if (sizeOf(shape) === 0) return empty(x.device, shape, x.dtype);
  const out = emptyResult(x.device, "pad", shape, x.dtype);
  if (x.size === 0) {
    const outputs = [{ value: out.value, expression: constant(0) }];
    x.device.emit(mapCall("pad", { shape, inputs: [], outputs }));
    return out;
  }
  const strides = contiguousStrides(x.shape);
  const offset = begin.reduce((sum, b, i) => sum - b * (strides[i] as number), 0);
  const bounds = widths.flatMap(([before, after], axis) => {
    const from = before;
    return before + after > 0 ? [{ axis, from, to: from + (x.shape[axis] as number) }] : [];
  });
  x.device.emit(
    mapCall("pad", {
      shape,
      inputs: [{ value: x.value, offset, strides }],
      outputs: [
        { value: out.value, expression: apply("where", inside(bounds), input(0), constant(0)) },
      ],
    }),
  );
  return differentiable("pad", [x], out, [(dy) => slice(dy, begin, x.shape)]);
}

/** Part of one axis: `length` elements from `start`. */
export function sliceAxis<D extends NumberType>(
  x: Tensor<D>,
  axis: number,
  start: number,
  length: number,
): Tensor<D> {
  checkTensor("sliceAxis", x, NUMBERS);
  checkWhole("sliceAxis", "axis", axis, 0, Math.max(0, x.rank - 1));
  checkWhole("sliceAxis", "start", start, 0);
  checkWhole("sliceAxis", "length", length, 0);
  return slice(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((n, i) => (i === axis ? length : n)),
  );
}

/** x cut along one axis into parts of the given lengths. */
export function split<D extends NumberType>(
  x: Tensor<D>,
  axis: number,
  lengths: readonly number[],
): Tensor<D>[] {
  checkTensor("split", x, NUMBERS);
  checkWhole("split", "axis", axis, 0, Math.max(0, x.rank - 1));
  checkNumbers("split", "lengths", lengths);
  const total = lengths.reduce((a, b) => a + b, 0);
  if (total !== x.shape[axis])
    throw new ShapeError(
      "split",
      `axis ${axis} of ${formatShape(x.shape)} is not ${lengths.join(" + ")} long`,
    );
  let start = 0;
  return lengths.map((length) => {
    const part = sliceAxis(x, axis, start, length);
    start += length;
    return part;
  });
}

function strided<D extends DType>(
  x: Tensor<D>,
  op: string,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): Tensor<D> {
  const out = emptyResult(x.device, op, shape, x.dtype);
  if (out.size === 0) return empty(x.device, shape, x.dtype);
  x.device.emit(
    mapCall(op, {
      shape,
      inputs: [{ value: x.value, offset, strides }],
      outputs: [{ value: out.value, expression: input(0) }],
    }),
  );
  return out;
}

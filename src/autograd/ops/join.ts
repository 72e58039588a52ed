import { checkWhole } from "../../gpu/arguments.ts";
import { DTypeError, ShapeError } from "../../gpu/errors.ts";
import { concatCall, MOST_CONCATENATED } from "../../kernels/concat.ts";
import { sizeOf } from "../../kernels/view.ts";
import { checkTensors, eachOf, NUMBERS, type NumberType } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { reshape, sliceAxis } from "./shape.ts";
import { resolveAxes } from "./sum.ts";

/**
 * Tensors one behind the other along an axis; the other axes must agree. Derivative: slices.
 *
 * @throws ShapeError naming the shapes that do not fit
 */
export function concat<D extends NumberType>(tensors: readonly Tensor<D>[], axis = -1): Tensor<D> {
  checkTensors("concat", eachOf("concat", "tensors", tensors, NUMBERS));
  const [head] = tensors as [Tensor<D>];
  const [at] = resolveAxes("concat", head.shape, axis, "axis") as [number];
  const others = (t: Tensor<D>) => `${t.shape.map((n, i) => (i === at ? -1 : n))}`;
  for (const t of tensors) {
    if (others(t) !== others(head))
      throw new ShapeError(
        "concat",
        `${tensors.map((x) => formatShape(x.shape)).join(" and ")} do not join along axis ${axis}`,
      );
    if (t.dtype !== head.dtype)
      throw new DTypeError(
        "concat",
        `tensors[${tensors.indexOf(t)}] holds ${t.dtype}, wanted ${head.dtype} as tensors[0]`,
      );
  }
  if (tensors.length === 1) return head;
  const starts: number[] = [];
  let length = 0;
  for (const t of tensors) {
    starts.push(length);
    length += t.shape[at] as number;
  }
  const shape = head.shape.map((n, i) => (i === at ? length : n));
  const out = joined(tensors, at, shape);
  return differentiable(
    "concat",
    tensors,
    out,
    tensors.map((t, k) => (dy) => sliceAxis(dy, at, starts[k] as number, t.shape[at] as number)),
  );
}

function joined<D extends NumberType>(
  tensors: readonly Tensor<D>[],
  at: number,
  shape: readonly number[],
): Tensor<D> {
  const { device, dtype } = tensors[0] as Tensor<D>;
  const out = emptyResult(device, "concat", shape, dtype);
  if (out.size === 0) return empty(device, shape, dtype);
  let parts = tensors.filter((t) => t.size > 0);
  // More inputs than a kernel may bind are joined in groups first.
  while (parts.length > MOST_CONCATENATED) {
    const groups: Tensor<D>[] = [];
    for (let i = 0; i < parts.length; i += MOST_CONCATENATED) {
      const group = parts.slice(i, i + MOST_CONCATENATED);
      const along = group.reduce((n, t) => n + (t.shape[at] as number), 0);
      groups.push(
        joined(
          group,
          at,
          shape.map((n, a) => (a === at ? along : n)),
        ),
      );
    }
    parts = groups;
  }
  const [only] = parts as [Tensor<D>];
  if (parts.length === 1) return reshape(only, shape);
  const lengths = parts.map((t) => sizeOf(t.shape.slice(at)));
  device.emit(
    concatCall(
      "concat",
      parts.map((t) => t.value),
      lengths,
      out.value,
    ),
  );
  return out;
}

/** Tensors of one shape along a new axis in front of `axis`. */
export function stack<D extends NumberType>(tensors: readonly Tensor<D>[], axis = 0): Tensor<D> {
  checkTensors("stack", eachOf("stack", "tensors", tensors, NUMBERS));
  const [head] = tensors as [Tensor<D>];
  checkWhole("stack", "axis", axis, 0, head.rank);
  const separate = tensors.map((t) =>
    reshape(t, [...t.shape.slice(0, axis), 1, ...t.shape.slice(axis)]),
  );
  return concat(separate, axis);
}

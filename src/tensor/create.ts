import type { Device } from "../gpu/device.ts";
import { DTypeError, ShapeError } from "../gpu/errors.ts";
import type { DType, Value } from "../gpu/value.ts";
import { constant } from "../kernels/expression.ts";
import { mapCall } from "../kernels/map.ts";
import { sizeOf } from "../kernels/view.ts";
import { checkShape, emptyResult, formatShape, Tensor } from "./tensor.ts";

/** Nested arrays of numbers, as deep as the tensor has axes. */
export type NestedNumbers = number | readonly NestedNumbers[];

/**
 * A tensor with the given elements.
 *
 * @param data nested arrays, or a flat typed array together with `shape`
 */
export function tensor(
  device: Device,
  data: NestedNumbers | Float32Array | Uint32Array,
  shape?: readonly number[],
): Tensor {
  const typed = data instanceof Float32Array || data instanceof Uint32Array;
  const inferred = typed ? [data.length] : inferShape(data);
  const wanted = shape ?? inferred;
  checkShape("tensor", wanted);
  const flat = typed ? data : Float32Array.from(flatten(data));
  if (flat.length !== sizeOf(wanted))
    throw new ShapeError("tensor", `${formatShape(wanted)} does not hold ${flat.length} elements`);
  const dtype: DType = flat instanceof Uint32Array ? "u32" : "f32";
  const value = device.allocate(dtype, flat.length, "tensor");
  upload(value, flat);
  return new Tensor(value, [...wanted]);
}

/** A one-element tensor without axes. */
export function scalar(device: Device, x: number): Tensor {
  return tensor(device, x, []);
}

/** A tensor filled with one number, made on the device. */
export function full(device: Device, shape: readonly number[], x: number): Tensor {
  const out = emptyResult(device, "full", shape);
  if (out.size === 0) return empty(device, shape);
  device.emit(
    mapCall("full", {
      shape,
      inputs: [],
      outputs: [{ value: out.value, expression: constant(x) }],
    }),
  );
  return out;
}

export function zeros(device: Device, shape: readonly number[]): Tensor {
  return full(device, shape, 0);
}

export function ones(device: Device, shape: readonly number[]): Tensor {
  return full(device, shape, 1);
}

/** A tensor without elements. */
export function empty(device: Device, shape: readonly number[], dtype: DType = "f32"): Tensor {
  checkShape("empty", shape);
  if (sizeOf(shape) !== 0) throw new ShapeError("empty", `${formatShape(shape)} has elements`);
  return new Tensor(device.allocate(dtype, 0, "empty"), [...shape]);
}

/** A tensor that outlives scopes and may change: `assign` and optimisers write to it. */
export function variable(
  device: Device,
  data: Float32Array | Uint32Array,
  shape: readonly number[],
  label: string,
): Tensor {
  if (!(data instanceof Float32Array || data instanceof Uint32Array))
    throw new DTypeError(label, "expected a Float32Array or Uint32Array");
  checkShape(label, shape);
  if (data.length !== sizeOf(shape))
    throw new ShapeError(label, `${formatShape(shape)} does not hold ${data.length} elements`);
  const dtype = data instanceof Uint32Array ? "u32" : "f32";
  const value = device.allocate(dtype, data.length, label, true);
  upload(value, data);
  return new Tensor(value, [...shape]);
}

/** A variable that derivatives are taken with respect to. */
export function parameter(
  device: Device,
  data: Float32Array,
  shape: readonly number[],
  label: string,
): Tensor {
  const made = variable(device, data, shape, label);
  made.tracked = true;
  return made;
}

/** Overwrites a variable with a tensor of as many elements, on the device. Recordable. */
export function assign(target: Tensor, x: Tensor): void {
  if (!target.value.persistent) throw new ShapeError("assign", "the target is no variable");
  if (x.size !== target.size)
    throw new ShapeError(
      "assign",
      `${formatShape(x.shape)} does not fill ${formatShape(target.shape)}`,
    );
  if (x.dtype !== target.dtype)
    throw new DTypeError("assign", `${target.value.label} holds ${target.dtype}, not ${x.dtype}`);
  const { value } = target;
  value.device.emit({ op: "assign", pack: true, inputs: [x.value], target: value, offsets: [0] });
}

/**
 * Bytes on the device, four to a word: how data sets of 8-bit images are kept.
 *
 * @param label name in out-of-memory messages
 */
export function bytes(
  device: Device,
  data: Uint8Array,
  shape: readonly number[],
  label = "bytes",
): Tensor {
  if (!(data instanceof Uint8Array)) throw new DTypeError("bytes", "expected a Uint8Array");
  checkShape("bytes", shape);
  if (data.length !== sizeOf(shape))
    throw new ShapeError("bytes", `${formatShape(shape)} does not hold ${data.length} bytes`);
  const value = device.allocate("u8", data.length, label, true);
  upload(value, data);
  return new Tensor(value, [...shape]);
}

/** Overwrites a variable from the host. */
export function upload(value: Value, data: Float32Array | Uint32Array | Uint8Array): void {
  const expected =
    data instanceof Float32Array
      ? "f32"
      : data instanceof Uint32Array
        ? "u32"
        : data instanceof Uint8Array
          ? "u8"
          : undefined;
  if (!expected)
    throw new DTypeError("upload", "expected a Float32Array, Uint32Array or Uint8Array");
  if (value.dtype !== expected)
    throw new DTypeError("upload", `${value.label} holds ${value.dtype}, not ${expected}`);
  if (data.length !== value.size)
    throw new ShapeError("upload", `${value.label} has ${value.size} elements, not ${data.length}`);
  if (data.length > 0) value.device.write(value, data as Float32Array<ArrayBuffer>);
}

function flatten(data: NestedNumbers): number[] {
  return typeof data === "number" ? [data] : data.flatMap(flatten);
}

function inferShape(data: NestedNumbers): number[] {
  if (typeof data === "number") return [];
  if (!Array.isArray(data)) throw new DTypeError("tensor", `the data holds a ${typeof data}`);
  const first = data[0];
  if (first === undefined) return [0];
  const inner = inferShape(first);
  for (const row of data)
    if (`${inferShape(row)}` !== `${inner}`)
      throw new ShapeError("tensor", "the nested arrays have rows of different lengths");
  return [data.length, ...inner];
}

import { checkDevice, checkNumber, checkText, isNot, kindOf } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { DTypeError, ShapeError } from "../gpu/errors.ts";
import { type DType, ELEMENT_BYTES, Value } from "../gpu/value.ts";
import { constant } from "../kernels/expression.ts";
import { mapCall } from "../kernels/map.ts";
import { sizeOf } from "../kernels/view.ts";
import { ANY, checkTensors, NUMBERS } from "./arguments.ts";
import {
  arrayName,
  checkShape,
  type DTypeOf,
  emptyResult,
  formatShape,
  heldBy,
  Tensor,
  writeValues,
} from "./tensor.ts";

/** Nested arrays of numbers, as deep as the tensor has axes. */
export type NestedNumbers = number | readonly NestedNumbers[];

/**
 * A tensor with the given elements.
 *
 * @param data nested arrays, or a flat typed array together with `shape`
 */
export function tensor<A extends NestedNumbers | Float32Array | Uint32Array>(
  device: Device,
  data: A,
  shape?: readonly number[],
): Tensor<DTypeOf<A>> {
  checkDevice("tensor", device);
  const typed = data instanceof Float32Array || data instanceof Uint32Array;
  if (!typed && ArrayBuffer.isView(data))
    throw new DTypeError("tensor", notTaken("data", data, NUMBERS));
  const inferred = typed ? [data.length] : inferShape(data);
  const wanted = shape === undefined ? inferred : shape;
  checkShape("tensor", wanted);
  const flat = typed ? data : Float32Array.from(flatten(data));
  if (flat.length !== sizeOf(wanted))
    throw new ShapeError("tensor", `${formatShape(wanted)} does not hold ${flat.length} elements`);
  const dtype: DType = flat instanceof Uint32Array ? "u32" : "f32";
  const value = device.allocate(dtype, flat.length, "tensor");
  writeValues("tensor", value, flat);
  return Tensor.of(device, value, [...wanted]);
}

/** A one-element tensor without axes. */
export function scalar(device: Device, x: number): Tensor {
  checkDevice("scalar", device);
  checkNumber("scalar", "x", x);
  return tensor(device, x, []);
}

/** A tensor filled with one number, made on the device. */
export function full(device: Device, shape: readonly number[], x: number): Tensor {
  return filled("full", device, shape, x);
}

/** A tensor of zeros. */
export function zeros(device: Device, shape: readonly number[]): Tensor {
  return filled("zeros", device, shape, 0);
}

/** A tensor of ones. */
export function ones(device: Device, shape: readonly number[]): Tensor {
  return filled("ones", device, shape, 1);
}

/** @param op what errors call it @param name what they call the number */
export function filled(
  op: string,
  device: Device,
  shape: readonly number[],
  x: number,
  name = "x",
): Tensor {
  checkDevice(op, device);
  checkNumber(op, name, x);
  checkShape(op, shape);
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

/** A tensor without elements. */
export function empty<D extends DType = "f32">(
  device: Device,
  shape: readonly number[],
  dtype: D = "f32" as D,
): Tensor<D> {
  checkDevice("empty", device);
  checkShape("empty", shape);
  if (!ANY.some((known) => known === dtype))
    throw new DTypeError("empty", isNot("dtype", dtype, ANY.join(", ")));
  if (sizeOf(shape) !== 0) throw new ShapeError("empty", `${formatShape(shape)} has elements`);
  return Tensor.of(device, device.allocate(dtype, 0, "empty"), [...shape]);
}

/**
 * A tensor that outlives scopes and may change: `assign` and optimisers write to it.
 *
 * @param label its name in errors and profiles
 */
export function variable<A extends Float32Array | Uint32Array>(
  device: Device,
  data: A,
  shape: readonly number[],
  label = "variable",
): Tensor<DTypeOf<A>> {
  return held("variable", ["f32", "u32"], device, data, shape, label);
}

/**
 * A tensor that keeps what it is given.
 *
 * @param kind what errors call the function; the label stands beside it where there is one
 * @param dtypes what it may hold
 */
function held<A extends Float32Array | Uint32Array | Uint8Array>(
  kind: string,
  dtypes: readonly DType[],
  device: Device,
  data: A,
  shape: readonly number[],
  label: string,
): Tensor<DTypeOf<A>> {
  checkText(kind, "label", label);
  const op = label === kind ? kind : `${kind} "${label}"`;
  checkDevice(op, device);
  const dtype = heldBy(data);
  if (!dtype || !dtypes.includes(dtype)) throw new DTypeError(op, notTaken("data", data, dtypes));
  checkShape(op, shape);
  const elements = dtype === "u8" ? "bytes" : "elements";
  if (data.length !== sizeOf(shape))
    throw new ShapeError(op, `${formatShape(shape)} does not hold ${data.length} ${elements}`);
  const value = device.allocate(dtype, data.length, label, true);
  writeValues(op, value, data);
  return Tensor.of(device, value, [...shape]);
}

/**
 * A variable that derivatives are taken with respect to.
 *
 * @param label its name in errors and profiles
 */
export function parameter(
  device: Device,
  data: Float32Array,
  shape: readonly number[],
  label = "parameter",
): Tensor {
  const made = held("parameter", ["f32"], device, data, shape, label);
  made.tracked = true;
  return made;
}

/**
 * A variable that lies in another one's memory, from an element on. Buffers are bound at multiples of 256 bytes:
 * `start` is a multiple of 64.
 *
 * @param label its name in errors and profiles
 */
export function partOf<D extends DType>(
  home: Tensor<D>,
  start: number,
  shape: readonly number[],
  label: string,
): Tensor<D> {
  const { device, dtype } = home;
  const value = new Value(device, dtype, sizeOf(shape), label);
  value.persistent = true;
  device.rehome(value, home.value, start * ELEMENT_BYTES[dtype]);
  return Tensor.of(device, value, shape);
}

/** Overwrites a variable with a tensor of as many elements, on the device. Recordable. */
export function assign<D extends DType>(target: Tensor<D>, x: Tensor<D>): void {
  checkTensors("assign", [
    ["target", target, ...NUMBERS],
    ["x", x, ...NUMBERS],
  ]);
  if (!target.value.persistent) throw new ShapeError("assign", "the target is no variable");
  if (x.size !== target.size)
    throw new ShapeError(
      "assign",
      `${formatShape(x.shape)} does not fill ${formatShape(target.shape)}`,
    );
  if (x.dtype !== target.dtype)
    throw new DTypeError("assign", `${target.value.label} holds ${target.dtype}, not ${x.dtype}`);
  const { device, value } = target;
  device.emit({ op: "assign", pack: true, inputs: [x.value], target: value, offsets: [0] });
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
): Tensor<"u8"> {
  return held("bytes", ["u8"], device, data, shape, label);
}

/** Why typed data is not taken, and what to make of it. */
function notTaken(name: string, data: unknown, dtypes: readonly DType[]): string {
  const types = dtypes.map(arrayName);
  const text = isNot(name, data, types.map((type) => `a ${type}`).join(" or "));
  if (data instanceof Uint8Array && dtypes.length > 1)
    return `${text}: bytes(device, data, shape) takes bytes`;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return `${text}: ${types[0]}.from(data, Number) makes one`;
  const isList = Array.isArray(data) || (ArrayBuffer.isView(data) && !(data instanceof DataView));
  return isList ? `${text}: ${types[0]}.from(data) makes one` : text;
}

function flatten(data: NestedNumbers): number[] {
  return typeof data === "number" ? [data] : data.flatMap(flatten);
}

function inferShape(data: unknown): number[] {
  if (typeof data === "number") return [];
  if (!Array.isArray(data))
    throw new DTypeError(
      "tensor",
      isNot("data", data, "numbers in nested arrays or a typed array"),
    );
  if (data.every((x) => typeof x === "number")) return [data.length];
  const inner = data.map((row: unknown) => {
    if (typeof row === "number" || Array.isArray(row)) return inferShape(row);
    throw new DTypeError("tensor", `data holds ${kindOf(row)}, wanted numbers in nested arrays`);
  });
  const [first = []] = inner;
  for (const other of inner)
    if (`${other}` !== `${first}`)
      throw new ShapeError(
        "tensor",
        `data has rows of different lengths: ${formatShape(first)} and ${formatShape(other)}`,
      );
  return [data.length, ...first];
}

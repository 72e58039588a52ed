import { isNot, kindOf } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { DeviceError, DTypeError, ShapeError } from "../gpu/errors.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import type { DType } from "../gpu/value.ts";
import { Tensor } from "./tensor.ts";

/** A tensor argument: its name, what was given, and the types that it may hold. */
export type TensorArgument = readonly [name: string, x: unknown, ...dtypes: DType[]];

/** What elementwise ops and reductions take: whole numbers become floats. */
export const NUMBERS = ["f32", "u32"] as const satisfies readonly NumberType[];
/** Types of numbers that elementwise ops take. */
export type NumberType = "f32" | "u32";
/** What ops take that only move elements, or look at none. */
export const ANY = ["f32", "u32", "u8"] as const;

/**
 * The check of every op, layer and optimiser before anything runs: each argument is a tensor, holds a type
 * that it may hold, and is on the device of the others.
 *
 * @param device the device that was given besides, where one was
 * @returns the device of all
 * @throws DTypeError, DeviceError, each naming op and argument; DeviceLostError for a device that is gone
 */
export function checkTensors(
  op: string,
  tensors: readonly TensorArgument[],
  device?: Device,
): Device {
  let home = device;
  let first = "device";
  for (const [name, x, ...dtypes] of tensors) {
    if (!(x instanceof Tensor)) throw new DTypeError(op, isNot(name, x, "a tensor"));
    if (!dtypes.includes(x.dtype)) throw wrongType(op, name, x, dtypes);
    if (home === undefined) {
      home = x.device;
      first = name;
    } else if (x.device !== home) {
      throw new DeviceError(
        op,
        first === "device"
          ? `${name} is on another device than the one given`
          : `${name} is on another device than ${first}: all must be on one`,
      );
    }
  }
  if (!home) throw new ShapeError(op, "there are no tensors");
  if (home.lost) throw home.lost;
  return home;
}

/** The same for tensors by their names that all hold f32. */
export function checkFloats(op: string, tensors: Readonly<Record<string, unknown>>): Device {
  return checkTensors(
    op,
    Object.entries(tensors).map(([name, x]) => [name, x, "f32"]),
  );
}

/** The device of the only tensor of an op. */
export function checkTensor(op: string, x: unknown, dtypes: readonly DType[], name = "x"): Device {
  return checkTensors(op, [[name, x, ...dtypes]]);
}

function wrongType(
  op: string,
  name: string,
  x: Tensor<DType>,
  dtypes: readonly DType[],
): DTypeError {
  const wanted = dtypes.join(" or ");
  const help = x.dtype === "u8" ? ": bytes must be gathered before they are used" : "";
  return new DTypeError(op, `${name} holds ${x.dtype}, wanted ${wanted}${help}`);
}

/** Names of the tensors in a list, for `checkTensors`. @throws DTypeError for anything but an array */
export function eachOf(
  op: string,
  name: string,
  list: readonly unknown[],
  dtypes: readonly DType[],
): TensorArgument[] {
  checkList(op, name, list, "an array of tensors");
  return list.map((x, i) => [`${name}[${i}]`, x, ...dtypes]);
}

/**
 * What a function that the user gave has returned.
 *
 * @param name what the caller calls the function
 * @throws UsageError, DTypeError for anything but a tensor
 */
export function tensorFrom(op: string, name: string, result: unknown): Tensor {
  checkSynchronous(op, name, result);
  if (result instanceof Tensor) return result;
  throw new DTypeError(op, `${name} gives ${kindOf(result)}, wanted a tensor`);
}

/** @throws DTypeError for anything but an array */
export function checkList(op: string, name: string, x: unknown, wanted: string): void {
  if (!Array.isArray(x)) throw new DTypeError(op, isNot(name, x, wanted));
}

/**
 * Lengths along height and width: one number for both, or [vertical, horizontal].
 *
 * @throws ShapeError for anything but whole numbers from 1 to `most`
 */
export function checkPair(
  op: string,
  name: string,
  given: unknown,
  most = Number.MAX_SAFE_INTEGER,
): readonly [number, number] {
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  const [vertical, horizontal = vertical] = list;
  const fits = (n: unknown): n is number =>
    Number.isInteger(n) && 1 <= Number(n) && Number(n) <= most;
  if (list.length <= 2 && fits(vertical) && fits(horizontal)) return [vertical, horizontal];
  const range = most === Number.MAX_SAFE_INTEGER ? "1 on" : `1 to ${most}`;
  const wanted = `a whole number from ${range}, or two of them`;
  const isNumbers = Array.isArray(given) && given.every((n) => typeof n === "number");
  throw new ShapeError(
    op,
    isNumbers ? `${name} is [${given.join(", ")}], wanted ${wanted}` : isNot(name, given, wanted),
  );
}

/** @throws ShapeError for anything but an array of numbers */
export function checkNumbers(op: string, name: string, x: unknown): void {
  if (!Array.isArray(x)) throw new ShapeError(op, isNot(name, x, "an array of whole numbers"));
  for (const [i, n] of x.entries())
    if (typeof n !== "number")
      throw new ShapeError(op, `${name}[${i}] is ${kindOf(n)}, wanted a whole number`);
}

import { checkNumber, checkWhole } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import type { DType } from "../../gpu/value.ts";
import { gatherCall, oneHotCall, scatterAddCalls } from "../../kernels/gather.ts";
import { sizeOf } from "../../kernels/view.ts";
import { ANY, checkTensor, checkTensors, eachOf } from "../../tensor/arguments.ts";
import { empty, zeros } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { add } from "./elementwise.ts";

/** What is gathered from a table: floats from bytes. */
export type Gathered<D extends DType> = D extends "u32" ? "u32" : "f32";

/**
 * Rows of a table by their numbers. Bytes become floats: a data set of 8-bit images stays packed
 * on the device until its batches are gathered. Derivative: scatterAdd.
 *
 * @param table [rows, …]: f32, u32, or u8
 * @param indices u32 [count…]; a number beyond the last row reads the last row
 * @param scale factor of bytes; default 1/255
 * @returns [count…, …], f32; u32 for a table of u32
 */
export function gather<D extends DType>(
  table: Tensor<D>,
  indices: Tensor<"u32">,
  scale = 1 / 255,
): Tensor<Gathered<D>> {
  checkTensors("gather", [
    ["table", table, ...ANY],
    ["indices", indices, "u32"],
  ]);
  checkNumber("gather", "scale", scale);
  const [rows = 0, ...row] = table.shape;
  if (table.rank === 0) throw new ShapeError("gather", "the table must have rows");
  const shape = [...indices.shape, ...row];
  const dtype = (table.dtype === "u32" ? "u32" : "f32") as Gathered<D>;
  const out = emptyResult(table.device, "gather", shape, dtype);
  if (out.size === 0) return empty(table.device, shape, dtype);
  if (rows === 0) throw new ShapeError("gather", `${formatShape(table.shape)} has no rows`);
  const length = sizeOf(row);
  table.device.emit(
    gatherCall("gather", table.value, rows, length, indices.value, out.value, scale),
  );
  return differentiable("gather", [table], out, [(dy) => scatterAdd(dy, indices, rows)]);
}

/**
 * Rows of a table that is in several parts, one behind the other: for tables larger than a buffer
 * may be. One part is gathered from as by `gather`. From several, each gives its rows and 0 for
 * those of the others, and the sum has the bits of `gather`, but for −0, which becomes 0. The
 * gathering from several has no derivative.
 *
 * @param parts [rows, …] each, f32 or u8, at least one; only rows differ
 * @param indices u32 [count…]; a number beyond the last row reads the last row
 * @param scale factor of bytes; default 1/255
 * @returns f32 [count…, …]
 */
export function gatherParts(
  parts: readonly Tensor<"f32" | "u8">[],
  indices: Tensor<"u32">,
  scale = 1 / 255,
): Tensor {
  const several = parts?.length > 1;
  checkTensors("gatherParts", [
    ...eachOf("gatherParts", "parts", parts, several ? ["f32", "u8"] : ANY),
    ["indices", indices, "u32"],
  ]);
  const [whole] = parts;
  if (!whole) throw new ShapeError("gatherParts", "there are no parts");
  if (!several) return gather(whole, indices, scale);
  const row = whole.shape.slice(1);
  const shape = [...indices.shape, ...row];
  const { device } = whole;
  if (sizeOf(shape) === 0) return empty(device, shape);
  let first = 0;
  const gathered = parts.map((part, i) => {
    const [rows = 0, ...rest] = part.shape;
    if (rows === 0 || `${rest}` !== `${row}`)
      throw new ShapeError("gatherParts", `${formatShape(part.shape)} is no part with such rows`);
    const last = i < parts.length - 1 ? first + rows - 1 : 0xffffffff;
    const out = emptyResult(device, "gatherParts", shape);
    device.emit(
      gatherCall("gatherParts", part.value, rows, sizeOf(row), indices.value, out.value, scale, {
        first,
        last,
      }),
    );
    first += rows;
    return out;
  });
  return gathered.reduce((sum, rows) => add(sum, rows));
}

/**
 * Sums rows into a table: row r is the sum of the x[i] with indices[i] = r, in the order of i, so
 * the same bits every time. Rows that no index names are 0, indices beyond the last row are left
 * out. Derivative: gather.
 *
 * @param x f32 [count…, …]
 * @param indices u32 [count…]
 * @returns [rows, …]
 */
export function scatterAdd(x: Tensor, indices: Tensor<"u32">, rows: number): Tensor {
  checkTensors("scatterAdd", [
    ["x", x, "f32"],
    ["indices", indices, "u32"],
  ]);
  checkWhole("scatterAdd", "rows", rows, 0);
  if (`${x.shape.slice(0, indices.rank)}` !== `${indices.shape}`)
    throw new ShapeError(
      "scatterAdd",
      `rows ${formatShape(x.shape)} do not go with indices ${formatShape(indices.shape)}`,
    );
  const row = x.shape.slice(indices.rank);
  const shape = [rows, ...row];
  const out = emptyResult(x.device, "scatterAdd", shape);
  if (out.size === 0) return empty(x.device, shape);
  if (x.size === 0) return zeros(x.device, shape);
  for (const call of scatterAddCalls("scatterAdd", x.value, indices.value, sizeOf(row), out.value))
    x.device.emit(call);
  return differentiable("scatterAdd", [x], out, [(dy) => gather(dy, indices)]);
}

/**
 * 1 at the class, else 0; a class beyond the last gives a row of zeros.
 *
 * @param indices u32 […]
 * @returns f32 […, classes]
 */
export function oneHot(indices: Tensor<"u32">, classes: number): Tensor {
  checkTensor("oneHot", indices, ["u32"], "indices");
  checkWhole("oneHot", "classes", classes, 0);
  const shape = [...indices.shape, classes];
  const out = emptyResult(indices.device, "oneHot", shape);
  if (out.size === 0) return empty(indices.device, shape);
  indices.device.emit(oneHotCall("oneHot", indices.value, classes, out.value));
  return out;
}

import { checkObject, checkWhole, isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Split } from "./types.ts";

/**
 * Checks what was given as a part of a data set.
 *
 * @param name what the caller calls the argument
 * @throws UsageError, ShapeError that name the argument and what it wants
 */
export function checkSplit(op: string, name: string, split: unknown): asserts split is Split {
  checkObject(op, name, split, ["count", "images", "labels"]);
  const { count, images, labels } = split;
  checkWhole(op, `${name}.count`, count, 0);
  const refuse = (field: string, x: unknown, wanted: string) =>
    new UsageError(`${op}: ${isNot(`${name}.${field}`, x, wanted)}`);
  if (!(images instanceof Uint8Array || images instanceof Float32Array))
    throw refuse("images", images, "a Uint8Array, or a Float32Array of vectors");
  if (!(labels instanceof Uint8Array || labels instanceof Uint16Array))
    throw refuse("labels", labels, "a Uint8Array or a Uint16Array");
}

/**
 * Checks what was given as the lengths of an image.
 *
 * @throws UsageError, ShapeError that name the argument and what it wants
 */
export function checkImage(op: string, image: unknown): void {
  const lengths = ["height", "width", "channels"] as const;
  checkObject(op, "image", image, lengths);
  for (const name of lengths) checkWhole(op, `image.${name}`, image[name]);
}

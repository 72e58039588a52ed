import { isObject, quote } from "../formats/json.ts";
import type { ImageShape } from "../models/model.ts";

/** What files say of the data that a model is made for, checked. `fail` throws what is wrong. */

/** Largest side of an image that a run can have. */
const LARGEST_SIDE = 4096;
const MOST_CHANNELS = 4;
const LONGEST_VECTOR = 65536;
const MOST_CLASSES = 65536;

export function checkClasses(value: unknown, fail: (what: string) => never): readonly string[] {
  if (value === undefined) return []; // the names are of no use to a model without labels
  const sound =
    Array.isArray(value) &&
    value.length <= MOST_CLASSES &&
    value.every((name) => typeof name === "string");
  return sound ? (value as string[]) : fail(`classes is ${quote(value)}, expected names`);
}

export function checkAttributes(
  value: unknown,
  fail: (what: string) => never,
): Readonly<Record<string, number>> {
  if (value === undefined) return {};
  const isCount = (n: unknown) =>
    Number.isInteger(n) && (n as number) >= 1 && (n as number) <= MOST_CLASSES;
  const sound = isObject(value) && Object.values(value).every(isCount);
  return sound
    ? (value as Record<string, number>)
    : fail(`attributes is ${quote(value)}, expected names with their numbers of values`);
}

export function checkCount(value: unknown, fail: (what: string) => never): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 1))
    return value as number | undefined;
  return fail(`trainingImages is ${quote(value)}, expected a whole number from 1`);
}

export function checkImage(value: unknown, fail: (what: string) => never): ImageShape {
  const image = isObject(value) ? value : {};
  for (const [name, most] of [
    ["height", LARGEST_SIDE],
    ["width", LARGEST_SIDE],
    ["channels", image.vectors === true ? LONGEST_VECTOR : MOST_CHANNELS],
  ] as const) {
    const size = image[name];
    if (!(Number.isInteger(size) && (size as number) >= 1 && (size as number) <= most))
      fail(`image ${name} is ${quote(size)}, expected a whole number from 1 to ${most}`);
  }
  const { vectors } = image;
  if (vectors !== undefined && typeof vectors !== "boolean")
    fail(`image vectors is ${quote(vectors)}, expected true or false`);
  return image as unknown as ImageShape;
}

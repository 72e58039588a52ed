import { InvalidArgumentError } from "commander";
import { didYouMean } from "../models/suggest.ts";

/** Largest seed: 32 bits, as the random number generators take. */
export const largestSeed = 2 ** 32 - 1;

/** A whole number in decimal digits, from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** One of the names, with a suggestion for a near miss. */
export function oneOf(names: readonly string[]): (text: string) => string {
  return (text) => {
    if (!names.includes(text)) {
      throw new InvalidArgumentError(`Expected ${names.join(", ")}${didYouMean(text, names)}.`);
    }
    return text;
  };
}

/** A path that is not empty. */
export function path(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a path.");
  return text;
}

/** One `key=value` of a repeatable option, added to those before it. */
export function keyValue(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Expected key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

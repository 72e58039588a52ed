import { InvalidArgumentError } from "commander";
import { choice, type ValueKind, whole } from "../settings/values.ts";

/** A parser for commander that takes texts of this kind. */
export function parser<T>(kind: ValueKind<T>): (text: string) => T {
  return (text) => {
    const value = kind.parse(text);
    if (value === undefined) {
      throw new InvalidArgumentError(`Expected ${kind.expected}${kind.hint?.(text) ?? ""}.`);
    }
    return value;
  };
}

/** A whole number in decimal digits, from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return parser(whole(min, max));
}

/** One of the names, with a suggestion for a near miss. */
export function oneOf(names: readonly string[]): (text: string) => string {
  return parser(choice(names));
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

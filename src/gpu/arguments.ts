import { Device } from "./device.ts";
import { DeviceError, DTypeError, ShapeError, UsageError } from "./errors.ts";
import { didYouMean } from "./suggest.ts";
import { isPromise } from "./synchronous.ts";

/** What a value is, in words: for errors about arguments. */
export function kindOf(x: unknown): string {
  if (x === undefined || x === null) return `${x}`;
  if (isPromise(x)) return "a promise";
  if (Array.isArray(x)) return "an array";
  if (typeof x !== "object") return `a ${typeof x}`;
  const name = (Object.getPrototypeOf(x) as { constructor?: { name?: string } } | null)?.constructor
    ?.name;
  if (!name || name === "Object") return "an object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/** `NAME is KIND, wanted WANTED`, of a number its value; and what to do about a promise. */
export function isNot(name: string, x: unknown, wanted: string): string {
  const help = isPromise(x) ? ": await it" : "";
  return `${name} is ${typeof x === "number" ? x : kindOf(x)}, wanted ${wanted}${help}`;
}

/**
 * @param name what the caller calls the argument
 * @throws DeviceError for anything but an open device; DeviceLostError for one that is gone
 */
export function checkDevice(op: string, x: unknown, name = "device"): asserts x is Device {
  if (!(x instanceof Device))
    throw new DeviceError(op, isNot(name, x, "a device, as openDevice gives it"));
  if (x.lost) throw x.lost;
}

/** @throws ShapeError for anything but a whole number from `least` to `most` */
export function checkWhole(
  op: string,
  name: string,
  n: unknown,
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(n) && (n as number) >= least && (n as number) <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} on` : `${least} to ${most}`;
  throw new ShapeError(op, isNot(name, n, `a whole number from ${range}`));
}

/** @throws UsageError for anything but a function */
export function checkFunction(op: string, name: string, x: unknown, wanted: string): void {
  if (typeof x !== "function") throw new UsageError(`${op}: ${isNot(name, x, wanted)}`);
}

/** @throws UsageError for anything but a text */
export function checkText(op: string, name: string, x: unknown, wanted = "a text"): void {
  if (typeof x !== "string") throw new UsageError(`${op}: ${isNot(name, x, wanted)}`);
}

/** @throws UsageError for anything but true and false */
export function checkFlag(op: string, name: string, x: unknown): void {
  if (typeof x !== "boolean") throw new UsageError(`${op}: ${isNot(name, x, "true or false")}`);
}

/** @throws DTypeError for anything but a number */
export function checkNumber(op: string, name: string, x: unknown): void {
  if (typeof x !== "number") throw new DTypeError(op, isNot(name, x, "a number"));
}

/** @throws UsageError for anything but an object that has these fields */
export function checkObject(
  op: string,
  name: string,
  x: unknown,
  fields: readonly string[],
): asserts x is Readonly<Record<string, unknown>> {
  const wanted = fields.length > 0 ? `an object { ${fields.join(", ")} }` : "an object";
  const isObject = typeof x === "object" && x !== null && !Array.isArray(x) && !isPromise(x);
  const missing =
    isObject && fields.find((field) => (x as Record<string, unknown>)[field] === undefined);
  if (missing === undefined) return;
  const isPlain = missing !== false && kindOf(x) === "an object";
  throw new UsageError(
    isPlain
      ? `${op}: ${name} has no ${missing}, wanted ${wanted}`
      : `${op}: ${isNot(name, x, wanted)}`,
  );
}

/** @throws UsageError for anything but an array; its elements are the caller's to check */
export function checkArray(
  op: string,
  name: string,
  x: unknown,
  wanted: string,
): asserts x is readonly unknown[] {
  if (!Array.isArray(x)) throw new UsageError(`${op}: ${isNot(name, x, wanted)}`);
}

/** @throws ShapeError for anything but whole numbers from 0 on */
export function checkCounts(op: string, counts: Readonly<Record<string, unknown>>): void {
  for (const [name, n] of Object.entries(counts)) checkWhole(op, name, n, 0);
}

/** What an option holds; with a mark behind it, it may be left out. */
type Kind = "number" | "text" | "boolean" | "function" | "signal" | "any";

/** What each option of T holds; the types see to it that none is forgotten. */
export type OptionRules<T> = {
  readonly [K in keyof Required<T>]: Record<never, never> extends Pick<T, K> ? `${Kind}?` : Kind;
};

const WORDS: Readonly<Record<string, string>> = {
  number: "a number",
  text: "a text",
  boolean: "true or false",
  function: "a function",
  signal: "an AbortSignal, as an AbortController's signal is",
};

/**
 * Checks an object of options: a name that is not known, one that is missing, a value of another kind.
 *
 * @param name what the caller calls the argument
 * @throws UsageError that names the option and what it wants
 */
export function checkOptions<T extends object>(
  op: string,
  options: T,
  rules: OptionRules<T>,
  name = "options",
): void {
  const kinds = rules as Readonly<Record<string, string>>;
  const known = Object.keys(kinds);
  if (
    typeof options !== "object" ||
    options === null ||
    Array.isArray(options) ||
    isPromise(options)
  )
    throw new UsageError(`${op}: ${isNot(name, options, `an object { ${known.join(", ")} }`)}`);
  const given = options as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(given))
    if (!Object.hasOwn(kinds, key)) {
      const near = didYouMean(key, known) || `; there are ${known.join(", ")}`;
      throw new UsageError(`${op}: unknown option "${key}"${near}`);
    }
  for (const [key, rule] of Object.entries(kinds)) {
    const value = given[key];
    const wanted = rule.replace("?", "");
    if (value === undefined) {
      if (rule.endsWith("?")) continue;
      throw new UsageError(
        `${op}: the option "${key}" is missing${WORDS[wanted] ? `, wanted ${WORDS[wanted]}` : ""}`,
      );
    }
    const kind = wanted === "text" ? "string" : wanted;
    const fits = wanted === "signal" ? value instanceof AbortSignal : typeof value === kind;
    if (wanted !== "any" && !fits)
      throw new UsageError(
        `${op}: the option "${key}" is ${kindOf(value)}, wanted ${WORDS[wanted]}`,
      );
  }
}

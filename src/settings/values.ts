import { didYouMean } from "../gpu/suggest.ts";

/** A kind of value, as it is typed on a command line or stands in a configuration file. */
export interface ValueKind<T> {
  /** What is expected, in words: `a whole number from 1 to 9`. */
  readonly expected: string;
  /** How JSON writes it. */
  readonly json: readonly ("string" | "number" | "boolean")[];
  /** The value, or undefined where the text is not of the kind. */
  parse(text: string): T | undefined;
  /** What may have been meant, to follow `expected`. */
  hint?(text: string): string;
}

/** A whole number in decimal digits. */
export function whole(min?: number, max?: number): ValueKind<number> {
  return numeric("a whole number", /^[+-]?\d+$/, min, max);
}

/** A number, in decimals or with an exponent; never NaN or infinite. */
export function real(min?: number, max?: number): ValueKind<number> {
  return numeric("a number", /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, min, max);
}

function numeric(
  kind: string,
  form: RegExp,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): ValueKind<number> {
  return {
    expected: `${kind}${range(min, max)}`,
    json: ["number"],
    parse(text) {
      const value = form.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(value) && value >= min && value <= max ? value : undefined;
    },
  };
}

function range(min: number, max: number): string {
  if (Number.isFinite(min)) {
    return Number.isFinite(max) ? ` from ${min} to ${max}` : ` from ${min} on`;
  }
  return Number.isFinite(max) ? ` up to ${max}` : "";
}

/** One of some names. */
export function choice(names: readonly string[]): ValueKind<string> {
  return {
    expected: names.join(", "),
    json: ["string"],
    parse: (text) => (names.includes(text) ? text : undefined),
    hint: (text) => didYouMean(text, names),
  };
}

/** Any text but none at all. */
export function words(what: string): ValueKind<string> {
  return {
    expected: what,
    json: ["string"],
    parse: (text) => (text === "" ? undefined : text),
  };
}

/** On or off. */
export const flag: ValueKind<boolean> = {
  expected: "true or false",
  json: ["boolean"],
  parse: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** A time: `90`, `90s`, `30m`, `1h30m`; the value is in seconds. */
export const duration: ValueKind<number> = {
  expected: "a time such as 90s, 30m or 1h30m",
  json: ["string", "number"],
  parse(text) {
    if (/^\d+(\.\d+)?$/.test(text)) return positive(Number(text));
    if (!/^(\d+(\.\d+)?[smhd])+$/.test(text)) return undefined;
    let total = 0;
    for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)) {
      total += Number(number) * SECONDS[unit as keyof typeof SECONDS];
    }
    return positive(total);
  },
};

function positive(value: number): number | undefined {
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

import { GpuValidationError } from "../gpu/errors.ts";
import { TextCache } from "./text-cache.ts";

interface Specialisation {
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly inserts?: Readonly<Record<string, string>>;
  /** Most characters of the result: compilers of software adapters explode on larger ones. */
  readonly sizeBound?: number;
  readonly op?: string;
}

/**
 * Ops ask for the same text each time they run, a recording for a few texts many times, and writing one
 * out takes milliseconds. A few megabytes hold those of several models.
 */
export const specialised = new TextCache(2 ** 23);

/**
 * Turns a readable shader file into the text that is compiled.
 *
 * - `const NAME = …;` and `alias NAME = …;` get the host's values;
 * - `if (NAME) {` … `} else {` … `}` marked `//@static` keeps the branch that the constant picks;
 * - a `for` loop behind a line `//@unroll` is written out, its counter replaced by numbers; behind
 *   `//@unroll NAME` only where that constant is true;
 * - `var acc: array<T, N>;` marked `//@registers` becomes N variables, since some compilers keep
 *   an array in memory even when every index is a constant;
 * - a line `//@insert NAME` is replaced by the host's text.
 *
 * Shader compilers leave the loops over register tiles rolled; written out, the same tile is
 * 2× (llvmpipe) to 10× (SwiftShader) faster.
 */
export function specialise(text: string, options: Specialisation): string {
  return specialised.get(keyOf(text, options), () => write(text, options));
}

/** All that the result depends on, in one text. */
function keyOf(text: string, { constants, aliases, inserts, sizeBound }: Specialisation): string {
  // −0 has a literal of its own, and −0 as text is 0.
  const numbers = Object.entries(constants ?? {}).map(([name, value]) => [
    name,
    Object.is(value, -0) ? "-0" : String(value),
  ]);
  const others = [aliases, inserts].map((list) => Object.entries(list ?? {}));
  return `${JSON.stringify([numbers, others, String(sizeBound)])}\n${text}`;
}

function write(text: string, options: Specialisation): string {
  const op = options.op ?? "specialise";
  let out = text;
  for (const [name, value] of Object.entries(options.constants ?? {})) {
    const pattern = declarationOf(name);
    const match = out.match(pattern);
    if (!match) throw new GpuValidationError(op, `the shader has no constant ${name}`);
    const [, before = "", type = "", old = ""] = match;
    const text = literal(value, type.replace(/[:\s]/g, "") || typeOf(old));
    if (text === undefined)
      throw new GpuValidationError(op, `${value} is no value for the constant ${name} = ${old}`);
    out = out.replace(pattern, () => `${before}const ${name}${type} = ${text};`);
  }
  for (const [name, type] of Object.entries(options.aliases ?? {})) {
    const pattern = new RegExp(`^alias ${name} = [^;]*;`, "m");
    if (!pattern.test(out)) throw new GpuValidationError(op, `the shader has no alias ${name}`);
    out = out.replace(pattern, `alias ${name} = ${type};`);
  }
  for (const [name, insert] of Object.entries(options.inserts ?? {})) {
    const pattern = new RegExp(`^[ \\t]*//@insert ${name}$`, "gm");
    if (out.search(pattern) < 0)
      throw new GpuValidationError(op, `the shader has no place ${name}`);
    out = out.replace(pattern, () => insert);
  }
  const constants = readConstants(out);
  out = new Unroller(constants, op).expand(out.split("\n")).join("\n");
  out = scalariseRegisters(out);
  const bound = options.sizeBound ?? Number.POSITIVE_INFINITY;
  if (out.length > bound)
    throw new GpuValidationError(
      op,
      `the unrolled shader has ${out.length} characters, ${bound} allowed`,
    );
  return out;
}

/** Whether a shader declares a constant of this name, which the host may set. */
export function declares(text: string, name: string): boolean {
  return declarationOf(name).test(text);
}

/** A constant's line, or its part of a line that declares several; not what stands behind `//`. */
function declarationOf(name: string): RegExp {
  return new RegExp(
    `^((?:(?:(?!//).)*;)?[ \\t]*)const ${name}\\b(\\s*:\\s*\\w+)?\\s*=\\s*([^;]*);`,
    "m",
  );
}

/** Type of a constant that declares none, by its default value. */
function typeOf(text: string): string {
  if (/^(true|false)$/.test(text)) return "bool";
  if (/^-?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?[fh]?$/.test(text) && /[.efh]/i.test(text))
    return "f32";
  return /^-?\d+i$/.test(text) ? "i32" : "u32";
}

/** WGSL text of a constant, or undefined where the value is none of that type. */
function literal(value: number | boolean, type: string): string | undefined {
  if (typeof value === "boolean" || type === "bool")
    return typeof value === "boolean" && type === "bool" ? String(value) : undefined;
  if (type === "f32") return Number.isFinite(Math.fround(value)) ? floatLiteral(value) : undefined;
  if (!Number.isInteger(value)) return undefined;
  if (type === "i32") return Math.abs(value) < 2 ** 31 ? `${value}i` : undefined;
  return value >= 0 && value < 2 ** 32 ? `${value}u` : undefined;
}

/** A float as WGSL text that reads back to the same f32. NaN and infinity have no literal. */
export function floatLiteral(value: number): string {
  if (!Number.isFinite(Math.fround(value))) throw new RangeError(`${value} has no WGSL literal`);
  const text = Object.is(value, -0) ? "-0" : String(Math.fround(value));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** Values of the file's named constants, as far as they are arithmetic on earlier ones. */
function readConstants(text: string): Map<string, number> {
  const constants = new Map<string, number>();
  const code = text.replace(/\/\/.*$/gm, "");
  for (const match of code.matchAll(
    /(?:^|;)[ \t]*const (\w+)(?:\s*:\s*\w+)?\s*=\s*([^;]*)(?=;)/gm,
  )) {
    const value = evaluate(match[2] ?? "", constants);
    if (value !== undefined) constants.set(match[1] ?? "", value);
  }
  return constants;
}

/** Value of an expression of integers, named constants, + − * / %, parentheses and comparisons. */
export function evaluate(
  expression: string,
  constants: ReadonlyMap<string, number>,
): number | undefined {
  const tokens = expression.match(/\d+u?\b|\w+|[<>=!]=|&&|\|\||[-+*/%()<>!]/g) ?? [];
  if (tokens.join("") !== expression.replace(/\s+/g, "")) return undefined;
  let at = 0;
  const levels = [["||"], ["&&"], ["==", "!=", "<", ">", "<=", ">="], ["+", "-"], ["*", "/", "%"]];
  const apply = (op: string, a: number, b: number): number => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
    switch (op) {
      case "||":
        return a || b;
      case "&&":
        return a && b;
      case "==":
        return Number(a === b);
      case "!=":
        return Number(a !== b);
      case "<":
        return Number(a < b);
      case ">":
        return Number(a > b);
      case "<=":
        return Number(a <= b);
      case ">=":
        return Number(a >= b);
      case "+":
        return a + b;
      case "-":
        return a - b;
      case "*":
        return a * b;
      case "/":
        return Math.trunc(a / b);
      default:
        return a % b;
    }
  };
  const atom = (): number => {
    const token = tokens[at++];
    if (token === "!") {
      const value = atom();
      return Number.isNaN(value) ? value : Number(!value);
    }
    if (token === "(") {
      const value = level(0);
      if (tokens[at++] !== ")") return Number.NaN;
      return value;
    }
    if (token === undefined) return Number.NaN;
    if (token === "true" || token === "false") return Number(token === "true");
    if (/^\d/.test(token)) {
      if (!/^\d+u?$/.test(token)) return Number.NaN;
      return Number.parseInt(token, 10);
    }
    return constants.get(token) ?? Number.NaN;
  };
  const level = (l: number): number => {
    const operators = levels[l];
    if (!operators) return atom();
    let value = level(l + 1);
    while (operators.includes(tokens[at] ?? "")) {
      const op = tokens[at++] as string;
      value = apply(op, value, level(l + 1));
    }
    return value;
  };
  const value = level(0);
  return at === tokens.length && Number.isFinite(value) ? value : undefined;
}

/** A loop with more turns than this is marked by mistake. */
const MOST_TURNS = 4096;

class Unroller {
  constructor(
    private readonly constants: ReadonlyMap<string, number>,
    private readonly op: string,
  ) {}

  expand(lines: readonly string[]): string[] {
    const out: string[] = [];
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      const marked = line.match(/^\s*\/\/@unroll(?: (\w+))?$/);
      if (marked && !this.isOn(marked[1])) continue;
      if (marked) {
        const end = this.blockEnd(lines, i + 1);
        out.push(...this.unroll(lines[i + 1] ?? "", lines.slice(i + 2, end)));
        i = end;
      } else if (line.trimEnd().endsWith("//@static")) {
        i = this.choose(lines, i, out);
      } else out.push(line);
    }
    return out;
  }

  private isOn(constant: string | undefined): boolean {
    if (constant === undefined) return true;
    const value = this.constants.get(constant);
    if (value === undefined)
      throw new GpuValidationError(this.op, `no constant says whether to unroll: "${constant}"`);
    return value !== 0;
  }

  private unroll(head: string, body: readonly string[]): string[] {
    const match = head.match(
      /for \(var (\w+) = ([^;]+); \w+ < ([^;]+); \w+(?:\+\+| \+= ([^)]+))\) \{/,
    );
    const [from, to, by] = [match?.[2], match?.[3], match?.[4] ?? "1"].map((e) =>
      evaluate(e ?? "", this.constants),
    );
    if (!match || from === undefined || to === undefined || !by || by < 0)
      throw new GpuValidationError(this.op, `cannot unroll "${head.trim()}"`);
    if ((to - from) / by > MOST_TURNS)
      throw new GpuValidationError(this.op, `too many turns to unroll: "${head.trim()}"`);
    const counter = new RegExp(`\\b${match[1]}\\b`, "g");
    const out: string[] = [];
    for (let i = from; i < to; i += by)
      out.push("{", ...this.expand(body.map((l) => l.replace(counter, `${i}u`))), "}");
    return out;
  }

  private choose(lines: readonly string[], at: number, out: string[]): number {
    const line = lines[at] as string;
    const condition = line.match(/if \((.*)\) \{\s*\/\/@static$/)?.[1];
    const value = evaluate(condition ?? "", this.constants);
    if (value === undefined)
      throw new GpuValidationError(this.op, `not a constant condition: "${line.trim()}"`);
    const middle = this.blockEnd(lines, at);
    const closing = lines[middle] as string;
    if (/\} else if /.test(closing)) {
      if (!closing.trimEnd().endsWith("//@static"))
        throw new GpuValidationError(this.op, `//@static is missing: "${closing.trim()}"`);
      // The rest of the chain is an `if` of its own; its branches are dropped once one is chosen.
      const rest: string[] = [];
      const end = this.choose(lines, middle, rest);
      out.push(...(value ? this.expand(lines.slice(at + 1, middle)) : rest));
      return end;
    }
    const hasElse = /\} else \{/.test(closing);
    const end = hasElse ? this.blockEnd(lines, middle) : middle;
    const body = value ? lines.slice(at + 1, middle) : hasElse ? lines.slice(middle + 1, end) : [];
    out.push(...this.expand(body));
    return end;
  }

  /** Line of the brace that closes the block opened on line `start`. */
  private blockEnd(lines: readonly string[], start: number): number {
    let depth = 0;
    for (let i = start; i < lines.length; i++) {
      const code = (lines[i] as string).replace(/\/\/.*$/, "");
      for (const c of i === start ? code.slice(code.lastIndexOf("{")) : code) {
        if (c === "{") depth++;
        else if (c === "}" && --depth === 0) return i;
      }
    }
    throw new GpuValidationError(this.op, `unclosed block: "${lines[start]?.trim()}"`);
  }
}

/** Replaces `name[constant]` of arrays marked //@registers by one variable each. */
function scalariseRegisters(text: string): string {
  let out = text;
  const declaration = /^([ \t]*)var (\w+): array<([\w<>]+), ([^,>]+)>;\s*\/\/@registers$/m;
  for (;;) {
    const match = out.match(declaration);
    if (!match) return out;
    const [line, indent, name, type, length] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    const count = evaluate(length, readConstants(out));
    if (count === undefined) return out.replace(line, line.replace("//@registers", ""));
    const constants = readConstants(out);
    let dynamic = false;
    const replaced = out.replace(new RegExp(`\\b${name}\\[([^\\]]*)\\]`, "g"), (whole, index) => {
      const value = evaluate(index, constants);
      if (value === undefined) {
        dynamic = true;
        return whole;
      }
      return `${name}_${value}`;
    });
    if (dynamic) {
      out = out.replace(line, line.replace("//@registers", ""));
      continue;
    }
    const variables = Array.from(
      { length: count },
      (_, i) => `${indent}var ${name}_${i}: ${type};`,
    );
    out = replaced.replace(line, variables.join("\n"));
  }
}

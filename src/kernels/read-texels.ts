import type { Call } from "../gpu/call.ts";
import type { TexelReads } from "../gpu/target.ts";
import { TEXTURE_WIDTH, texelLoad, textureType } from "../gpu/textures.ts";
import type { Value } from "../gpu/value.ts";

/** A buffer that a kernel's text reads element by element and in no other way. */
export interface ReadBinding {
  readonly binding: number;
  readonly name: string;
  /** What it declares its elements as: text of a scalar or of four. */
  readonly element: string;
  readonly width: 1 | 4;
  /** It is written, too. */
  readonly written: boolean;
}

const SCALARS: Readonly<Record<string, 1 | 4>> = { f32: 1, u32: 1 };
const VECTORS: Readonly<Record<string, 1 | 4>> = {
  vec4f: 4,
  vec4u: 4,
  "vec4<f32>": 4,
  "vec4<u32>": 4,
};

/** A kernel's text without what it says to its readers. */
export function withoutComments(code: string): string {
  return code.replace(/\/\/.*$/gm, "");
}

/**
 * The buffers of 32-bit floats (or their bits) that could be read through textures: each is declared at
 * the beginning of a line and has an index wherever it is named.
 *
 * @param code without comments
 */
export function readBindings(code: string): ReadBinding[] {
  const found: ReadBinding[] = [];
  for (const match of code.matchAll(
    /^@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+): array<([\w<>]+)>;/gm,
  )) {
    const [, binding, access, name, type] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
    ];
    const alias = new RegExp(`^alias ${type} = ([^;]*);`, "m").exec(code)?.[1];
    const element = alias ?? type;
    const width = SCALARS[element] ?? VECTORS[element];
    if (width === undefined) continue;
    const uses = [...code.matchAll(wordOf(name))].length - 1;
    const indexed = [...code.matchAll(indexOf(name))].length;
    if (uses !== indexed || indexed === 0) continue;
    found.push({ binding: Number(binding), name, element, width, written: access !== "read" });
  }
  return found;
}

/** The name where it stands for the binding: no member of something, no part of another name. */
function wordOf(name: string): RegExp {
  return new RegExp(`(?<![\\w.@])${name}\\b`, "g");
}

function indexOf(name: string): RegExp {
  return new RegExp(`(?<![\\w.@])${name}\\[`, "g");
}

/**
 * A call whose kernel reads some of its buffers through textures, with the same results. Buffers that
 * are written, too, become a further input, the texture, beside the update.
 *
 * @param code the kernel's text without comments
 * @param buffers some of `readBindings(code)`
 */
export function readTexels(
  call: Call,
  code: string,
  buffers: readonly ReadBinding[],
  reads: TexelReads,
): Call {
  const { inputs, updates, outputs, textures = [] } = call;
  const first = inputs.length + outputs.length;
  const written = buffers.filter((b) => b.written);
  const copies = written.map((b) => updates[b.binding - first] as Value);
  let text = code.replace(/@binding\((\d+)\)/g, (whole, n: string) =>
    Number(n) < inputs.length ? whole : `@binding(${Number(n) + copies.length})`,
  );
  for (const { binding, name, element, width, written: isWritten } of buffers) {
    const texture = isWritten ? `${name}Texels` : name;
    const load = `${name}At`;
    const own = written.findIndex((b) => b.name === name);
    const declared = new RegExp(
      `^@group\\(0\\) @binding\\(\\d+\\) var<storage, \\w+> ${name}: .*;`,
      "m",
    );
    const texel = width === 4 ? "i" : "(i / 4u)";
    const place = `vec2u(${texel} % ${TEXTURE_WIDTH}u, ${texel} / ${TEXTURE_WIDTH}u)`;
    const loaded = `${texelLoad(reads, texture, place)}${width === 4 ? "" : "[i % 4u]"}`;
    const value =
      /u/.test(element) && !/f/.test(element) ? `bitcast<${element}>(${loaded})` : loaded;
    const lines = [
      `@group(0) @binding(${isWritten ? inputs.length + own : binding}) var ${texture}: ${textureType(reads)};`,
      `fn ${load}(i: u32) -> ${element} { return ${value}; }`,
    ];
    text = text.replace(declared, (line) => [...(isWritten ? [line] : []), ...lines].join("\n"));
    text = callInPlace(text, name, load, isWritten);
  }
  const added = [
    ...buffers.filter((b) => !b.written).map((b) => b.binding),
    ...copies.map((_, k) => inputs.length + k),
  ];
  const source = call.kernel();
  return {
    ...call,
    inputs: [...inputs, ...copies],
    textures: [...textures, ...added],
    kernel: () => ({ ...source, code: text, codeOfBuffers: source.code }),
  };
}

/** Puts `load(…)` in the place of `name[…]` wherever that is read. */
function callInPlace(code: string, name: string, load: string, isWritten: boolean): string {
  let text = code;
  const pattern = indexOf(name);
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const open = match.index + name.length;
    const close = closingBracket(text, open);
    if (isWritten && isAssigned(text.slice(close + 1))) continue;
    const inner = text.slice(open + 1, close);
    text = `${text.slice(0, match.index)}${load}(${inner})${text.slice(close + 1)}`;
    pattern.lastIndex = match.index;
  }
  return text;
}

/** Whether what stands behind a place assigns to it, or to a part of it. */
function isAssigned(behind: string): boolean {
  return /^(\s*(\[[^\]]*\]|\.\w+))*\s*([-+*/%&|^]|<<|>>)?=(?!=)|^\s*(\+\+|--)/.test(behind);
}

function closingBracket(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "[") depth++;
    if (text[i] === "]" && --depth === 0) return i;
  }
  return text.length;
}

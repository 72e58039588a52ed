/**
 * The first key that occurs twice in one object of a JSON text, or undefined. JSON.parse keeps the
 * last of such keys without a word, and two readers may then see two different files. The text must
 * have passed JSON.parse.
 */
export function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  let at = 0;
  while (at < json.length) {
    const character = json[at];
    if (character === '"') {
      const end = stringEnd(json, at);
      let next = end;
      while (" \t\r\n".includes(json[next] ?? "x")) next++;
      if (json[next] === ":") {
        const key = JSON.parse(json.slice(at, end)) as string;
        const keys = open[open.length - 1];
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      at = next;
    } else {
      if (character === "{") open.push(new Set());
      if (character === "}") open.pop();
      at++;
    }
  }
  return undefined;
}

/**
 * Whether brackets stand within more than `most` brackets. A text that is no JSON may say either. To be
 * asked before JSON.parse, which makes far more than the text's size of them.
 */
export function nestsBeyond(json: string, most: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') at = stringEnd(json, at) - 1;
    else if (character === "{" || character === "[") {
      if (++depth > most) return true;
    } else if (character === "}" || character === "]") depth--;
  }
  return false;
}

/**
 * The first word beside strings that is no plain whole number, as `1e2`, `-0`, `1.0` and `true`, of a JSON text that
 * has passed JSON.parse; or undefined. JSON.parse does not tell 1e2 from 100.
 */
export function wordBesideStrings(json: string): string | undefined {
  const other = /[^\s{}[\]:,"0-9]/;
  for (let at = 0; at < json.length; at++) {
    if (json[at] === '"') at = stringEnd(json, at) - 1;
    else if (other.test(json[at]!)) {
      const before = /[^\s{}[\]:,"]*$/.exec(json.slice(Math.max(0, at - 20), at))?.[0] ?? "";
      const behind = /^[^\s{}[\]:,"]*/.exec(json.slice(at, at + 20))?.[0] ?? "";
      return before + behind;
    }
  }
  return undefined;
}

/** Index after the closing quote of the string that begins at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as JSON text, short enough for one line of an error. */
export function quote(value: unknown): string {
  // JSON has no infinity, but 1e400 is read as one.
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? "missing";
  } catch {
    return "a value too deep to show";
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** Deeper than anything that is written here. */
const deepest = 32;

/**
 * JSON.parse of a text from a file. Throws SyntaxError, also for brackets within so many others that
 * parsing them would take far more memory than the text.
 */
export function parseJson(text: string): unknown {
  if (nestsBeyond(text, deepest)) throw new SyntaxError(`nested deeper than ${deepest} levels`);
  return JSON.parse(text);
}

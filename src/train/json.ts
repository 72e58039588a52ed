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

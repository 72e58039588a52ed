/**
 * Text from outside (files, names, the environment, drivers) as one line that a terminal only shows:
 * what would break the line, move the cursor, colour, or turn the direction of writing is written as an
 * escape, `\n` or `\u001b`. Letters of all scripts stay as they are.
 */
export function visibleText(text: string): string {
  return text.replace(unseen, (c) => named[c] ?? escapeOf(c));
}

/** The same for JSON text, which stays what it was: there such characters are in strings only. */
export function visibleJson(text: string): string {
  return text.replace(unseen, (c) => (c === "\n" ? c : escapeOf(c)));
}

/** What visible text has no place for: controls, directions of writing, line ends, no characters at all. */
export const unseen =
  /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\u{e0000}-\u{e007f}]/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Halves of surrogate pairs one by one, as JSON has them. */
function escapeOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** A message is no longer than this, whatever was put into it; characters. */
export const LONGEST_MESSAGE = 300;

/** What is kept of a message's end, where the reason stands as often as not. */
const KEPT_END = 100;

/** Text of at most so many characters: the beginning and the end of a longer one. */
export function cutMessage(text: string, most = LONGEST_MESSAGE): string {
  if (text.length <= most) return text;
  const start = text.slice(0, most - KEPT_END - 3);
  // Half a surrogate pair is no character.
  return `${start.replace(/[\ud800-\udbff]$/, "")} … ${text.slice(-KEPT_END).replace(/^[\udc00-\udfff]/, "")}`;
}

/**
 * Text from outside (files, names, the environment, drivers) as one line that a terminal only shows:
 * what would break the line, move the cursor, colour, turn the direction of writing, or be there without
 * being seen is written as an escape, `\n`, `\u001b` or `\u200b`. Letters of all scripts stay as they are.
 */
export function visibleText(text: string): string {
  return text.replace(unseen, (c) => named[c] ?? escapeOf(c));
}

/** The same for JSON text, which stays what it was: there such characters are in strings only. */
export function visibleJson(text: string): string {
  return text.replace(unseen, (c) => (c === "\n" ? c : escapeOf(c)));
}

/** What Unicode says is not drawn and yet shapes what is seen beside it: there it stays. */
const shaping = [
  String.raw`(?<=\p{Extended_Pictographic})\ufe0f`, // an emoji, and not its letter
  String.raw`(?<=[\d#*])\ufe0f(?=\u20e3)`, // a key
  String.raw`(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\ufe0f?)\u200d(?=\p{Extended_Pictographic})`,
  String.raw`(?<=\p{Script=Arabic})[\u200c\u200d](?=\p{Script=Arabic})`, // Persian spells with them
  // Behind the virama of nine Indic scripts and of Sinhala.
  String.raw`(?<=[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca])[\u200c\u200d](?=\p{L})`,
];

/**
 * What visible text has no place for: controls, directions of writing, line ends, no characters at all, and
 * what is not drawn: zero-width spaces and joiners, fillers, soft hyphens, tags.
 */
export const unseen = new RegExp(
  String.raw`[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff]|(?!${shaping.join("|")})\p{Default_Ignorable_Code_Point}`,
  "gu",
);

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

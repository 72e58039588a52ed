import { unseen } from "../gpu/visible-text.ts";

/** Text of XML or HTML that is put in as it stands. */
export class Markup {
  constructor(readonly text: string) {}
}

/** What a template may hold; a list is joined, and undefined is nothing. */
export type Piece = Markup | string | number | undefined | readonly Piece[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text that is inert between tags and in quoted attributes. Control characters and halves of surrogate
 * pairs, which XML cannot hold, and what turns the direction of writing become U+FFFD.
 */
export function escapeText(text: string): string {
  return text
    .replace(unseen, (c) => ("\t\n\r".includes(c) ? c : "\ufffd"))
    .replace(/[&<>"']/g, (c) => entities[c]!);
}

/** A template of XML or HTML: what is put into it is escaped, unless it is markup itself. */
export function markup(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return new Markup(strings.map((text, i) => text + textOf(pieces[i])).join(""));
}

function textOf(piece: Piece): string {
  if (piece === undefined) return "";
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === "object") return piece.map(textOf).join("");
  return escapeText(String(piece));
}

import { DataError } from "../gpu/errors.ts";

/** What the header of a file in NumPy's format says. */
export interface NpyHeader {
  /** The kind of the elements, such as `|u1`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** The pieces of a header: strings without escapes, words, whole numbers, punctuation. */
const token = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(True|False)|(\d{1,15})L?|([{}(),:]))/y;

type Token = { readonly text: string; readonly kind: "string" | "word" | "number" | "sign" };

/**
 * Parses the dictionary that a header is: exactly the keys `descr`, `fortran_order` and `shape`, a
 * string, a truth value and a tuple of whole numbers, with spaces and a line's end after it. It is
 * Python's text, but nothing is evaluated. Throws DataError naming `name`.
 */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const tokens = tokenise(String.fromCharCode(...bytes), name);
  let at = 0;
  const refuse = (expected: string) => {
    const found = (tokens[at]?.text ?? "its end").slice(0, 40);
    return new DataError(`${name}: header has ${JSON.stringify(found)}, expected ${expected}`);
  };
  const take = (kind: Token["kind"], expected: string, text?: string): string => {
    const next = tokens[at];
    if (next?.kind !== kind || (text !== undefined && next.text !== text)) throw refuse(expected);
    at++;
    return next.text;
  };
  const sign = (text: string) => take("sign", text, text);
  const follows = (text: string) => tokens[at]?.kind === "sign" && tokens[at]?.text === text;
  /** Items parted by commas, the last with or without one, up to a closing sign. */
  const list = (closing: string, item: () => void) => {
    while (!follows(closing)) {
      item();
      if (!follows(closing)) sign(",");
    }
    sign(closing);
  };
  const found: { descr?: string; fortran_order?: boolean; shape?: number[] } = {};
  sign("{");
  list("}", () => {
    const before = at;
    const key = take("string", "a key");
    const known = key === "descr" || key === "fortran_order" || key === "shape";
    if (!known || found[key] !== undefined) {
      at = before;
      throw refuse("each of descr, fortran_order and shape once");
    }
    sign(":");
    if (key === "descr") found.descr = take("string", "the name of a dtype");
    else if (key === "fortran_order")
      found.fortran_order = take("word", "True or False") === "True";
    else {
      const shape: number[] = [];
      sign("(");
      list(")", () => shape.push(Number(take("number", "a whole number"))));
      found.shape = shape;
    }
  });
  const { descr, fortran_order: fortranOrder, shape } = found;
  if (at < tokens.length) throw refuse("nothing after }");
  if (descr === undefined || fortranOrder === undefined || shape === undefined) {
    throw refuse("descr, fortran_order and shape");
  }
  return { descr, fortranOrder, shape };
}

function tokenise(text: string, name: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  token.lastIndex = 0;
  while (token.lastIndex < end) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) {
      const rest = text.slice(at, at + 20).trim();
      throw new DataError(`${name}: header has ${JSON.stringify(rest)}, expected a dictionary`);
    }
    const [, single, double, word, number, sign] = match;
    const string = single ?? double;
    if (string !== undefined) tokens.push({ kind: "string", text: string });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else tokens.push({ kind: "sign", text: sign! });
  }
  return tokens;
}

/** The part of a set that a file of IDX's is for. */
export type IdxPart = "train" | "validation" | "test";

/** What the name of an IDX file says. */
export interface IdxName {
  /** What stands before part and content: the set's own name, as `emnist-letters`, or nothing. */
  readonly stem: string;
  /** undefined: the name does not say. */
  readonly part: IdxPart | undefined;
  readonly content: "images" | "labels";
}

const parts: Readonly<Record<string, IdxPart>> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  t10k: "test",
  test: "test",
  testing: "test",
};

/** `STEM-PART-CONTENT-idx3-ubyte.gz` with any of -, _ and . between, and all but the content left out. */
const pattern =
  /^(?:(.*?)[-_.])??(?:(train|training|val|valid|validation|t10k|test|testing)[-_.]?)?(image|label)s?(?:[-_.]?idx[13]?)?(?:[-_.]?ubyte)?$/i;

/** Reads the name of a file; undefined where it is not one of IDX files. */
export function parseIdxName(name: string): IdxName | undefined {
  const match = pattern.exec(name.replace(/\.gz$/i, ""));
  if (match === null) return undefined;
  const [, stem = "", part = "", content = ""] = match;
  return {
    stem,
    part: parts[part.toLowerCase()],
    content: content.toLowerCase() === "image" ? "images" : "labels",
  };
}

/**
 * The names under which a published file is found: its own, that without `.gz`, and, of an IDX file, both
 * with the dot that some unpackers put in the place of a dash (`train-images.idx3-ubyte`).
 */
export function namesOf(name: string): string[] {
  const plain = name.replace(/\.gz$/, "");
  const dotted = plain.replace(/-(idx\d-ubyte)$/, ".$1");
  return [...new Set([name, plain, `${dotted}${name.slice(plain.length)}`, dotted])];
}

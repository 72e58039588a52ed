import { DataError } from "../gpu/errors.ts";

/** What the pictures of a part folder are for. */
export const parts = ["train", "validation", "test"] as const;

export type Part = (typeof parts)[number];

/** The usual names of part folders, in any case: `Train`, `val`, `test_set`. */
const partNames: Readonly<Record<Part, RegExp>> = {
  train: /^train(ing)?([-_ ]?set)?$/i,
  validation: /^(val|valid|validation|dev)([-_ ]?set)?$/i,
  test: /^test(ing)?([-_ ]?set)?$/i,
};

/** How a folder of pictures may be laid out; an error about another layout ends with it. */
export const layouts =
  "pictures in the folder itself, in one folder a class, or either of them in folders train, val and test";

/** What systems and programs leave in folders: nobody means these as data. */
const junk = new Set([
  "__macosx",
  "thumbs.db",
  "ehthumbs.db",
  "desktop.ini",
  "icon\r",
  "@eadir",
  "$recycle.bin",
  "system volume information",
  "lost+found",
]);

/** Whether a file or folder is left out without a word: hidden ones, and those of the system. */
export function isJunk(name: string): boolean {
  return name.startsWith(".") || junk.has(name.toLowerCase());
}

/**
 * Which of a folder's sub-folders is which part; undefined where none has the name of one.
 *
 * @throws DataError where only some have such a name, two are of one part, or none is to train on: in
 *   doubt, pictures that are meant for testing must not be trained on
 */
export function partsAmong(
  path: string,
  folders: readonly string[],
): Partial<Record<Part, string>> | undefined {
  const found: Partial<Record<Part, string>> = {};
  let other: string | undefined;
  for (const name of folders) {
    const part = parts.find((candidate) => partNames[candidate].test(name));
    if (part === undefined) other ??= name;
    else if (found[part] === undefined) found[part] = name;
    else throw new DataError(`${path}: both ${found[part]} and ${name}, expected one ${part} part`);
  }
  const [named] = Object.values(found);
  if (named === undefined) return undefined;
  if (other !== undefined) {
    throw new DataError(
      `${path}: ${named} is the name of a part, ${other} is not; expected ${layouts}`,
    );
  }
  if (found.train === undefined) {
    throw new DataError(`${path}: ${named} without a part to train on; expected ${layouts}`);
  }
  return found;
}

import { DataError } from "../gpu/errors.ts";

/** What the pictures of a part folder are for. */
export const parts = ["train", "validation", "test"] as const;

export type Part = (typeof parts)[number];

/** The words that name parts, in any case. */
const partWords: Readonly<Record<Part, string>> = {
  train: "train|training|trn",
  validation: "val|valid|validation|dev",
  test: "test|testing|tst",
};

/** What stands behind such a word without a gap. */
const content = "(set|data|images?|imgs?)?";

/** Whether a name is that of a part and nothing else: `Train`, `val`, `test_set`. */
const isPlain = (part: Part, name: string): boolean =>
  new RegExp(`^(${partWords[part]})([-_ ]?set)?$`, "i").test(name);

/** The parts of which a name has a word: `train2017`, `testA`, `images_train`, `01-val`, `Training Data`. */
function partsIn(name: string): Part[] {
  const words = name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== "");
  return parts.filter((part) => {
    const known = new RegExp(`^(${partWords[part]})${content}$`, "i");
    return words.some((word) => known.test(word));
  });
}

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
 * Which of a folder's sub-folders is which part; undefined where they are classes: none is named as a part,
 * nor do some have words of a part to train on and of another one, as `train2017` beside `val2017`.
 *
 * @throws DataError where only some have such a name, two are of one part, or none is to train on: in
 *   doubt, pictures that are meant for testing must not be trained on
 */
export function partsAmong(
  path: string,
  folders: readonly string[],
): Partial<Record<Part, string>> | undefined {
  const named = folders.map((name) => ({ name, of: partsIn(name) }));
  const meant = new Set(named.flatMap(({ of }) => of));
  const plain = folders.some((name) => parts.some((part) => isPlain(part, name)));
  if (!plain && !(meant.has("train") && meant.size > 1)) return undefined;
  const found: Partial<Record<Part, string>> = {};
  for (const { name, of } of named) {
    const [part, second] = of;
    if (part === undefined || second !== undefined) continue;
    if (found[part] !== undefined)
      throw new DataError(`${path}: both ${found[part]} and ${name}, expected one ${part} part`);
    found[part] = name;
  }
  const [one] = Object.values(found);
  const other = named.find(({ of }) => of.length !== 1)?.name;
  if (other !== undefined) {
    const what =
      one === undefined
        ? `${other} is no name of a part`
        : `${one} is the name of a part, ${other} is not`;
    throw new DataError(`${path}: ${what}; expected ${layouts}`);
  }
  if (found.train === undefined) {
    throw new DataError(`${path}: ${one} without a part to train on; expected ${layouts}`);
  }
  return found;
}

import { DataError } from "../gpu/errors.ts";
import { othersWithWords, type Part, type PartName, pairAmong, partName } from "./part-names.ts";

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

/** What a folder's sub-folders are. */
export interface Layout {
  /** Which of them is which part; undefined where they are classes. */
  readonly parts?: Partial<Record<Part, string>>;
  /** What is in doubt. */
  readonly notice?: string;
}

/**
 * Whether a folder's sub-folders are parts or classes, by their names.
 *
 * - They are parts where one is named as a part and nothing else (`train`, `test_set`), or where they have
 *   words of a part to train on and of another one, as `train2017` beside `val2017`. Then all of them must
 *   be parts.
 * - They look more like parts than classes, and are refused, where two or more names, or one with at most
 *   one other beside it, have a word of a part and else only what says nothing of pictures
 *   (`test_images`), or else only another folder's name (`cats_test` beside `cats`); a folder to train on
 *   alone is a class. So they do where two names differ by words of two parts (`mytrain` and `mytest`), and
 *   where all are short forms (`tr` and `te`).
 * - Else they are classes. What is in doubt is said: one such name among several, one that ends with a
 *   word for testing or validation (`dogs_test`), or two that begin with one.
 *
 * @throws DataError where they are refused, where only some are parts, two are of one part, or none is to
 *   train on: in doubt, pictures that are meant for testing must not be trained on
 */
export function layoutOf(path: string, folders: readonly string[]): Layout {
  const names = folders.map(partName);
  const meant = new Set(names.flatMap(({ of }) => of));
  if (names.some(({ plain }) => plain) || (meant.has("train") && meant.size > 1)) {
    return { parts: partsAmong(path, names) };
  }
  const others = othersWithWords(names);
  const similar = names.filter((one) => one.like || others.has(one));
  const [first, second] = pairAmong(names) ?? shortForms(names) ?? similar;
  if (first === undefined) return doubtfulClasses(path, names);
  const alone = names.length === 1;
  if (alone && first.of[0] === "train") return {};
  if (second === undefined && names.length > 2) {
    return asClasses(path, [first]);
  }
  const what = second
    ? `${first.name} and ${second.name} look like parts of the data`
    : alone
      ? `${first.name} looks like a part of the data that is not to train on`
      : `${first.name} looks like a part of the data, and ${names.find((one) => one !== first)?.name} does not`;
  throw new DataError(
    `${path}: ${what}; rename parts to train, val and test, and classes to names without such words; expected ${layouts}`,
  );
}

/** The first to train on and the first of another part, where all names are or have short forms. */
function shortForms(names: readonly PartName[]): PartName[] | undefined {
  if (!names.every(({ short }) => short !== undefined)) return undefined;
  const train = names.find(({ short }) => short === "train");
  const other = names.find(({ short }) => short !== "train");
  return train && other ? [train, other] : undefined;
}

function doubtfulClasses(path: string, names: readonly PartName[]): Layout {
  const held = (part: Part | undefined) => part !== undefined && part !== "train";
  const ends = names.filter(({ last }) => held(last));
  const begin = names.filter(({ first }) => held(first));
  const doubtful = begin.length > 1 ? begin : ends;
  return doubtful.length > 0 ? asClasses(path, doubtful) : {};
}

function asClasses(path: string, doubtful: readonly PartName[]): Layout {
  const [first, ...more] = doubtful.map(({ name }) => name);
  const which = more.length > 0 ? `${first} and ${more.length} more` : first;
  return {
    notice: `${path}: ${which} taken for classes and trained on, in spite of words of parts in the names; rename parts to train, val and test`,
  };
}

function partsAmong(path: string, names: readonly PartName[]): Partial<Record<Part, string>> {
  const found: Partial<Record<Part, string>> = {};
  for (const { name, of } of names) {
    const [part, second] = of;
    if (part === undefined || second !== undefined) continue;
    if (found[part] !== undefined)
      throw new DataError(`${path}: both ${found[part]} and ${name}, expected one ${part} part`);
    found[part] = name;
  }
  const [one] = Object.values(found);
  const other = names.find(({ of }) => of.length !== 1)?.name;
  if (other !== undefined) {
    const what =
      one === undefined
        ? `${other} is no name of a part`
        : `${one} is the name of a part, ${other} is not`;
    const cure = one === undefined ? "" : `; rename ${one} where it is a class`;
    throw new DataError(`${path}: ${what}; expected ${layouts}${cure}`);
  }
  if (found.train === undefined) {
    throw new DataError(`${path}: ${one} without a part to train on; expected ${layouts}`);
  }
  return found;
}

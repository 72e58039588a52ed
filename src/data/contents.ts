import { parseIdxName } from "./idx-names.ts";

/** Whether a file is taken for a picture, by the ending of its name. */
export const isPicture = (name: string): boolean => /\.(png|jpe?g|jpe|jfif)$/i.test(name);

/** How files of these names are called together, where nobody would know them by an ending. */
const idxFiles = "named as IDX files";

/** Whether a file is one of IDX files by its name: `labels` alone, which may be anything, is not enough. */
const isIdx = (name: string) => /idx|ubyte/i.test(name) && parseIdxName(name) !== undefined;

/** What a file's name ends in, in small letters. */
export function endingOf(name: string): string {
  if (isIdx(name)) return idxFiles;
  const [ending = "without a usual ending"] = /\.[a-z0-9]{1,8}$/.exec(name.toLowerCase()) ?? [];
  return ending;
}

/** Kinds of files that a line names one by one. */
const mostKinds = 6;

/** `20 .gif, 1 .txt`, the most frequent first. */
export function counts(kinds: ReadonlyMap<string, number>): string {
  const sorted = [...kinds].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const rest = sorted.slice(mostKinds).reduce((sum, [, count]) => sum + count, 0);
  const named = sorted.slice(0, mostKinds).map(([ending, count]) => `${count} ${ending}`);
  return [...named, ...(rest > 0 ? [`${rest} of other kinds`] : [])].join(", ");
}

/** The same of files by their names. */
export function countNames(names: readonly string[]): string {
  const kinds = new Map<string, number>();
  for (const name of names) {
    const ending = endingOf(name);
    kinds.set(ending, (kinds.get(ending) ?? 0) + 1);
  }
  return counts(kinds);
}

/**
 * How files of these names, which lie in a folder together, are read: the end of a message, or nothing
 * where the names say nothing.
 */
export function howToRead(folder: string, names: readonly string[]): string {
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (names.some(isIdx)) return `; --data idx:${folder} reads IDX files`;
  if (names.some(isPicture)) return `; --data folder:${folder} reads pictures`;
  const array = "--data faces reads an array of pictures, as faces/celeba.npy in the data folder";
  if (has(/\.npy(\.gz)?$/i)) return `; ${array}`;
  if (has(/\.npz$/i))
    return `; .npz is not read: np.load and np.save make .npy of it, and ${array}`;
  if (has(/\.(zip|tar|tgz|7z|rar)$|\.tar\.\w+$/i)) return "; archives have to be unpacked first";
  return "";
}

import { describeFile } from "../formats/file-kinds.ts";
import { DataError } from "../gpu/errors.ts";
import type { FileStatus, Host } from "../host/host.ts";
import { countNames, howToRead, isPicture } from "./contents.ts";
import { type DataSource, fileAt } from "./files.ts";
import { isJunk } from "./folder-layout.ts";
import { type IdxName, type IdxPart, parseIdxName } from "./idx-names.ts";
import { readIdxParts } from "./idx-parts.ts";
import { MissingDataError } from "./missing-data.ts";
import { joinPath, lastPart, parentPath, pathLabel } from "./paths.ts";
import type { Dataset } from "./types.ts";

/** Bytes at most of a file that is looked into to say what it is. */
const largestLook = 2 ** 28;

/** The files of a part, by their paths. */
type Pair = { images?: string; labels?: string };

/** The files of one set. */
type Pairs = Partial<Record<IdxPart, Pair>>;

/**
 * Loads any pair of IDX files, images [count, height, width] and labels [count], of bytes, plain or
 * gzip: those in the folder `path`, or whose paths begin with `path` where a folder holds several sets
 * (`gzip/emnist-letters`). A pair named `test` or `t10k` is the test part, one named `val` the
 * validation part; else every tenth image of each class is for testing, or, where no class has ten,
 * the last of all. Classes are the labels that the training part has, in their order, whatever number
 * they begin with. Throws DataError naming what is missing or wrong.
 */
export async function loadIdxPath(path: string, source: DataSource): Promise<Dataset<Uint8Array>> {
  const { host } = source;
  const { train, validation, test } = await findPairs(path, host);
  const file = (of: string) => ({ name: of, read: () => host.readFile(of) });
  const pair = ({ images, labels }: Pair) => ({ images: file(images!), labels: file(labels!) });
  const parts = {
    train: pair(train!),
    ...(test ? { test: pair(test) } : {}),
    ...(validation ? { validation: pair(validation) } : {}),
  };
  const named = { name: pathLabel("idx", path), path };
  return readIdxParts(parts, named, source.onNotice);
}

/** The pairs that a folder, or the beginning of paths, means; there is one to train on at least. */
async function findPairs(path: string, host: Host): Promise<Pairs> {
  const found = await host.stat(path);
  const folder = found?.kind === "directory" ? path : parentPath(path);
  if (found === undefined && (await host.stat(folder))?.kind !== "directory")
    throw new MissingDataError(`${path}: no such folder, and no files whose names begin so`);
  // A file stands for the set that it is of.
  const named = found?.kind === "file" ? parseIdxName(lastPart(path)) : undefined;
  const wanted = (name: string, { stem }: IdxName) =>
    found === undefined
      ? name.startsWith(lastPart(path))
      : found.kind === "directory" || stem === named?.stem;
  let sets = await listSets(folder, wanted, host);
  // torchvision puts the files into raw/.
  const raw = joinPath(folder, "raw");
  if (
    sets.size === 0 &&
    found?.kind === "directory" &&
    (await host.stat(raw))?.kind === "directory"
  )
    sets = await listSets(raw, wanted, host);
  const [[stem, pairs] = ["", undefined], ...others] = sets;
  if (pairs === undefined) throw await noIdxFiles(path, found, host);
  if (others.length > 0) {
    const names = [...sets.keys()].map((name) => name || "(without a name)");
    const shown = names.length > 6 ? [...names.slice(0, 6), "…"] : names;
    throw new DataError(
      `${path}: IDX files of ${sets.size} sets (${shown.join(", ")}); name one, as idx:${joinPath(folder, stem || names[1]!)}`,
    );
  }
  for (const [part, { images, labels }] of Object.entries(pairs)) {
    if (labels === undefined)
      throw new DataError(`${path}: ${images} has no file of labels beside it (${part} part)`);
    if (images === undefined)
      throw new DataError(`${path}: ${labels} has no file of images beside it (${part} part)`);
  }
  if (pairs.train === undefined)
    throw new DataError(`${path}: no images to train on, only ${Object.keys(pairs).join(", ")}`);
  return pairs;
}

/** Says what lies at the path in place of IDX files, and how that is read. */
async function noIdxFiles(
  path: string,
  found: FileStatus | undefined,
  host: Host,
): Promise<DataError> {
  const expected = "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz";
  if (!found) return new MissingDataError(`${path}: no IDX files whose names begin so`);
  if (found.kind === "file") {
    const head = found.size > largestLook ? undefined : await host.readFile(path);
    const words = (head && describeFile(head)?.words) ?? "a file";
    const how = howToRead(parentPath(path), [lastPart(path)]);
    return new DataError(`${path}: ${words}, not named as an IDX file${how || `, as ${expected}`}`);
  }
  const content = await namesIn(path, host);
  if (content.files.length > 0) {
    const how = howToRead(path, content.files) || `; expected ${expected}`;
    return new DataError(`${path}: no IDX files in it, but ${countNames(content.files)}${how}`);
  }
  for (const name of content.folders) {
    const folder = joinPath(path, name);
    const { files } = await namesIn(folder, host);
    if (files.some((file) => parseIdxName(file)))
      return new DataError(`${path}: no IDX files in it; did you mean idx:${folder}?`);
    // Its folders are classes or parts of a folder of pictures.
    if (files.length > 0) {
      const how = howToRead(files.some(isPicture) ? path : folder, files);
      return new DataError(`${path}: no IDX files in it; ${name} has ${countNames(files)}${how}`);
    }
  }
  return new MissingDataError(`${path}: no IDX files in it, as ${expected}`);
}

/** What a folder has, without what nobody means as data. */
async function namesIn(path: string, host: Host): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const name of (await host.list(path)).filter((each) => !isJunk(each)).sort()) {
    const isFolder =
      !isPicture(name) && (await host.stat(joinPath(path, name)))?.kind === "directory";
    (isFolder ? folders : files).push(name);
  }
  return { files, folders };
}

/** The IDX files of a folder by the sets that they are of. */
async function listSets(
  folder: string,
  wanted: (name: string, parsed: IdxName) => boolean,
  host: Host,
): Promise<Map<string, Pairs>> {
  const sets = new Map<string, Pairs>();
  for (const name of (await host.list(folder)).sort()) {
    const parsed = parseIdxName(name);
    if (name.startsWith(".") || parsed === undefined || !wanted(name, parsed)) continue;
    const path = await fileAt(folder, name, host);
    if (path === undefined) continue;
    const pairs = sets.get(parsed.stem) ?? {};
    sets.set(parsed.stem, pairs);
    // Without a word for the part it is the one to train on.
    const part = parsed.part ?? "train";
    const pair = pairs[part] ?? {};
    pairs[part] = pair;
    // Of a file that is there packed and unpacked, the one that comes first is taken.
    pair[parsed.content] ??= path;
  }
  return sets;
}

import { gunzipWhole, isGzip } from "../formats/gunzip.ts";
import { DataError } from "../gpu/errors.ts";
import { readTar, type TarEntry } from "../gpu/tar.ts";
import { cacheFolder, type DataSource, downloadFile, fetchFiles, findFiles } from "./files.ts";
import { joinPath } from "./paths.ts";
import type { ArchiveSet, PublishedSet } from "./sources.ts";

/** A file of a set that is there. */
export interface SetFile {
  /** As the set names it. */
  readonly name: string;
  readonly path: string;
}

/** Inflated bytes of an archive at most; CIFAR-10 has 184 million. */
const largestArchive = 2 ** 28;

/** The files of a set, each by itself or in one archive, where all are to be there. Throws DataError. */
export async function fetchWhole(set: PublishedSet, source: DataSource): Promise<void> {
  if (set.archive === undefined) await fetchFiles(set, source);
  else await fetchUnpacked(set, source, { whole: true });
}

/**
 * The files of a set that is published in one archive, in the set's order: those that are there, if
 * they suffice, or with `whole` all. Else the archive is looked for beside them, or downloaded, and
 * its files are unpacked into the cache. Throws DataError for an archive that cannot be had or is
 * damaged.
 */
export async function fetchUnpacked(
  set: ArchiveSet,
  source: DataSource,
  { whole = false } = {},
): Promise<SetFile[]> {
  const look = async () => {
    const found = await findFiles(set, source);
    const files = found.flatMap(({ file, path }) => (path ? [{ name: file.name, path }] : []));
    const missing = set.files.map(({ name }) => name);
    for (const { name } of files) missing.splice(missing.indexOf(name), 1);
    return { files, missing };
  };
  const before = await look();
  const names = before.files.map(({ name }) => name);
  if (before.missing.length === 0 || (!whole && set.suffices(names))) return before.files;
  const beside = { name: set.name, files: [set.archive] };
  const [archive] = await findFiles(beside, source);
  if (archive?.path !== undefined) {
    await unpack(set, archive.path, source);
  } else {
    const path = await downloadFile(set, set.archive, before.missing, source);
    await unpack(set, path, source);
    await source.host.remove(path);
  }
  return (await look()).files;
}

/** Writes an archive's files of the set into the cache, inflated. */
async function unpack(set: ArchiveSet, path: string, { host }: DataSource): Promise<void> {
  const entries = await readArchive(await host.readFile(path), path);
  const files = set.files.map(({ name }) => {
    const plain = name.replace(/\.gz$/, "");
    const within = `${set.archive.folder}/${plain}`;
    const entry = entries.find((candidate) => candidate.path === within);
    if (entry === undefined) throw new DataError(`${path}: there is no ${within} in it`);
    return { plain, bytes: entry.bytes };
  });
  for (const { plain, bytes } of files) {
    await host.writeAtomic(joinPath(cacheFolder(host), set.name, plain), bytes);
  }
}

/** The files of a tar archive, plain or gzip. Throws DataError naming `path`. */
export async function readArchive(bytes: Uint8Array, path: string): Promise<TarEntry[]> {
  const check = (size: number) => {
    if (size > largestArchive) {
      throw new DataError(
        `${path}: it declares ${size} inflated bytes (cut off?), expected at most ${largestArchive}`,
      );
    }
  };
  const tar = isGzip(bytes) ? await gunzipWhole(bytes, path, check) : bytes;
  try {
    return readTar(tar);
  } catch (error) {
    throw error instanceof DataError ? new DataError(`${path}: ${error.message}`) : error;
  }
}

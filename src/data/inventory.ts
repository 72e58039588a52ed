import type { FilePin } from "../host/host.ts";
import type { DatasetEntry } from "./datasets.ts";
import { findOwn, type OwnSet, ownPattern } from "./faces.ts";
import { addressOf, cacheFolder, type DataSource, dataFolder, findFiles } from "./files.ts";
import { joinPath } from "./paths.ts";
import type { ArchiveSet, PinnedFile } from "./sources.ts";

/** What is there of a data set, and where it comes from. */
export interface InventoryRow {
  readonly name: string;
  readonly summary: string;
  /**
   * `computed`, `here`, `in the cache`, `here and in the cache`, `missing 2 of 4 files`, `here, without
   * 4 of 6 files` for a set that may lack some, or `missing, never downloaded`.
   */
  readonly state: string;
  readonly available: boolean;
  /** Names of files. */
  readonly missing: readonly string[];
  /** Where its files are; where nothing is yet, where they are looked for. */
  readonly folders: readonly string[];
  readonly url?: string;
  readonly licence?: string;
  readonly homepage?: string;
  /** With size and hash, where each file is published by itself. */
  readonly files: readonly (Partial<FilePin> & {
    readonly name: string;
    readonly path: string | null;
  })[];
  /** What the files are published in, where they are together. */
  readonly archive?: PinnedFile;
}

/** Looks for a set's files. Nothing is read or fetched. */
export async function takeStock(
  { name, summary, published, own }: DatasetEntry,
  source: DataSource,
): Promise<InventoryRow> {
  const plain = { name, summary, available: true, missing: [], folders: [], files: [] };
  if (own !== undefined) return { ...plain, ...(await takeStockOfOwn(own, source)) };
  if (published === undefined) return { ...plain, state: "computed" };
  const found = await findFiles(published, source);
  const missing = found.flatMap(({ file, path }) => (path === undefined ? [file.name] : []));
  const inCache = found.some(({ place }) => place === "cache");
  const isHere = found.some(({ place }) => place === "data folder");
  const places = [...(isHere ? ["here"] : []), ...(inCache ? ["in the cache"] : [])].join(" and ");
  const folders = [
    ...(isHere || !inCache ? [dataFolder(source)] : []),
    ...(inCache ? [cacheFolder(source.host)] : []),
  ];
  const names = found.flatMap(({ file, path }) => (path === undefined ? [] : [file.name]));
  const available = published.archive ? published.suffices(names) : missing.length === 0;
  const lack = `${missing.length} of ${found.length} files`;
  return {
    ...plain,
    state: !available ? `missing ${lack}` : missing.length ? `${places}, without ${lack}` : places,
    available,
    missing,
    folders: folders.map((folder) => joinPath(folder, published.name)),
    url: addressOf(published, source.host),
    licence: published.licence,
    homepage: published.homepage,
    files: found.map(({ file, path = null }) => ({ ...file, path })),
    ...(published.archive ? { archive: pinnedFile(published.archive) } : {}),
  };
}

function pinnedFile({ folder: _, ...file }: ArchiveSet["archive"]): PinnedFile {
  return file;
}

async function takeStockOfOwn(own: OwnSet, source: DataSource) {
  const found = await findOwn(own, source);
  const folder = found?.folder ?? dataFolder(source);
  const here = folder === dataFolder(source) ? "here" : "in the cache";
  return {
    state: found ? here : "missing, never downloaded",
    available: found !== undefined,
    missing: found ? [] : [ownPattern(own)],
    folders: [joinPath(folder, own.folder)],
    licence: own.licence,
    files: found ? [{ name: found.path.split("/").at(-1) ?? "", path: found.path }] : [],
  };
}

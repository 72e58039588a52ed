import type { DatasetEntry } from "./datasets.ts";
import { addressOf, cacheFolder, type DataSource, dataFolder, findFiles } from "./files.ts";
import { joinPath } from "./paths.ts";

/** What is there of a data set, and where it comes from. */
export interface InventoryRow {
  readonly name: string;
  readonly summary: string;
  /** `computed`, `here`, `in the cache`, `here and in the cache` or `missing 2 of 4 files`. */
  readonly state: string;
  readonly available: boolean;
  /** Names of files. */
  readonly missing: readonly string[];
  /** Where its files are; where nothing is yet, where they are looked for. */
  readonly folders: readonly string[];
  readonly url?: string;
  readonly licence?: string;
  readonly homepage?: string;
  readonly files: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly path: string | null;
  }[];
}

/** Looks for a set's files. Nothing is read or fetched. */
export async function takeStock(
  { name, summary, published }: DatasetEntry,
  source: DataSource,
): Promise<InventoryRow> {
  const plain = { name, summary, available: true, missing: [], folders: [], files: [] };
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
  return {
    ...plain,
    state: missing.length > 0 ? `missing ${missing.length} of ${found.length} files` : places,
    available: missing.length === 0,
    missing,
    folders: folders.map((folder) => joinPath(folder, published.name)),
    url: addressOf(published, source.host),
    licence: published.licence,
    homepage: published.homepage,
    files: found.map(({ file, path = null }) => ({ ...file, path })),
  };
}

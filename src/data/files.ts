import type { PictureOptions } from "../formats/picture.ts";
import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { namesOf } from "./idx-names.ts";
import { findLookAlikes } from "./look-alikes.ts";
import { joinPath } from "./paths.ts";
import type { FileSet, PinnedFile, PublishedSet } from "./sources.ts";

/** Where a set's files are looked for. */
export interface DataSource {
  readonly host: Host;
  /** The folder that holds mnist/, fashion-mnist/, …; else $LATENTGRAD_DATA, else the cache. */
  readonly dataDir?: string | undefined;
  /** Told how a download goes on, as each piece arrives, and once when its file is there. */
  readonly onDownload?: ((download: Download) => void) | undefined;
  /** What is done to every image; default nothing. */
  readonly pictures?: PictureOptions | undefined;
  /** Told what the user should know of the data, as that files are left out; a line each. */
  readonly onNotice?: ((line: string) => void) | undefined;
}

/** How far a download has come. */
export interface Download {
  readonly url: string;
  /** Bytes that are there, and bytes of the whole file. */
  readonly received: number;
  readonly total: number;
  /** The file has been checked and has its name. */
  readonly done: boolean;
}

/** The folder that holds the data sets' folders. */
export function dataFolder({ host, dataDir }: DataSource): string {
  return dataDir ?? (host.env.LATENTGRAD_DATA || cacheFolder(host));
}

/** The folder that downloads go to; what the data folder lacks is looked for here. */
export function cacheFolder(host: Host): string {
  return joinPath(host.cacheDir, "data");
}

interface NamedFile {
  readonly name: string;
}

/** A file of a set and the path at which it was found, if it was. */
export interface FoundFile<F extends NamedFile = NamedFile> {
  readonly file: F;
  readonly path?: string;
  readonly place?: "data folder" | "cache";
}

/**
 * Looks for a set's files, as they are published or inflated, in the data folder, then in the cache; also
 * under the names and in the folders that unpackers and other programs give them.
 */
export async function findFiles<F extends NamedFile>(
  set: {
    readonly name: string;
    readonly folders?: readonly string[];
    readonly files: readonly F[];
  },
  source: DataSource,
): Promise<FoundFile<F>[]> {
  const { host } = source;
  const cache = cacheFolder(host);
  const places = [
    { folder: cache, place: "cache" },
    { folder: dataFolder(source), place: "data folder" },
  ] as const;
  const search = async (file: F): Promise<FoundFile<F>> => {
    const [inCache, own] = places;
    for (const { folder, place } of own.folder === cache ? [inCache] : [own, inCache]) {
      for (const within of [set.name, ...(set.folders ?? [])]) {
        for (const name of namesOf(file.name)) {
          const path = await fileAt(joinPath(folder, within), name, host);
          if (path !== undefined) return { file, path, place };
        }
      }
    }
    return { file };
  };
  return Promise.all(set.files.map(search));
}

/** The file of that name in a folder, or in the folder of that name that some unpackers make for it. */
export async function fileAt(
  folder: string,
  name: string,
  host: Host,
): Promise<string | undefined> {
  const path = joinPath(folder, name);
  const kind = (await host.stat(path))?.kind;
  if (kind !== "directory") return kind === "file" ? path : undefined;
  const within = joinPath(path, name);
  return (await host.stat(within))?.kind === "file" ? within : undefined;
}

/**
 * The paths of a set's files, in the set's order. What is nowhere is downloaded into the cache,
 * unless LATENTGRAD_OFFLINE is set. Throws DataError that says what could not be fetched and where
 * to put it.
 */
export async function fetchFiles(set: FileSet, source: DataSource): Promise<string[]> {
  const found = await findFiles(set, source);
  const missing = found.flatMap(({ file, path }) => (path === undefined ? [file] : []));
  const paths: string[] = [];
  for (const { file, path } of found) {
    if (path !== undefined) {
      paths.push(path);
      continue;
    }
    const names = missing.map(({ name }) => name);
    paths.push(await downloadFile(set, file, names, source));
    missing.shift();
  }
  return paths;
}

/** Address of a set's files: the publisher's, or below $LATENTGRAD_MIRROR. Throws UsageError. */
export function addressOf(set: PublishedSet, host: Host): string {
  const mirror = host.env.LATENTGRAD_MIRROR;
  if (!mirror) return set.url;
  if (!/^https?:\/\/[^/\s]\S*$/i.test(mirror) || !URL.canParse(mirror)) {
    throw new UsageError(`LATENTGRAD_MIRROR is "${mirror}", expected an address with http(s)://`);
  }
  return `${mirror.replace(/\/+$/, "")}/${set.name}/`;
}

function isOffline(host: Host): boolean {
  return !["", "0"].includes(host.env.LATENTGRAD_OFFLINE ?? "");
}

/**
 * Downloads one file of a set, or the archive of all, into the cache; returns its path. Nothing is
 * downloaded where the data folder holds something in the files' place. Throws DataError that says which of the set's files are `missing`, why, and where to put them.
 */
export async function downloadFile(
  set: PublishedSet,
  file: PinnedFile,
  missing: readonly string[],
  source: DataSource,
): Promise<string> {
  const { host, onDownload } = source;
  const refusal = (reason: string) =>
    new DataError(
      `data set ${set.name}: ${joinPath(dataFolder(source), set.name)} lacks ${few(missing)}; ${reason}; put the original files there, or name the folder that holds ${set.name}/ with --data-dir or LATENTGRAD_DATA`,
      600, // names, a path and an address: nothing that a file says
    );
  const instead = await findLookAlikes(set, dataFolder(source), host);
  if (instead !== undefined)
    throw new DataError(
      `data set ${set.name}: ${instead}; ${few(missing, 1)} wanted there, nothing was downloaded`,
    );
  if (isOffline(host)) throw refusal("LATENTGRAD_OFFLINE forbids to download");
  const url = addressOf(set, host) + file.name;
  const target = joinPath(cacheFolder(host), set.name, file.name);
  const total = file.bytes;
  const report = (received: number, done = false) => onDownload?.({ url, received, total, done });
  try {
    await host.download(url, target, file, (received) => report(received));
  } catch (error) {
    throw error instanceof DataError ? refusal(error.message) : error;
  }
  report(total, true);
  return target;
}

/** Names, the first and the last where there are many. */
function few(names: readonly string[], most = 4): string {
  if (names.length <= most) return names.join(", ");
  return `${names[0]} … ${names.at(-1)} (${names.length} files)`;
}

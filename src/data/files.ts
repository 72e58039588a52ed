import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { joinPath } from "./paths.ts";
import type { PinnedFile, PublishedSet } from "./sources.ts";

/** Where a set's files are looked for. */
export interface DataSource {
  readonly host: Host;
  /** The folder that holds mnist/, fashion-mnist/, …; else $LATENTGRAD_DATA, else the cache. */
  readonly dataDir?: string | undefined;
  /** Told how a download goes on, as each piece arrives, and once when its file is there. */
  readonly onDownload?: ((download: Download) => void) | undefined;
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

/** A file of a set and the path at which it was found, if it was. */
export interface FoundFile {
  readonly file: PinnedFile;
  readonly path?: string;
  readonly place?: "data folder" | "cache";
}

/** Looks for a set's files, as they are published or inflated, in the data folder, then in the cache. */
export async function findFiles(set: PublishedSet, source: DataSource): Promise<FoundFile[]> {
  const { host } = source;
  const cache = cacheFolder(host);
  const places = [
    { folder: cache, place: "cache" },
    { folder: dataFolder(source), place: "data folder" },
  ] as const;
  const search = async (file: PinnedFile): Promise<FoundFile> => {
    const [inCache, own] = places;
    for (const { folder, place } of own.folder === cache ? [inCache] : [own, inCache]) {
      for (const name of [file.name, file.name.replace(/\.gz$/, "")]) {
        const path = joinPath(folder, set.name, name);
        if ((await host.stat(path))?.kind === "file") return { file, path, place };
      }
    }
    return { file };
  };
  return Promise.all(set.files.map(search));
}

/**
 * The paths of a set's files, in the set's order. What is nowhere is downloaded into the cache,
 * unless LATENTGRAD_OFFLINE is set. Throws DataError that says what could not be fetched and where
 * to put it.
 */
export async function fetchFiles(set: PublishedSet, source: DataSource): Promise<string[]> {
  const { host } = source;
  const found = await findFiles(set, source);
  const missing = found.flatMap(({ file, path }) => (path === undefined ? [file] : []));
  const refusal = (reason: string) => {
    const folder = joinPath(dataFolder(source), set.name);
    const names = missing.map(({ name }) => name).join(", ");
    return new DataError(
      `data set ${set.name}: ${folder} lacks ${names}; ${reason}; put the original files there, or name the folder that holds ${set.name}/ with --data-dir or LATENTGRAD_DATA`,
    );
  };
  if (missing.length > 0 && isOffline(host))
    throw refusal("LATENTGRAD_OFFLINE forbids to download");
  const paths: string[] = [];
  for (const { file, path } of found) {
    if (path !== undefined) {
      paths.push(path);
      continue;
    }
    try {
      paths.push(await downloadFile(set, file, source));
      missing.shift();
    } catch (error) {
      throw error instanceof DataError ? refusal(error.message) : error;
    }
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

async function downloadFile(
  set: PublishedSet,
  file: PinnedFile,
  { host, onDownload }: DataSource,
): Promise<string> {
  const url = addressOf(set, host) + file.name;
  const target = joinPath(cacheFolder(host), set.name, file.name);
  const total = file.bytes;
  const report = (received: number, done = false) => onDownload?.({ url, received, total, done });
  const pin = { bytes: file.bytes, sha256: file.sha256 };
  await host.download(url, target, pin, (received) => report(received));
  report(total, true);
  return target;
}

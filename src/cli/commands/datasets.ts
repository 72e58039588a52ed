import type { Command } from "commander";
import { type DatasetEntry, datasets, findDataset, folderPattern } from "../../data/datasets.ts";
import {
  addressOf,
  cacheFolder,
  type DataSource,
  dataFolder,
  fetchFiles,
  findFiles,
} from "../../data/files.ts";
import { joinPath } from "../../data/paths.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { Context } from "../context.ts";
import { downloadLines } from "../download-progress.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";

interface Options extends CommonOptions {
  dataDir?: string;
  download?: string[];
}

/** `datasets`: the data sets, where their files are and come from; downloads them on demand. */
export function addDatasets(program: Command, { host, output }: Context): void {
  const command = program
    .command("datasets")
    .description("List the data sets, where their files are and where they come from.")
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
      path,
    )
    .option(
      "--download <name>",
      "fetch what is missing of a set into the cache; repeatable",
      (name: string, before: string[] = []) => [...before, name],
    );
  addCommon(command, [
    "datasets",
    "datasets --data-dir ~/data --json",
    "datasets --download mnist --download fashion-mnist",
  ]).action(async (options: Options) => {
    applyCommon(options, output);
    const source: DataSource = {
      host,
      dataDir: options.dataDir,
      onDownload: downloadLines((line) => output.progress(line)),
    };
    const wanted = options.download?.map(downloadable) ?? datasets;
    const rows: Row[] = [];
    for (const entry of wanted) {
      if (options.download && entry.published) await fetchFiles(entry.published, source);
      rows.push(await describe(entry, source));
    }
    if (options.json) {
      const folders = { folder: dataFolder(source), cache: cacheFolder(host) };
      output.json({ ...folders, datasets: rows, patterns: [folderPattern] });
      return;
    }
    for (const row of rows) for (const line of linesOf(row)) output.data(line);
    if (!options.download) output.data(`${folderPattern.name}  ${folderPattern.summary}`);
  });
}

function downloadable(name: string): DatasetEntry {
  const entry = findDataset(name);
  if (datasets.includes(entry)) return entry;
  throw new UsageError(`--download ${name}: a folder of your own is not downloaded`);
}

/** A set as `--json` shows it. */
interface Row {
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

async function describe(
  { name, summary, published }: DatasetEntry,
  source: DataSource,
): Promise<Row> {
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

function linesOf({ name, summary, state, missing, folders, ...row }: Row): string[] {
  const lacks = missing.length > 0 ? `: ${missing.join(", ")}` : "";
  const lines = [`${name}  ${summary}`, `  state    ${state}${lacks}`];
  for (const folder of folders) lines.push(`  folder   ${folder}`);
  if (row.url !== undefined) {
    lines.push(`  source   ${row.url}`, `  licence  ${row.licence}, ${row.homepage}`);
  }
  return lines;
}

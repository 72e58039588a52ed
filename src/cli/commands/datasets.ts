import type { Command } from "commander";
import { fetchWhole } from "../../data/archive.ts";
import { type DatasetEntry, datasets, findDataset, ownPatterns } from "../../data/datasets.ts";
import { ownPattern } from "../../data/faces.ts";
import { cacheFolder, type DataSource, dataFolder } from "../../data/files.ts";
import { type InventoryRow, takeStock } from "../../data/inventory.ts";
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
    const rows: InventoryRow[] = [];
    for (const entry of wanted) {
      if (options.download && entry.published) await fetchWhole(entry.published, source);
      rows.push(await takeStock(entry, source));
    }
    if (options.json) {
      const folders = { folder: dataFolder(source), cache: cacheFolder(host) };
      output.json({ ...folders, datasets: rows, patterns: ownPatterns });
      return;
    }
    for (const row of rows) for (const line of linesOf(row)) output.data(line);
    if (options.download) return;
    for (const { name, summary } of ownPatterns) output.data(`${name}  ${summary}`);
  });
}

function downloadable(name: string): DatasetEntry {
  const entry = findDataset(name);
  if (entry.own !== undefined) {
    throw new UsageError(
      `--download ${name}: it is never downloaded (${entry.own.licence}); put ${ownPattern(entry.own)} into ${entry.own.folder}/ of the data folder`,
    );
  }
  if (datasets.includes(entry)) return entry;
  throw new UsageError(`--download ${name}: your own files are not downloaded`);
}

function linesOf({ name, summary, state, missing, folders, ...row }: InventoryRow): string[] {
  const lacks = missing.length > 0 ? `: ${missing.join(", ")}` : "";
  const lines = [`${name}  ${summary}`, `  state    ${state}${lacks}`];
  for (const folder of folders) lines.push(`  folder   ${folder}`);
  if (row.url !== undefined) {
    lines.push(`  source   ${row.url}`);
  }
  if (row.licence !== undefined) {
    lines.push(`  licence  ${[row.licence, row.homepage].filter(Boolean).join(", ")}`);
  }
  return lines;
}

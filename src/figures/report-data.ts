import { type RunConfig, readRunConfig } from "../train/open-run.ts";
import type { RunFolder } from "../train/run-folder.ts";
import { type History, readHistory } from "./history.ts";

/** A file of the run's figures. */
export interface PictureFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a report is made of, and nothing else. */
export interface ReportData {
  /** The run folder's name. */
  readonly name: string;
  /** The folder as it was named, for command lines. */
  readonly path: string;
  readonly config: RunConfig;
  readonly history: History;
  readonly pictures: readonly PictureFile[];
}

/** Reads what a run folder holds. Throws DataError for a damaged config.json or metrics.jsonl. */
export async function readReport(folder: RunFolder): Promise<ReportData> {
  const config = await readRunConfig(folder);
  const history = readHistory(await folder.readMetrics(), config);
  const names = await folder.figures();
  const files = names.map(async (name) => ({ name, bytes: await folder.readFigure(name) }));
  return {
    name: runName(folder.path),
    path: folder.path,
    config,
    history,
    pictures: await Promise.all(files),
  };
}

/** The last part of a run folder's path. */
export function runName(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== "" && part !== ".") ?? "run";
}

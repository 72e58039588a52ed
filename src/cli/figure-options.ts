import type { Command } from "commander";
import type { RunDataWatch } from "../train/run-data.ts";
import { downloadLines } from "./download-progress.ts";
import type { Output } from "./output.ts";
import { path } from "./parsers.ts";

/** The run that a command looks at. */
export function addRun(command: Command): Command {
  return command.argument("<run>", "a run folder of `latentgrad train`, or a checkpoint's file");
}

/** The same for what needs all of a run. */
export function addRunFolder(command: Command): Command {
  return command.argument("<run>", "a run folder that `latentgrad train` made");
}

/** --checkpoint: whose weights are used. */
export function addCheckpoint(command: Command): Command {
  return command.option(
    "--checkpoint <name>",
    "last, best, epoch-000003 …: whose weights (default: best)",
    path,
  );
}

/** --data and --data-dir: where the run's data are by now. */
export function addData(command: Command): Command {
  return command
    .option(
      "--data <set>",
      "where the run's data are now, as folder:PATH (else where they were)",
      path,
    )
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else the run's, $LATENTGRAD_DATA, the cache)",
      path,
    );
}

/** Tells of a run's data on stderr: of downloads, and, quiet or not, that they have changed. */
export function dataWatch(output: Output): RunDataWatch {
  return {
    onDownload: downloadLines((line) => output.progress(line)),
    // What it says is true of the result, which is no progress.
    onOtherData: (line) => output.error(line),
  };
}

/** --out: another place for the figure. */
export function addOut(command: Command, kind: "PNG" | "SVG"): Command {
  return command.option("--out <file>", `${kind} file (else figures/ in the run)`, path);
}

/** The options without those that concern the command line. */
export function given<T extends object>(options: T): Omit<T, "json" | "quiet" | "runtime"> {
  const { json: _, quiet: __, runtime: ___, ...rest } = options as T & Record<string, unknown>;
  return rest as Omit<T, "json" | "quiet" | "runtime">;
}

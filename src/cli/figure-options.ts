import type { Command } from "commander";
import { path } from "./parsers.ts";

/** The run that a command looks at. */
export function addRun(command: Command): Command {
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

export function addDataDir(command: Command): Command {
  return command.option(
    "--data-dir <dir>",
    "folder of the data sets (else the run's, $LATENTGRAD_DATA, the cache)",
    path,
  );
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

import type { Command } from "commander";
import type { Output } from "./output.ts";
import { oneOf } from "./parsers.ts";
import { runtimes } from "./runtime.ts";

/** Options that every command has. */
export interface CommonOptions {
  json?: true;
  quiet?: true;
}

/** --json and --quiet, and examples at the end of the help. */
export function addCommon(command: Command, examples: readonly string[]): Command {
  return addQuiet(command.option("--json", "print the result as JSON"), examples);
}

/** --quiet, and examples at the end of the help. */
export function addQuiet(command: Command, examples: readonly string[]): Command {
  return command
    .option("--quiet", "no progress on stderr")
    .addHelpText(
      "after",
      `\nExamples:\n${examples.map((line) => `  latentgrad ${line}`).join("\n")}`,
    );
}

/** --runtime; the launcher has acted on it before the command runs. */
export function addRuntime(command: Command): Command {
  return command.option(
    "--runtime <name>",
    `${runtimes.join(", ")}: where to run`,
    oneOf(runtimes),
  );
}

/** Lets --quiet take effect. */
export function applyCommon(options: Pick<CommonOptions, "quiet">, output: Output): void {
  output.quiet = options.quiet === true;
}

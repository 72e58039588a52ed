import { Command, CommanderError } from "commander";
import { LatentgradError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import type { Interruption } from "../host/interruption.ts";
import { version } from "../version.ts";
import type { Actions } from "./actions.ts";
import { ChildEnded } from "./child-ended.ts";
import { addBench } from "./commands/bench.ts";
import { addDatasets } from "./commands/datasets.ts";
import { addDemo } from "./commands/demo.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addEmbed } from "./commands/embed.ts";
import { addEvaluate } from "./commands/evaluate.ts";
import { addExport } from "./commands/export.ts";
import { addInterpolate } from "./commands/interpolate.ts";
import { addManifold } from "./commands/manifold.ts";
import { addModels } from "./commands/models.ts";
import { addReconstruct } from "./commands/reconstruct.ts";
import { addReport } from "./commands/report.ts";
import { addSample } from "./commands/sample.ts";
import { addSwap } from "./commands/swap.ts";
import { addTrain } from "./commands/train.ts";
import { addTraverse } from "./commands/traverse.ts";
import { addTune } from "./commands/tune.ts";
import type { Context } from "./context.ts";
import { errorLine, Output } from "./output.ts";

/** Parses and runs one command line; returns the exit status. */
export async function runCommand(
  argv: readonly string[],
  host: Host,
  actions: Actions,
  interruption?: Interruption,
): Promise<number> {
  const output = new Output(host);
  let status = 0;
  try {
    if (argv.length === 0) throw new UsageError("no command; latentgrad --help lists them");
    await createProgram({ host, output, actions, interruption }).parseAsync([...argv], {
      from: "user",
    });
    await output.flush();
  } catch (error) {
    status = report(error, host, output);
  }
  await output.flush().catch(() => undefined);
  return status;
}

function createProgram(context: Context): Command {
  const { host, output } = context;
  const width = Number(host.env.COLUMNS) || 100;
  const program = new Command("latentgrad")
    .description("Train autoencoder generative models on a hand-written WebGPU engine.")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.raw(text),
      // The one line on stderr is written where the error is caught.
      writeErr: () => undefined,
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      "after",
      `
Examples:
  latentgrad train vae --data glyphs --epochs 3
  latentgrad sample runs/vae-glyphs --count 64
  latentgrad train --help

Exit status: 0 success, 2 usage, 3 bad data or checkpoint, 4 no adapter, 5 device lost,
6 diverged, 7 input/output, 8 memory limit reached, 130 interrupted, 1 anything else.`,
    );
  addTrain(program, context);
  addEvaluate(program, context);
  addReport(program, context);
  addSample(program, context);
  addReconstruct(program, context);
  addInterpolate(program, context);
  addManifold(program, context);
  addTraverse(program, context);
  addSwap(program, context);
  addEmbed(program, context);
  addExport(program, context);
  addModels(program, context);
  addDatasets(program, context);
  addDoctor(program, context);
  addDemo(program, context);
  addBench(program, context);
  addTune(program, context);
  return program;
}

/** One line on stderr for what went wrong, and the exit status for it. */
function report(error: unknown, host: Host, output: Output): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // `help NAME` of an unknown name has no message, only the whole help.
    const wordless = error.code === "commander.help";
    const message = wordless ? "unknown command; latentgrad --help lists them" : error.message;
    output.error(`latentgrad: ${errorLine(message.replace(/^error: /, ""))}`);
    return 2;
  }
  if (error instanceof ChildEnded) return error.status;
  const debug = (host.env.LATENTGRAD_DEBUG ?? "0") !== "0";
  const known = error instanceof LatentgradError;
  const hint = known || debug ? "" : " (LATENTGRAD_DEBUG=1 shows where)";
  output.error(`latentgrad: ${known ? "" : "unexpected error: "}${errorLine(error)}${hint}`);
  if (!known && debug && error instanceof Error && error.stack)
    for (const line of error.stack.split("\n")) output.error(line);
  return known ? error.exitCode : 1;
}

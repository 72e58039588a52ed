import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addRunFolder, given } from "../figure-options.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";

interface Options extends CommonOptions {
  out?: string;
}

/** `report RUN`: the report and the curves, written anew. */
export function addReport(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("report")
    .description("Write a run's report and curves anew from what its folder holds.")
    .option("--out <file>", "HTML file (else report.html in the run)", path);
  addRunFolder(command);
  addCommon(command, ["report runs/vae-glyphs", "report runs/vae-mnist --out mnist.html"]).action(
    async (run: string, options: Options) => {
      applyCommon(options, output);
      const result = await actions.report(run, given(options), host);
      if (options.json) {
        output.json(result);
        return;
      }
      for (const figure of result.figures) output.data(`figure ${figure}`);
      output.data(`report ${result.report}`);
    },
  );
}

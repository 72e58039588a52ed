import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addOut, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  count: number;
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  out?: string;
}

/** `embed RUN`: where the test images lie in the latent space. */
export function addEmbed(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("embed")
    .description("Draw the latent codes of test images, in colours and shapes by class.")
    .option("--count <n>", "images, as many of each class", wholeNumber(2, 100_000), 2000);
  addOut(addCheckpoint(addData(addRun(command))), "SVG");
  addRuntime(command);
  addCommon(command, [
    "embed runs/vae-glyphs",
    "embed runs/vae-mnist --count 10000 --out latent.svg",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.embed(run, given(options), host, dataWatch(output));
    if (options.json) {
      output.json(result);
      return;
    }
    for (const [i, { title }] of result.axes.entries()) output.data(`axis ${i + 1}  ${title}`);
    output.data(`figure ${result.figure}`);
  });
}

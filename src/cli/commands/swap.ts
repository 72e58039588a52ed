import type { Command } from "commander";
import { largestSeed } from "../../train/options.ts";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addOut, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  contents: number;
  styles: number;
  seed: number;
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  out?: string;
}

/** `swap RUN`: the content of some test images in the style of others. */
export function addSwap(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("swap")
    .description("Draw the content of some test images in the style of others (dual-aae, cvae).")
    .option("--contents <n>", "images whose content is kept, a row each", wholeNumber(1, 100), 8)
    .option("--styles <n>", "images whose style is taken, a column each", wholeNumber(1, 100), 10)
    .option("--seed <n>", "of the images", wholeNumber(0, largestSeed), 1);
  addOut(addCheckpoint(addData(addRun(command))), "PNG");
  addRuntime(command);
  addCommon(command, [
    "swap runs/dual-aae-omniglot",
    "swap runs/cvae-mnist --contents 10 --styles 6 --seed 3",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.swap(run, given(options), host, dataWatch(output));
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

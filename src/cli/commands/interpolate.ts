import type { Command } from "commander";
import { interpolationEnds } from "../../figures/interpolate.ts";
import { interpolations } from "../../models/interpolation.ts";
import { largestSeed } from "../../train/options.ts";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addOut, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { oneOf, wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  from: (typeof interpolationEnds)[number];
  method: keyof typeof interpolations;
  rows: number;
  steps: number;
  seed: number;
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  out?: string;
}

/** `interpolate RUN`: rows of pictures between two latent points. */
export function addInterpolate(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("interpolate")
    .description("Decode a latent interpolation between two codes, a row for each pair.")
    .option(
      "--from <what>",
      "test: codes of two test images, shown at the ends; prior: samples from it",
      oneOf(interpolationEnds),
      "test",
    )
    .option(
      "--method <name>",
      "lerp: along the line; slerp: along the arc",
      oneOf(Object.keys(interpolations)),
      "lerp",
    )
    .option("--rows <n>", "pairs", wholeNumber(1, 1000), 8)
    .option("--steps <n>", "pictures from end to end", wholeNumber(2, 1000), 10)
    .option("--seed <n>", "of the pairs", wholeNumber(0, largestSeed), 1);
  addOut(addCheckpoint(addData(addRun(command))), "PNG");
  addRuntime(command);
  addCommon(command, [
    "interpolate runs/vae-glyphs",
    "interpolate runs/vae-mnist --from prior --method slerp --rows 5 --seed 7",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.interpolate(run, given(options), host, dataWatch(output));
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

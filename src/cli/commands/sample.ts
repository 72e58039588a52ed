import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { largestSeed, path, wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  count: number;
  seed: number;
  out?: string;
}

/** `sample RUN`: pictures decoded from the prior. */
export function addSample(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("sample")
    .description("Decode random points of the prior into a grid of pictures.")
    .argument("<run>", "a run folder that `latentgrad train` made")
    .option("--count <n>", "pictures", wholeNumber(1, 10_000), 64)
    .option("--seed <n>", "of the random points", wholeNumber(0, largestSeed), 1)
    .option("--out <file>", "PNG file (else figures/ in the run)", path);
  addRuntime(command);
  addCommon(command, [
    "sample runs/vae-glyphs-1",
    "sample runs/vae-mnist-1 --count 100 --seed 7 --out samples.png",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const { count, seed, out } = options;
    const result = await actions.sample(
      run,
      { count, seed, ...(out === undefined ? {} : { out }) },
      host,
    );
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

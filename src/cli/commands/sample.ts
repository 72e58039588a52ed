import type { Command } from "commander";
import { largestSeed } from "../../train/options.ts";
import type { Context } from "../context.ts";
import { addCheckpoint, addOut, addRun, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  count: number;
  seed: number;
  checkpoint?: string;
  out?: string;
}

/** `sample RUN`: pictures decoded from the prior. */
export function addSample(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("sample")
    .description("Decode samples from the prior into a grid of pictures.")
    .option("--count <n>", "pictures", wholeNumber(1, 10_000), 64)
    .option("--seed <n>", "of the samples", wholeNumber(0, largestSeed), 1);
  addOut(addCheckpoint(addRun(command)), "PNG");
  addRuntime(command);
  addCommon(command, [
    "sample runs/vae-glyphs",
    "sample runs/vae-mnist --count 100 --seed 7 --out samples.png",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.sample(run, given(options), host);
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { path, wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  size: number;
  out?: string;
}

/** `manifold RUN`: the decoder over a grid of latent points. */
export function addManifold(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("manifold")
    .description("Decode a regular grid over the latent plane into one picture.")
    .argument("<run>", "a run folder that `latentgrad train` made")
    .option("--size <n>", "points a side", wholeNumber(2, 100), 20)
    .option("--out <file>", "PNG file (else figures/ in the run)", path);
  addRuntime(command);
  addCommon(command, [
    "manifold runs/vae-glyphs-1",
    "manifold runs/vae-mnist-1 --size 30 --out manifold.png",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const { size, out } = options;
    const result = await actions.manifold(
      run,
      { size, ...(out === undefined ? {} : { out }) },
      host,
    );
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

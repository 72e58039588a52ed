import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCheckpoint, addOut, addRun, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  size: number;
  checkpoint?: string;
  out?: string;
}

/** `manifold RUN`: the decoder over a grid of latent points. */
export function addManifold(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("manifold")
    .description("Decode a regular grid over the latent plane into one picture.")
    .option("--size <n>", "points a side", wholeNumber(2, 100), 20);
  addOut(addCheckpoint(addRun(command)), "PNG");
  addRuntime(command);
  addCommon(command, [
    "manifold runs/vae-glyphs",
    "manifold runs/vae-mnist --size 30 --out manifold.png",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.manifold(run, given(options), host);
    if (options.json) output.json(result);
    else output.data(`figure ${result.figure}`);
  });
}

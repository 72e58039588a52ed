import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { path, wholeNumber } from "../parsers.ts";
import { decimals } from "../progress.ts";

interface Options extends CommonOptions {
  count: number;
  dataDir?: string;
  out?: string;
}

/** `reconstruct RUN`: held-out images above what the model makes of them. */
export function addReconstruct(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("reconstruct")
    .description("Encode and decode held-out images; originals stand above their reconstructions.")
    .argument("<run>", "a run folder that `latentgrad train` made")
    .option("--count <n>", "images", wholeNumber(1, 10_000), 24)
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
      path,
    )
    .option("--out <file>", "PNG file (else figures/ in the run)", path);
  addRuntime(command);
  addCommon(command, [
    "reconstruct runs/vae-glyphs-1",
    "reconstruct runs/vae-mnist-1 --count 40 --data-dir ~/data --json",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const { count, dataDir, out } = options;
    const result = await actions.reconstruct(
      run,
      {
        count,
        ...(dataDir === undefined ? {} : { dataDir }),
        ...(out === undefined ? {} : { out }),
      },
      host,
    );
    if (options.json) {
      output.json(result);
      return;
    }
    const { reconstruction, kl, n } = result;
    output.data(
      `reconstruction ${decimals(reconstruction)}  kl ${decimals(kl)}  nats per sample over ${n} images`,
    );
    output.data(`figure ${result.figure}`);
  });
}

import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addOut, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { wholeNumber } from "../parsers.ts";
import { decimals } from "../progress.ts";

interface Options extends CommonOptions {
  count: number;
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  out?: string;
}

/** `reconstruct RUN`: held-out images above what the model makes of them. */
export function addReconstruct(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("reconstruct")
    .description("Encode and decode held-out images; originals stand above their reconstructions.")
    .option("--count <n>", "images", wholeNumber(1, 10_000), 24);
  addOut(addCheckpoint(addData(addRun(command))), "PNG");
  addRuntime(command);
  addCommon(command, [
    "reconstruct runs/vae-glyphs",
    "reconstruct runs/vae-mnist --count 40 --data-dir ~/data --json",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.reconstruct(run, given(options), host, dataWatch(output));
    if (options.json) {
      output.json(result);
      return;
    }
    const { reconstruction, kl, n } = result;
    const divergence = kl === undefined ? "" : `  kl ${decimals(kl)}`;
    output.data(
      `reconstruction ${decimals(reconstruction)}${divergence}  nats per sample over ${n} images`,
    );
    output.data(`figure ${result.figure}`);
  });
}

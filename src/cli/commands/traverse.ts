import type { Command } from "commander";
import { traversalOrders } from "../../figures/traverse.ts";
import { real } from "../../settings/values.ts";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addOut, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { oneOf, parser, wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  dimensions: number;
  order: (typeof traversalOrders)[number];
  range: number;
  steps: number;
  image?: number;
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  out?: string;
}

/** `traverse RUN`: what each latent dimension does. */
export function addTraverse(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("traverse")
    .description("Decode a row of pictures for each latent dimension, which alone changes in it.")
    .option("--dimensions <n>", "most dimensions", wholeNumber(1, 1024), 20)
    .option(
      "--order <how>",
      "used: by the variance of their means over test images; index: as numbered",
      oneOf(traversalOrders),
      "used",
    )
    .option("--range <x>", "from -x to x", parser(real(1e-6, 1e6)), 3)
    .option("--steps <n>", "pictures a dimension", wholeNumber(2, 1000), 11)
    .option(
      "--image <n>",
      "the other dimensions are those of this test image, from 0 (else 0)",
      wholeNumber(0, 1e9),
    );
  addOut(addCheckpoint(addData(addRun(command))), "PNG");
  addRuntime(command);
  addCommon(command, [
    "traverse runs/vae-glyphs",
    "traverse runs/vae-mnist --dimensions 5 --image 17 --range 2",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.traverse(run, given(options), host, dataWatch(output));
    if (options.json) {
      output.json(result);
      return;
    }
    for (const { dimension, variance } of result.dimensions) {
      const used = variance === undefined ? "" : `  variance ${variance.toFixed(4)}`;
      output.data(`dimension ${dimension}${used}`);
    }
    output.data(`figure ${result.figure}`);
  });
}

import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";
import { epochLine } from "../progress.ts";

/** Small enough for three minutes of a software adapter on two cores. */
const settings = { data: "glyphs", epochs: 15, batch: 32, limit: 3072, seed: 1 } as const;
/** A quarter of the filters; eight latent dimensions, since glyphs vary in more ways than two. */
const model = { width: "0.25", latent: "8", "learning-rate": "0.002" } as const;

interface Options extends CommonOptions {
  out: string;
}

/** `demo`: a small training run on the embedded set; what an earlier demo left is replaced. */
export function addDemo(program: Command, { actions, host, output, interruption }: Context): void {
  const command = program
    .command("demo")
    .description("Train a small model on the procedural glyphs and write pictures.")
    .option("--out <dir>", "run folder", path, "runs/demo");
  addRuntime(command);
  addCommon(command, ["demo", "demo --runtime chrome"]).action(async (options: Options) => {
    applyCommon(options, output);
    output.progress(
      `training vae on ${settings.limit} procedural glyphs, ${settings.epochs} epochs`,
    );
    const result = await actions.train(
      {
        model: "vae",
        ...settings,
        out: options.out,
        fullTrain: true,
        settings: { ...model },
        force: true,
      },
      host,
      (report) => output.progress(epochLine(report, output)),
      interruption,
    );
    if (options.json) {
      output.json(result);
      return;
    }
    output.progress(`trained in ${result.seconds.toFixed(1)} s on ${result.adapter}`);
    output.data(`run ${result.out}`);
    for (const figure of result.figures) output.data(`figure ${figure}`);
  });
}

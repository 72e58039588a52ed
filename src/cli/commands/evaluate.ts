import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addCheckpoint, addData, addRun, dataWatch, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { decimals } from "../progress.ts";

interface Options extends CommonOptions {
  data?: string;
  dataDir?: string;
  checkpoint?: string;
  probe?: boolean;
}

/** `evaluate RUN`: the loss terms on the test part. */
export function addEvaluate(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("evaluate")
    .description("Compute the loss terms on the whole test part, and note them in the run.");
  addCheckpoint(addData(addRun(command))).option(
    "--probe",
    "fit a linear probe to the codes and say how often it finds the class",
  );
  addRuntime(command);
  addCommon(command, [
    "evaluate runs/vae-glyphs",
    "evaluate runs/vae-mnist --checkpoint last --data-dir ~/data --json",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const result = await actions.evaluate(run, given(options), host, dataWatch(output));
    const { metrics, checkpoint, unsaved } = result;
    if (options.json) {
      output.json(metrics);
    } else {
      const { name, epoch, step } = checkpoint;
      output.progress(`weights of ${name}: epoch ${epoch}, step ${step}`);
      for (const [metric, { value, sd, n, note }] of Object.entries(metrics)) {
        const deviation = sd === undefined ? "" : `  sd ${decimals(sd)}`;
        const about = note === undefined ? "" : `  (${note})`;
        output.data(`${metric} ${decimals(value)}${deviation}  over ${n} images${about}`);
      }
    }
    if (unsaved) throw unsaved;
  });
}

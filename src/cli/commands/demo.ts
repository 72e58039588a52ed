import type { Command } from "commander";
import { toTrainOptions } from "../../train/config.ts";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { path } from "../parsers.ts";
import { printResult, watch } from "./train.ts";

/** 390 steps, which a software adapter on two cores makes in less than a minute. */
const texts = {
  data: "glyphs",
  epochs: "5",
  batch: "128",
  limit: "10000",
  seed: "1",
  "full-train": "true",
  force: "true",
} as const;
/** The network that learns most in that time; glyphs vary in more ways than two. */
const settings = { network: "dense", latent: "8", "learning-rate": "0.006" } as const;

interface Options extends CommonOptions {
  out: string;
}

/** `demo`: a small training run on the embedded set; what an earlier demo left is replaced. */
export function addDemo(program: Command, context: Context): void {
  const { actions, host, output } = context;
  const command = program
    .command("demo")
    .description("Train a small model on the procedural glyphs and write pictures.")
    .option("--out <dir>", "run folder", path, "runs/demo");
  addRuntime(command);
  addCommon(command, ["demo", "demo --runtime chrome"]).action(async (options: Options) => {
    applyCommon(options, output);
    const training = toTrainOptions({ model: "vae", texts, settings }, () => options.out);
    const result = await actions.train(training, host, watch(context));
    output.erase();
    if (options.json) output.json(result);
    else printResult(result, output);
  });
}

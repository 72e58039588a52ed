import type { Command } from "commander";
import { findDataset } from "../../data/datasets.ts";
import { findModel } from "../../models/registry.ts";
import { checkSettings } from "../../models/settings.ts";
import { defaultRunFolder } from "../../train/run-folder.ts";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { keyValue, largestSeed, path, wholeNumber } from "../parsers.ts";
import { epochLine } from "../progress.ts";

interface Options extends CommonOptions {
  data: string;
  dataDir?: string;
  out?: string;
  epochs: number;
  batch: number;
  limit?: number;
  seed: number;
  set?: Record<string, string>;
  fullTrain?: true;
  force?: true;
}

/** `train MODEL`: trains, and leaves a run folder with metrics, a checkpoint and pictures. */
export function addTrain(program: Command, { actions, host, output, interruption }: Context): void {
  const command = program
    .command("train")
    .description("Train a model and keep the run in a folder: metrics, checkpoint, pictures.")
    .argument("<model>", "a name that `latentgrad models` lists")
    .option("--data <set>", "a name that `latentgrad datasets` lists", "glyphs")
    .option(
      "--data-dir <dir>",
      "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
      path,
    )
    .option("--out <dir>", "run folder (else runs/MODEL-SET-SEED)", path)
    .option("--epochs <n>", "passes over the training images", wholeNumber(1, 1e6), 5)
    .option("--batch <n>", "images a step", wholeNumber(1, 65536), 128)
    .option("--limit <n>", "train on the first n images only", wholeNumber(1, 1e9))
    .option(
      "--seed <n>",
      "of weights, order, noise and validation images",
      wholeNumber(0, largestSeed),
      1,
    )
    .option("--set <key=value>", "a setting of the model; repeatable", keyValue)
    .option("--full-train", "hold no validation images out")
    .option("--force", "replace a run that is in the folder already");
  addRuntime(command);
  addCommon(command, [
    "train vae --data glyphs --epochs 3",
    "train vae --data fashion-mnist --data-dir ~/data --limit 10000 --seed 1",
    "train vae --data mnist --set beta=4 --out runs/beta-4 --runtime deno",
  ]).action(async (name: string, options: Options) => {
    applyCommon(options, output);
    const model = findModel(name, actions.models);
    const data = findDataset(options.data).name;
    const settings = options.set ?? {};
    checkSettings(model, settings);
    const result = await actions.train(
      {
        model: model.name,
        data,
        ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
        out: options.out ?? defaultRunFolder(model.name, data, options.seed),
        epochs: options.epochs,
        batch: options.batch,
        ...(options.limit === undefined ? {} : { limit: options.limit }),
        seed: options.seed,
        fullTrain: options.fullTrain === true,
        settings,
        force: options.force === true,
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

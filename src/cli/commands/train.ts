import type { Command } from "commander";
import { findModel } from "../../models/registry.ts";
import { checkSettings } from "../../settings/settings.ts";
import type { TrainResult } from "../../train/train.ts";
import type { TrainWatch } from "../actions.ts";
import type { Context } from "../context.ts";
import { downloadLines } from "../download-progress.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import type { Output } from "../output.ts";
import { ProgressView } from "../progress.ts";
import { stopping } from "../stopping.ts";
import { addTrainOptions, readTrainOptions } from "../train-options.ts";

/** `train MODEL`: trains, and leaves a run folder with metrics, checkpoints, pictures and a report. */
export function addTrain(program: Command, context: Context): void {
  const { actions, host, output } = context;
  const command = program
    .command("train")
    .description(
      "Train a model and keep the run in a folder: metrics, checkpoints, pictures, report.",
    )
    .argument("[model]", "a name that `latentgrad models` lists");
  addTrainOptions(command);
  addRuntime(command);
  addCommon(command, [
    "train vae --data glyphs --epochs 3",
    "train vae --data fashion-mnist --data-dir ~/data --limit 10000 --seed 1",
    "train vae --data mnist --set beta=4 --out runs/beta-4 --runtime deno",
    "train vae --data mnist --epochs 10 --resume",
  ]).action(async (name: string | undefined, common: CommonOptions) => {
    applyCommon(common, output);
    const { options, others, note } = await readTrainOptions(name, command, host, actions.models);
    const asJson = common.json || others.json === "true";
    if (others.quiet === "true") output.quiet = true;
    const model = findModel(options.model, actions.models);
    checkSettings(model, options.settings);
    if (note) output.progress(note);
    const result = await actions.train(options, host, watch(context));
    output.erase();
    if (asJson) output.json(result);
    else if (options.dryRun) printDryRun(result, output);
    else printResult(result, output);
  });
}

/** Shows on stderr how a training goes. */
export function watch({ host, output, interruption }: Context): TrainWatch {
  const columns = () => host.stderrColumns ?? (Number(host.env.COLUMNS) || 80);
  const terminal = host.stderrIsTerminal && host.env.TERM !== "dumb";
  const view = new ProgressView(output, terminal, columns);
  // Where a process has started this one, that answers: it is never busy.
  if (!host.env.LATENTGRAD_CHILD) interruption?.onRequest(() => output.progress(stopping));
  return {
    onStart: (start) => view.start(start),
    onMachine: (machine) => view.machine(machine),
    onPhase: (phase) => view.phase(phase),
    onProgress: (progress) => view.show(progress),
    onEpoch: (report) => view.epoch(report),
    onNotice: (line) => output.progress(line),
    onDownload: downloadLines((line) => output.progress(line)),
    interruption,
  };
}

export function printResult(result: TrainResult, output: Output): void {
  const { ending, epochs, steps, best } = result;
  if (ending !== "all epochs")
    output.progress(`${ending}: stopped after ${epochs} epochs and ${steps} steps`);
  if (!result.final && ending === "all epochs")
    output.progress(`the run had its ${epochs} epochs already; --epochs trains on`);
  const chosen = best && best.epoch < epochs ? `; epoch ${best.epoch} was the best` : "";
  output.progress(`trained in ${result.seconds.toFixed(1)} s on ${result.adapter}${chosen}`);
  output.data(`run ${result.out}`);
  for (const figure of result.figures) output.data(`figure ${figure}`);
  if (result.report) output.data(`report ${result.report}`);
}

function printDryRun(result: TrainResult, output: Output): void {
  output.data(
    `dry run: ${result.steps} steps, validation, checkpoints and pictures went well in ${result.seconds.toFixed(1)} s on ${result.adapter}; nothing was kept`,
  );
}

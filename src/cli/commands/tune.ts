import type { Command } from "commander";
import { findModel, models } from "../../models/registry.ts";
import { checkSettings } from "../../settings/settings.ts";
import type { TuneModelsReport } from "../../tune/tune-models.ts";
import type { Context } from "../context.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { keyValue, wholeNumber } from "../parsers.ts";

interface Options extends CommonOptions {
  set?: Record<string, string>;
  batch: number;
  seconds: number;
  memory: number;
  again?: boolean;
}

/** `tune`: finds the fastest variants of a model's kernels on this adapter, and remembers them. */
export function addTune(program: Command, context: Context): void {
  const { output, actions, host, interruption } = context;
  const command = program
    .command("tune")
    .description(
      "Measure the variants of a model's matrix products and convolutions on this adapter, and keep the fastest for later trainings.",
    )
    .argument("[model]", "the model whose training step is tuned", "vae")
    .option("--set <key=value>", "a setting of the model; repeatable", keyValue)
    .option("--batch <n>", "batch size: images a step", wholeNumber(1, 65_536), 128)
    .option("--seconds <n>", "measure no further kernel after so long", wholeNumber(1, 86_400), 600)
    .option(
      "--memory <MiB>",
      "leave kernels that take more than this, all variants together, to the heuristic",
      wholeNumber(1, 65_536),
      512,
    )
    .option("--again", "measure what is known from earlier tunings, too");
  addRuntime(command);
  addCommon(command, [
    "tune",
    "tune vae --set network=dense --batch 64",
    "tune aae --seconds 60",
    "tune --again",
  ]).action(async (name: string, options: Options) => {
    applyCommon(options, output);
    const entry = findModel(name, models);
    const { set = {}, batch, seconds, memory, again } = options;
    checkSettings(entry, set);
    const bytes = memory * 2 ** 20;
    const wanted = { entries: [entry], settings: set, batch, seconds, bytes, again };
    const log = (line: string) => output.progress(line);
    const { unsaved, ...report } = await actions.tune(wanted, host, log, interruption);
    if (options.json) output.json(report);
    else output.table(formatTuning(report));
    if (unsaved) throw unsaved;
  });
}

/** A line a kernel, then where the winners are. */
function formatTuning({
  adapter,
  runtime,
  known,
  tuned,
  skipped,
  choices,
  path,
}: TuneModelsReport): string {
  const all = known.length + tuned.length + skipped.length;
  const won = Object.keys(choices).length;
  const lines = tuned.map(({ kernel, shape, heuristic, winner, ms, refused }) => {
    const gain = (ms[heuristic] ?? Number.NaN) / (ms[winner] ?? Number.NaN);
    const how =
      winner === heuristic
        ? "as the heuristic says"
        : `${gain.toFixed(2)} times as fast as ${heuristic}`;
    const wrong = Object.keys(refused).length;
    return `${kernel} ${shape}  ${winner}, ${how}${wrong > 0 ? `; refused: ${Object.keys(refused).join(", ")}` : ""}`;
  });
  return [
    `adapter  ${adapter} (${runtime})`,
    ...lines,
    ...skipped.map(({ kernel, shape, reason }) => `${kernel} ${shape}  not measured: ${reason}`),
    ...(known.length > 0
      ? [`${known.length} of ${all} kernels were measured before; --again measures them, too`]
      : []),
    `${won} of ${tuned.length} kernels have a faster variant now: ${path}`,
  ].join("\n");
}

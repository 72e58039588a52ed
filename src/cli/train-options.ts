import { type Command, Option } from "commander";
import { absoluteName, findDataset } from "../data/datasets.ts";
import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import type { Host } from "../host/host.ts";
import type { ModelDescription } from "../models/definition.ts";
import { findModel } from "../models/registry.ts";
import { settingsProblem } from "../settings/settings.ts";
import { choice, flag, type ValueKind } from "../settings/values.ts";
import {
  type Configuration,
  type GivenOptions,
  nothingGiven,
  overlay,
  parseConfig,
  resumedOptions,
  toTrainOptions,
} from "../train/config.ts";
import { defaultRunFolder, newestRun } from "../train/free-folder.ts";
import { type RunConfig, readRunConfig } from "../train/open-run.ts";
import {
  camel,
  type TrainOption,
  type TrainOptionName,
  type TrainOptions,
  trainOptions,
} from "../train/options.ts";
import { RunFolder } from "../train/run-folder.ts";
import { keyValue, parser } from "./parsers.ts";
import { type RuntimeName, runtimes } from "./runtime.ts";

/** What a configuration file may say besides the options of training. */
const commonKeys: Readonly<Record<string, ValueKind<unknown>>> = {
  runtime: choice(runtimes),
  json: flag,
  quiet: flag,
};

const names = Object.keys(trainOptions) as TrainOptionName[];

/** Adds an option for each of `trainOptions`, and --set and --config. */
export function addTrainOptions(command: Command): void {
  for (const name of names) {
    const spec: TrainOption<unknown> = trainOptions[name];
    const option = new Option(`--${name}${spec.argument ? ` ${spec.argument}` : ""}`, spec.help);
    if (spec.argument) option.argParser(checked(spec.kind));
    if (spec.argument && spec.default !== undefined) {
      const text = spec.default;
      option.default(text, /^-?[\d.]+$/.test(text) ? text : JSON.stringify(text));
    }
    command.addOption(option);
    if (name === "seed") {
      command.option("--set <key=value>", "a setting of the model; repeatable", keyValue);
    }
  }
  command.option("--config <file>", "JSON file with options of these names; flags count more");
}

/** Options stay text until they are put together with those of files. */
function checked(kind: ValueKind<unknown>): (text: string) => string {
  const parse = parser(kind);
  return (text) => {
    parse(text);
    return text;
  };
}

/** The options of a command line, of its configuration file, and of the run that goes on. */
export interface ReadOptions {
  readonly options: TrainOptions;
  /** Keys of the configuration file that concern the command: `json`, `quiet`. */
  readonly others: Readonly<Record<string, string>>;
  /** What the user should know of the run that was chosen. */
  readonly note?: string;
}

/**
 * Puts together what the command line, the configuration file and, for `--resume`, the run's own
 * configuration say.
 */
export async function readTrainOptions(
  model: string | undefined,
  command: Command,
  host: Host,
  models: readonly ModelDescription[],
): Promise<ReadOptions> {
  const typed = typedOptions(model, command);
  const file = (command.opts() as { config?: string }).config;
  const { given: fromFile, others } =
    file === undefined ? { given: nothingGiven, others: {} } : await readConfigFile(file, host);
  if (file !== undefined) checkFile(file, fromFile, others, command, { models, host });
  const given = overlay(fromFile, typed);
  if (model?.includes("/"))
    throw new UsageError(
      `train ${model}: a model's name belongs here; a run is named by --out: train --resume --out ${model}`,
    );
  if (given.model !== undefined) findModel(given.model, models);
  if (given.texts.resume === "true") return { others, ...(await resumed(given, host)) };
  const options = toTrainOptions(given, defaultFolder);
  const { force, dryRun } = options;
  // A run that may replace another one, or of which nothing is kept, wants no folder of its own.
  const numbered = given.texts.out === undefined && !force && !dryRun;
  return { options: numbered ? { ...options, numbered } : options, others };
}

/** The options of the run that goes on: of the folder that is named, or of the newest that can be meant. */
async function resumed(
  given: GivenOptions,
  host: Host,
): Promise<Pick<ReadOptions, "options" | "note">> {
  const now = withAbsolute(given, host);
  const read = async (out: string) => {
    const run = await readRunConfig(await RunFolder.open(out, host));
    return { run, all: resumedOptions(run.given, now, given.texts.out !== undefined) };
  };
  const join = (out: string, { run, all }: { run: RunConfig; all: GivenOptions }) => {
    const options = toTrainOptions(all, () => out);
    checkLength(options, run.options);
    return { options: { ...options, out } };
  };
  const { out } = given.texts;
  if (out !== undefined) return join(out, await read(out));
  const first = defaultFolder(toTrainOptions(given, () => ""));
  const { path, found, of } = await newestRun(first, host, read);
  const note =
    of > 1 ? `going on with ${path}, the newest of ${of}; --out names another` : undefined;
  return { ...join(path, found), ...(note ? { note } : {}) };
}

function defaultFolder({ model, data }: Pick<TrainOptions, "model" | "data">): string {
  return defaultRunFolder(model, findDataset(data).label);
}

/** What was typed, without defaults. */
function typedOptions(model: string | undefined, command: Command): GivenOptions {
  const values = command.opts() as Readonly<Record<string, unknown>>;
  const texts: Partial<Record<TrainOptionName, string>> = {};
  for (const name of names)
    if (command.getOptionValueSource(camel(name)) === "cli")
      texts[name] = String(values[camel(name)]);
  const settings = (values.set ?? {}) as Record<string, string>;
  return { texts, settings, ...(model === undefined ? {} : { model }) };
}

async function readConfigFile(file: string, host: Host): Promise<Configuration> {
  const bytes = await host.readFile(file);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${file}: not UTF-8`);
  }
  return parseConfig(text, file, UsageError, commonKeys);
}

/** Checks what only the models and the process know; an error names the file. */
function checkFile(
  file: string,
  { model, settings }: GivenOptions,
  { runtime }: Readonly<Record<string, string>>,
  command: Command,
  { models, host }: { readonly models: readonly ModelDescription[]; readonly host: Host },
): void {
  const fail = (what: string) => {
    throw new UsageError(`${file}: ${what}`);
  };
  if (model !== undefined) {
    const entry = models.find(({ name }) => name === model);
    if (!entry) {
      const names = models.map(({ name }) => name);
      throw new UsageError(
        `${file}: unknown model ${model}${didYouMean(model, names)}; there are ${names.join(", ")}`,
      );
    }
    const problem = settingsProblem(entry, settings);
    if (problem !== undefined) fail(`set ${problem}`);
  }
  // The runtime is chosen before; a pipe can be read only once, and not by who chooses.
  const { runtime: chosen } = command.opts() as { runtime?: string };
  if (runtime !== undefined && chosen === undefined && runtime !== host.runtime)
    fail(`runtime is ${runtime}, which has to be given as --runtime ${runtime} beside a pipe`);
}

/** A run's configuration has absolute paths: what is compared with it must, too. */
function withAbsolute(given: GivenOptions, host: Host): GivenOptions {
  const { data, ...texts } = given.texts;
  if (data === undefined) return given;
  return { ...given, texts: { ...texts, data: absoluteName(data, host.cwd) } };
}

/** A schedule that ends with the run would be another one in a longer run. */
function checkLength(now: TrainOptions, before: TrainOptions): void {
  if (now.epochs !== before.epochs && now.lrSchedule.needsLength)
    throw new UsageError(
      `--epochs ${now.epochs}: the learning rate's schedule, ${now.lrSchedule.text}, ends with epoch ${before.epochs} of the run`,
    );
}

/** The runtime that a configuration file names, for the launcher; undefined where it cannot be read. */
export async function configuredRuntime(
  argv: readonly string[],
  readText: (path: string) => Promise<string>,
): Promise<RuntimeName | undefined> {
  let file: string | undefined;
  argv.forEach((word, index) => {
    if (word === "--config") file = argv[index + 1];
    if (word.startsWith("--config=")) file = word.slice("--config=".length);
  });
  if (file === undefined) return undefined;
  try {
    const { others } = parseConfig(await readText(file), file, UsageError, commonKeys);
    return runtimes.find((name) => name === others.runtime);
  } catch {
    return undefined; // the command says what is wrong with it
  }
}

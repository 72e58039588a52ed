import { isOwnData } from "../data/datasets.ts";
import { duplicateKey, isObject, parseJson, quote } from "../formats/json.ts";
import { type LatentgradError, UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import type { ValueKind } from "../settings/values.ts";
import {
  camel,
  type TrainOption,
  type TrainOptionName,
  type TrainOptions,
  trainOptions,
} from "./options.ts";
import { factsKey } from "./run-files.ts";

/** Options as text, from the command line or a configuration; what was not given is not there. */
export interface GivenOptions {
  readonly model?: string;
  readonly texts: Readonly<Partial<Record<TrainOptionName, string>>>;
  /** The model's own settings. */
  readonly settings: Readonly<Record<string, string>>;
}

export const nothingGiven: GivenOptions = { texts: {}, settings: {} };

const options: Readonly<Record<string, TrainOption<unknown>>> = trainOptions;
const names = Object.keys(trainOptions) as TrainOptionName[];

/** What a configuration file says. */
export interface Configuration {
  readonly given: GivenOptions;
  /** Values of the keys that the caller knows besides the options of `train`, as text. */
  readonly others: Readonly<Record<string, string>>;
  /** What stands under `run`. */
  readonly facts: unknown;
}

/**
 * Reads a configuration: a JSON object with the names of `train`'s options as keys, `model`, and `set`,
 * an object of the model's settings. Values have the type that the option has: numbers for numbers,
 * true or false for what is on or off.
 *
 * @param file for errors, which are of the given kind and name the key
 * @param others further keys that are allowed
 */
export function parseConfig(
  text: string,
  file: string,
  Failure: new (message: string) => LatentgradError,
  others: Readonly<Record<string, ValueKind<unknown>>> = {},
): Configuration {
  const fail = (what: string): never => {
    throw new Failure(`${file}: ${what}`);
  };
  const object = parseObject(text, fail);
  const texts: Partial<Record<TrainOptionName, string>> = {};
  const rest: Record<string, string> = {};
  let model: string | undefined;
  let settings: Record<string, string> = {};
  for (const [key, value] of Object.entries(object)) {
    if (key === factsKey) continue;
    if (key === "model") {
      if (typeof value !== "string") fail(`model is ${quote(value)}, expected a name`);
      model = value as string;
    } else if (key === "set") settings = readSettings(value, fail);
    else if (Object.hasOwn(options, key))
      texts[key as TrainOptionName] = readValue(key, value, options[key]!.kind, fail);
    else if (Object.hasOwn(others, key)) rest[key] = readValue(key, value, others[key]!, fail);
    else {
      const known = ["model", "set", ...names, ...Object.keys(others)];
      fail(`unknown key ${quote(key)}${didYouMean(key, known)}`);
    }
  }
  const given = { texts, settings, ...(model === undefined ? {} : { model }) };
  return { given, others: rest, facts: object[factsKey] };
}

function parseObject(text: string, fail: (what: string) => never): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(`not JSON (${reason.replace(/\s+/g, " ").slice(0, 120)})`);
  }
  if (!isObject(parsed)) return fail("not an object");
  const twice = duplicateKey(text);
  return twice === undefined ? parsed : fail(`the key ${quote(twice)} is there twice`);
}

function readValue(
  key: string,
  value: unknown,
  kind: ValueKind<unknown>,
  fail: (what: string) => never,
): string {
  const text = String(value);
  const typed = (kind.json as readonly string[]).includes(typeof value);
  if (typed && kind.parse(text) !== undefined) return text;
  const hint = typeof value === "string" ? (kind.hint?.(text) ?? "") : "";
  return fail(`${key} is ${quote(value)}, expected ${kind.expected}${hint}`);
}

function readSettings(value: unknown, fail: (what: string) => never): Record<string, string> {
  if (!isObject(value)) return fail(`set is ${quote(value)}, expected an object of settings`);
  return Object.fromEntries(
    Object.entries(value).map(([key, setting]) => {
      if (!["string", "number", "boolean"].includes(typeof setting))
        fail(`set ${key} is ${quote(setting)}, expected text or a number`);
      // No setting's name of a choice is a number.
      if (typeof setting === "string" && setting.trim() !== "" && !Number.isNaN(Number(setting)))
        fail(`set ${key} is ${quote(setting)}, a text; numbers stand without quotation marks`);
      return [key, String(setting)];
    }),
  );
}

/** Puts options on top of others: what is given above counts. */
export function overlay(below: GivenOptions, above: GivenOptions): GivenOptions {
  const texts = oneForm(above.texts);
  const {
    validation,
    "full-train": fullTrain,
    ...others
  }: Partial<Record<TrainOptionName, string>> = oneForm(below.texts);
  // Both say how many images are held out, so that one above is instead of either below.
  const said = texts.validation !== undefined || texts["full-train"] !== undefined;
  const heldOut = {
    ...(validation === undefined ? {} : { validation }),
    ...(fullTrain === undefined ? {} : { "full-train": fullTrain }),
  };
  return {
    ...below,
    ...above,
    texts: { ...others, ...(said ? {} : heldOut), ...texts },
    settings: { ...below.settings, ...above.settings },
  };
}

/** `--validation 0` as `--full-train`: they mean the same, also to a run that goes on. */
function oneForm(texts: GivenOptions["texts"]): GivenOptions["texts"] {
  const { validation, ...others } = texts;
  if (validation === undefined || Number(validation) !== 0) return texts;
  return { ...others, "full-train": "true" };
}

/**
 * The options of a run, with defaults for what was not given.
 *
 * @param out the run folder, where none was given
 * @throws UsageError where the model is missing or options contradict each other
 */
export function toTrainOptions(
  given: GivenOptions,
  out: (options: { readonly model: string; readonly data: string }) => string,
): TrainOptions {
  const { model } = given;
  if (model === undefined)
    throw new UsageError("the model is missing; latentgrad models lists them");
  const texts = oneForm(given.texts);
  const values = Object.fromEntries(
    names.map((name) => {
      const { kind, default: byDefault } = options[name]!;
      const text = texts[name] ?? byDefault;
      return [camel(name), text === undefined ? undefined : kind.parse(text)];
    }),
  ) as unknown as TrainOptions;
  const all = { ...values, model, settings: given.settings };
  checkTogether(all);
  return { ...all, out: values.out ?? out(all) };
}

function checkTogether(options: Omit<TrainOptions, "out">): void {
  const exclude = (a: string, b: string, both: boolean) => {
    if (both) throw new UsageError(`--${a} and --${b} exclude each other`);
  };
  if (options.allowOtherData && !options.resume)
    throw new UsageError("--allow-other-data goes with --resume");
  const { resume, force, dryRun, overfit, limit, fullTrain, validation } = options;
  exclude("resume", "force", resume && force);
  exclude("resume", "dry-run", resume && dryRun);
  exclude("overfit", "limit", overfit !== undefined && limit !== undefined);
  exclude("overfit", "full-train", overfit !== undefined && fullTrain);
  exclude("overfit", "validation", overfit !== undefined && validation !== undefined);
  exclude("validation", "full-train", validation !== undefined && fullTrain);
  if (options.patience !== undefined && fullTrain)
    throw new UsageError("--patience needs validation images, and --full-train holds none out");
}

/**
 * The options of a run that goes on: those it began with, and those that may be changed.
 *
 * @param run what its config.json says
 * @param given what the user says now
 * @param named whether the user has named the run: then its data may have another name by now, which
 *   their fingerprint is held against
 * @throws UsageError for an option that would make it another run
 */
export function resumedOptions(
  run: GivenOptions,
  given: GivenOptions,
  named = false,
): GivenOptions {
  const changeable = names.filter((name) => options[name]!.changeable).map((name) => `--${name}`);
  const differs = (what: string, now: string, before: string | undefined): never => {
    throw new UsageError(
      `${what} ${now}: the run began with ${before ?? "none"}, and --resume can change only ${changeable.join(", ")}, and --data where the data were moved or with --allow-other-data`,
    );
  };
  if (given.model !== undefined && given.model !== run.model)
    differs("model", given.model, run.model);
  for (const [key, value] of Object.entries(given.settings)) {
    const before = run.settings[key];
    if (value !== before && !(before !== undefined && Number(value) === Number(before)))
      differs(`--set ${key}`, value, before);
  }
  const [texts, begun] = [oneForm(given.texts), oneForm(run.texts)];
  for (const name of names) {
    const [now, before] = [texts[name], begun[name] ?? options[name]!.default];
    if (now === undefined || !options[name]!.kept || options[name]!.changeable) continue;
    const { kind } = options[name]!;
    const same =
      before !== undefined &&
      JSON.stringify(kind.parse(now)) === JSON.stringify(kind.parse(before));
    if (same) continue;
    const mayDiffer = name === "data" && (isOwnData(now) || texts["allow-other-data"] === "true");
    if (mayDiffer && named) continue;
    if (mayDiffer)
      throw new UsageError(
        `--data ${now}: the run began with ${before}; where that was moved, --out names the run that goes on`,
      );
    differs(`--${name}`, now, before);
  }
  return { ...overlay(run, given), settings: run.settings };
}

/** The options that say how a run is trained, as config.json and configuration files have them. */
export function toConfig(
  options: TrainOptions,
  settings: Readonly<Record<string, string | number>>,
): Record<string, unknown> {
  const values = options as unknown as Readonly<Record<string, unknown>>;
  const kept = names
    .filter((name) => trainOptions[name].kept && values[camel(name)] !== undefined)
    .map((name) => [name, toJson(values[camel(name)])]);
  return { model: options.model, ...Object.fromEntries(kept), set: settings };
}

/** A schedule is written as it was given. */
function toJson(value: unknown): unknown {
  return isObject(value) && typeof value.text === "string" ? value.text : value;
}

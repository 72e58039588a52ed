import { isNot, kindOf as kindOfValue } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import {
  kindOf,
  type Setting,
  type SettingsOptions,
  type SettingsTable,
  type SettingsValues,
  type SettingValue,
} from "./setting.ts";

/** What has settings: a model. */
export interface Configurable<S extends SettingsTable = SettingsTable> {
  readonly name: string;
  readonly settings: S;
}

/** A setting as the command line and configuration files have it. */
export interface NamedSetting {
  /** `learning-rate` */
  readonly option: string;
  /** `learningRate` */
  readonly key: string;
  readonly setting: Setting;
  /** The default as it would be typed. */
  readonly preset: string;
}

/** The settings of a model with the names that the command line gives them. */
export function namedSettings({ settings }: Configurable): readonly NamedSetting[] {
  return Object.entries(settings).map(([key, setting]) => ({
    option: optionName(key),
    key,
    setting,
    preset: String(setting.default),
  }));
}

/** `learningRate` → `learning-rate`. */
export function optionName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** What is wrong with the first of the given settings that does not fit, or undefined. */
export function settingsProblem(
  model: Configurable,
  given: Readonly<Record<string, string>>,
): string | undefined {
  const known = namedSettings(model);
  for (const [option, text] of Object.entries(given)) {
    const found = known.find((each) => each.option === option);
    if (found === undefined) {
      const options = known.map((each) => each.option);
      return `${option}: ${model.name} has no such setting${didYouMean(option, options)}; there are ${options.join(", ")}`;
    }
    const kind = kindOf(found.setting);
    if (kind.parse(text) === undefined)
      return `${option}=${text}: expected ${kind.expected}${kind.hint?.(text) ?? ""}`;
  }
  return undefined;
}

/** Checks each --set key=value against the model's settings. Throws UsageError. */
export function checkSettings(model: Configurable, given: Readonly<Record<string, string>>): void {
  const problem = settingsProblem(model, given);
  if (problem !== undefined) throw new UsageError(`--set ${problem}`);
}

/**
 * The values of texts that were typed, with the model's defaults for the others. Throws UsageError as
 * checkSettings does.
 */
export function parseSettings<S extends SettingsTable>(
  model: Configurable<S>,
  given: Readonly<Record<string, string>>,
): SettingsValues<S> {
  checkSettings(model, given);
  const values = namedSettings(model).map(({ option, key, setting, preset }) => [
    key,
    kindOf(setting).parse(given[option] ?? preset),
  ]);
  return Object.fromEntries(values) as SettingsValues<S>;
}

/** All values by the names of the command line, as configuration files have them: numbers as numbers. */
export function settingsTexts(
  model: Configurable,
  values: Readonly<Record<string, SettingValue>>,
): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    namedSettings(model).map(({ option, key, setting }) => {
      const value = values[key] ?? setting.default;
      return [option, typeof value === "number" ? value : String(value)];
    }),
  );
}

/**
 * The values that a program gives, with the defaults for the others.
 *
 * @throws UsageError that names the setting and what it may be
 */
export function completeSettings<S extends SettingsTable>(
  { name, settings }: Configurable<S>,
  given: SettingsOptions<S>,
): SettingsValues<S> {
  const known = Object.keys(settings);
  if (typeof given !== "object" || given === null || Array.isArray(given) || "then" in given)
    throw new UsageError(
      `${name}: ${isNot("settings", given, `an object { ${known.join(", ")} }`)}`,
    );
  for (const key of Object.keys(given))
    if (!Object.hasOwn(settings, key)) {
      const near = didYouMean(key, known) || `; there are ${known.join(", ")}`;
      throw new UsageError(`${name}: unknown setting "${key}"${near}`);
    }
  const values = Object.entries(settings).map(([key, setting]) => {
    const { [key]: value = setting.default } = given as Readonly<Record<string, unknown>>;
    requireValue(name, key, setting, value);
    return [key, value];
  });
  return Object.fromEntries(values) as SettingsValues<S>;
}

function requireValue(name: string, key: string, setting: Setting, value: unknown): void {
  const kind = kindOf(setting);
  const typed = (kind.json as readonly string[]).includes(typeof value);
  if (typed && kind.parse(String(value)) !== undefined) return;
  const shown = typeof value === "number" ? value : text(value);
  const hint = typeof value === "string" ? (kind.hint?.(value) ?? "") : "";
  throw new UsageError(`${name}: ${key} is ${shown}, wanted ${kind.expected}${hint}`);
}

/** Short texts as they are; of anything else, what it is. */
function text(value: unknown): string {
  return typeof value === "string" && value.length <= 40
    ? JSON.stringify(value)
    : kindOfValue(value);
}

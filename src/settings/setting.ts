import { choice, flag, real, type ValueKind, whole } from "./values.ts";

/** A setting that is a number, or a whole number, in a range. */
export interface NumberSetting {
  readonly type: "number" | "integer";
  readonly default: number;
  /** Least and largest value. */
  readonly min: number;
  readonly max: number;
  /** What it does, in a few words. */
  readonly help: string;
}

/** A setting that is one of some names. */
export interface ChoiceSetting<T extends string = string> {
  readonly type: "choice";
  readonly default: T;
  readonly choices: readonly T[];
  /** What it does, in a few words. */
  readonly help: string;
}

/** A setting that is on or off. */
export interface SwitchSetting {
  readonly type: "boolean";
  readonly default: boolean;
  /** What it does, in a few words. */
  readonly help: string;
}

/**
 * One setting of a model: its default, what it may be, and what it does. Programs and the command line read
 * this same statement.
 */
export type Setting = NumberSetting | ChoiceSetting | SwitchSetting;

/** What a setting can be. */
export type SettingValue = number | string | boolean;

/**
 * Settings by name, as programs write it (`learningRate`); on the command line the same setting is
 * `learning-rate`.
 */
export type SettingsTable = Readonly<Record<string, Setting>>;

/** The values of all settings of a table. */
export type SettingsValues<S extends SettingsTable> = {
  readonly [K in keyof S]: S[K]["default"];
};

/** Some values of a table's settings; the others are their defaults. */
export type SettingsOptions<S extends SettingsTable> = {
  readonly [K in keyof S]?: S[K]["default"] | undefined;
};

/** Any number in a range. */
export function numberSetting(
  byDefault: number,
  [min, max]: readonly [number, number],
  help: string,
): NumberSetting {
  return { type: "number", default: byDefault, min, max, help };
}

/** A whole number in a range. */
export function wholeSetting(
  byDefault: number,
  [min, max]: readonly [number, number],
  help: string,
): NumberSetting {
  return { type: "integer", default: byDefault, min, max, help };
}

/** One of some names, the default first unless it is given. */
export function choiceSetting<const T extends string>(
  choices: readonly T[],
  help: string,
  byDefault = choices[0] as T,
): ChoiceSetting<T> {
  return { type: "choice", default: byDefault, choices: [...choices], help };
}

/** On or off. */
export function switchSetting(byDefault: boolean, help: string): SwitchSetting {
  return { type: "boolean", default: byDefault, help };
}

/**
 * A table of settings. Calls are to be marked as pure, so that a bundler leaves out the tables of models that a
 * page does not use.
 */
export function defineSettings<S extends SettingsTable>(make: () => S): S {
  return make();
}

/** The type and range of a setting in words. */
export function describe(setting: Setting): string {
  return kindOf(setting).expected;
}

/** How its value is read. */
export function kindOf(setting: Setting): ValueKind<SettingValue> {
  switch (setting.type) {
    case "choice":
      return choice(setting.choices);
    case "boolean":
      return flag;
    case "integer":
      return whole(setting.min, setting.max);
    case "number":
      return real(setting.min, setting.max);
  }
}

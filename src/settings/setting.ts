import { choice, real, type ValueKind, whole } from "./values.ts";

/** One option of a model, as `--set name=value` gives it. */
export interface Setting {
  readonly type: "number" | "integer" | "choice";
  readonly default: string;
  readonly choices?: string[];
  readonly min?: number;
  readonly max?: number;
  readonly help: string;
}

/** Any number in a range. */
export function numberSetting(
  byDefault: number,
  [min, max]: readonly [number, number],
  help: string,
): Setting {
  return { type: "number", default: String(byDefault), min, max, help };
}

/** A whole number in a range. */
export function wholeSetting(
  byDefault: number,
  [min, max]: readonly [number, number],
  help: string,
): Setting {
  return { type: "integer", default: String(byDefault), min, max, help };
}

/** One of some names, the default first. */
export function choiceSetting(choices: readonly string[], help: string): Setting {
  return { type: "choice", default: choices[0] as string, choices: [...choices], help };
}

/** true or false. */
export function switchSetting(help: string): Setting {
  return choiceSetting(["false", "true"], help);
}

/** The type and range of a setting in words. */
export function describe(setting: Setting): string {
  return kindOf(setting).expected;
}

/** How its value is read. */
export function kindOf({ type, choices, min, max }: Setting): ValueKind<number | string> {
  if (type === "choice") return choice(choices ?? []);
  return type === "integer" ? whole(min, max) : real(min, max);
}

import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "./suggest.ts";

/** One option of a model, as `--set name=value` gives it. */
export interface Setting {
  readonly type: "number" | "integer" | "choice";
  readonly default: string;
  readonly choices?: string[];
  readonly min?: number;
  readonly max?: number;
  readonly help: string;
}

/** What has settings: a model, as the command line knows it. */
export interface Configurable {
  readonly name: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** Checked settings of a model: every key is there, with its default where none was given. */
export class Settings {
  constructor(private readonly values: Readonly<Record<string, string>>) {}

  number(name: string): number {
    return Number(this.text(name));
  }

  text(name: string): string {
    const value = this.values[name];
    if (value === undefined) throw new UsageError(`the model has no setting "${name}"`);
    return value;
  }

  /** For the run's config. */
  all(): Readonly<Record<string, string>> {
    return this.values;
  }
}

/** What is wrong with the first of the given settings that does not fit, or undefined. */
export function settingsProblem(
  model: Configurable,
  given: Readonly<Record<string, string>>,
): string | undefined {
  for (const [key, value] of Object.entries(given)) {
    const keys = Object.keys(model.settings);
    const setting = Object.hasOwn(model.settings, key) ? model.settings[key] : undefined;
    if (setting === undefined)
      return `${key}: ${model.name} has no such setting${didYouMean(key, keys)}; there are ${keys.join(", ")}`;
    const expected = mismatch(setting, value);
    if (expected !== undefined) return `${key}=${value}: expected ${expected}`;
  }
  return undefined;
}

/** Checks each --set key=value against the model's settings. Throws UsageError. */
export function checkSettings(model: Configurable, given: Readonly<Record<string, string>>): void {
  const problem = settingsProblem(model, given);
  if (problem !== undefined) throw new UsageError(`--set ${problem}`);
}

/** The model's settings with its defaults filled in. Throws UsageError as checkSettings does. */
export function resolveSettings(
  model: Configurable,
  given: Readonly<Record<string, string>>,
): Settings {
  checkSettings(model, given);
  const defaults = Object.entries(model.settings).map(([name, s]) => [name, s.default] as const);
  return new Settings({ ...Object.fromEntries(defaults), ...given });
}

/** What was expected, where the value is not that. */
function mismatch(setting: Setting, value: string): string | undefined {
  if (setting.type === "choice") {
    const choices = setting.choices ?? [];
    return choices.includes(value)
      ? undefined
      : `${choices.join(", ")}${didYouMean(value, choices)}`;
  }
  const form =
    setting.type === "integer" ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
  const number = form.test(value) ? Number(value) : Number.NaN;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = setting;
  const fits = Number.isFinite(number) && number >= min && number <= max;
  return fits ? undefined : describe(setting);
}

/** The type and range of a setting in words. */
export function describe({ type, choices, min, max }: Setting): string {
  if (type === "choice") return (choices ?? []).join(", ");
  const kind = type === "integer" ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} from ${min} on`;
  return max === undefined ? kind : `${kind} up to ${max}`;
}

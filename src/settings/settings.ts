import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { kindOf, type Setting } from "./setting.ts";

/** What has settings: a model, as the command line knows it. */
export interface Configurable {
  readonly name: string;
  readonly settings: Readonly<Record<string, Setting>>;
}

/** Checked settings of a model: every key is there, with its default where none was given. */
export class Settings {
  constructor(
    private readonly model: Configurable,
    private readonly values: Readonly<Record<string, string>>,
  ) {}

  number(name: string): number {
    return Number(this.text(name));
  }

  text(name: string): string {
    const value = this.values[name];
    if (value === undefined) throw new UsageError(`the model has no setting "${name}"`);
    return value;
  }

  /** Every setting, numbers as numbers. */
  all(): Readonly<Record<string, string | number>> {
    return Object.fromEntries(
      Object.entries(this.values).map(([name, text]) => {
        const kind = this.model.settings[name]?.type;
        return [name, kind === "integer" || kind === "number" ? Number(text) : text];
      }),
    );
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
  return new Settings(model, { ...Object.fromEntries(defaults), ...given });
}

/** What was expected, where the value is not that. */
function mismatch(setting: Setting, value: string): string | undefined {
  const kind = kindOf(setting);
  return kind.parse(value) === undefined ? kind.expected + (kind.hint?.(value) ?? "") : undefined;
}

import { didYouMean } from "../data/suggest.ts";
import { UsageError } from "../gpu/errors.ts";
import type { ModelEntry } from "../models/registry.ts";

type Setting = ModelEntry["settings"][string];

/** The model of that name. Throws UsageError with the nearest name and the list. */
export function findModel(name: string, models: readonly ModelEntry[]): ModelEntry {
  const model = models.find((candidate) => candidate.name === name);
  if (model !== undefined) return model;
  const names = models.map((candidate) => candidate.name);
  throw new UsageError(
    `unknown model "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
  );
}

/** Checks each --set key=value against the model's settings. Throws UsageError. */
export function checkSettings(model: ModelEntry, given: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(given)) {
    const keys = Object.keys(model.settings);
    const setting = Object.hasOwn(model.settings, key) ? model.settings[key] : undefined;
    if (setting === undefined) {
      throw new UsageError(
        `--set ${key}: ${model.name} has no such setting${didYouMean(key, keys)}; there are ${keys.join(", ")}`,
      );
    }
    const expected = mismatch(setting, value);
    if (expected !== undefined) {
      throw new UsageError(`--set ${key}=${value}: expected ${expected}`);
    }
  }
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

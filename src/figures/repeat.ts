import { namedSettings } from "../settings/settings.ts";
import type { RunConfig } from "../train/open-run.ts";
import { type TrainOption, type TrainOptionName, trainOptions } from "../train/options.ts";

/** The command line that trains a run again, option by option: whatever is not a default. */
export function repeatCommand({ given, entry }: RunConfig): string[] {
  const parts = [`latentgrad train ${entry.name}`];
  for (const [name, option] of Object.entries(trainOptions) as [string, TrainOption<unknown>][]) {
    const value = given.texts[name as TrainOptionName];
    if (!option.kept || value === undefined || isDefault(value, option.default)) continue;
    parts.push(option.argument ? `--${name} ${quoted(value)}` : `--${name}`);
  }
  for (const { option, preset } of namedSettings(entry)) {
    const value = given.settings[option];
    if (value !== undefined && !isDefault(value, preset))
      parts.push(`--set ${quoted(`${option}=${value}`)}`);
  }
  return parts;
}

/** Whether a value that was given, if it was, is the default; 1 and 1.0 are one number. */
export function isDefault(given: string | undefined, preset: string | undefined): boolean {
  if (given === undefined || given === preset) return true;
  return preset !== undefined && given !== "" && Number(given) === Number(preset);
}

/** A word of a shell's command line. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

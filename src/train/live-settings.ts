import { isObject } from "../formats/json.ts";
import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { NumberSetting, SettingValue } from "../settings/setting.ts";
import { parseSettings, settingsTexts } from "../settings/settings.ts";
import type { TrainingRun } from "./training-run.ts";

/** Values of a model's settings by the names of programs. */
export type SettingValues = Readonly<Record<string, SettingValue>>;

/**
 * The settings of a model that may change while it is trained: the weight of the KL term and the learning
 * rates. They are in variables on the device, so that the recorded step stays as it is.
 */
export class LiveSettings {
  private values: SettingValues;

  constructor(
    private readonly entry: ModelDefinition,
    settings: SettingValues,
    private readonly run: TrainingRun,
  ) {
    this.values = settings;
  }

  /** All settings as they are now. */
  all(): SettingValues {
    return this.values;
  }

  /** The same by the names that checkpoints have. */
  texts(): Readonly<Record<string, string | number>> {
    return settingsTexts(this.entry, this.values);
  }

  /** What may change. */
  get names(): readonly string[] {
    const { run, entry } = this;
    const rates = run.trained.map(({ update }) => update.setting ?? "learningRate");
    const names = [...(run.beta === undefined ? [] : ["beta"]), ...new Set(rates)];
    return names.filter((name) => Object.hasOwn(entry.settings, name));
  }

  /**
   * Changes settings for the steps that are queued from now on.
   *
   * @param op what errors call it
   * @throws UsageError for one that cannot be changed, or not to that value; nothing is changed then
   */
  set(op: string, values: Readonly<Record<string, unknown>>): void {
    const { entry, run, names } = this;
    const changed: Record<string, number> = {};
    for (const [name, value] of Object.entries(values)) {
      if (!names.includes(name)) {
        const known = Object.hasOwn(entry.settings, name);
        const why = known
          ? `${name} of ${entry.name} stays as it was built`
          : `${entry.name} has no setting "${name}"${didYouMean(name, names)}`;
        throw new UsageError(`${op}: ${why}; ${names.join(", ")} can be set`);
      }
      const { min = 0, max = Number.MAX_VALUE } = entry.settings[name] as Partial<NumberSetting>;
      if (typeof value !== "number" || !(value >= min && value <= max))
        throw new UsageError(`${op}: ${name} is ${value}, wanted a number from ${min} to ${max}`);
      changed[name] = value;
    }
    for (const [name, value] of Object.entries(changed)) {
      if (name === "beta") run.beta = value;
      for (const [i, { update }] of run.trained.entries())
        if ((update.setting ?? "learningRate") === name) run.rates[i] = value;
      this.values = { ...this.values, [name]: value };
    }
  }

  /** Takes over what a checkpoint's options say of them. */
  restore(op: string, { set }: Readonly<Record<string, unknown>>): void {
    const { entry, names } = this;
    const texts = Object.entries(isObject(set) ? set : {}).map(([k, v]) => [k, String(v)] as const);
    const stored = parseSettings(entry, Object.fromEntries(texts));
    this.set(op, Object.fromEntries(names.map((name) => [name, stored[name]])));
  }
}

import type { Command } from "commander";
import type { ModelEntry } from "../../models/registry.ts";
import { describe } from "../../models/settings.ts";
import type { Context } from "../context.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";

/** A model with its settings' defaults as JSON has them: numbers as numbers. */
function withNumbers(model: ModelEntry): unknown {
  const settings = Object.entries(model.settings).map(([name, setting]) => {
    const byDefault = setting.type === "choice" ? setting.default : Number(setting.default);
    return [name, { ...setting, default: byDefault }];
  });
  return { ...model, settings: Object.fromEntries(settings) };
}

/** `models`: the models and their settings. */
export function addModels(program: Command, { actions, output }: Context): void {
  const command = program.command("models").description("List the models and their settings.");
  addCommon(command, ["models", "models --json"]).action((options: CommonOptions) => {
    applyCommon(options, output);
    if (options.json) {
      output.json(actions.models.map(withNumbers));
      return;
    }
    for (const { name, summary, source, settings } of actions.models) {
      output.data(`${name}  ${summary}  [${source}]`);
      for (const [key, setting] of Object.entries(settings)) {
        output.data(`  --set ${key}=${setting.default}  ${setting.help} (${describe(setting)})`);
      }
    }
  });
}

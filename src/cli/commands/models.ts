import type { Command } from "commander";
import { describe } from "../../models/settings.ts";
import type { Context } from "../context.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";

/** `models`: the models and their settings. */
export function addModels(program: Command, { actions, output }: Context): void {
  const command = program.command("models").description("List the models and their settings.");
  addCommon(command, ["models", "models --json"]).action((options: CommonOptions) => {
    applyCommon(options, output);
    if (options.json) {
      output.json(actions.models);
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

import type { Command } from "commander";
import type { ModelDescription } from "../../models/definition.ts";
import { findModel } from "../../models/registry.ts";
import { describe, type Setting } from "../../settings/setting.ts";
import { namedSettings } from "../../settings/settings.ts";
import type { Context } from "../context.ts";
import { addCommon, applyCommon, type CommonOptions } from "../options.ts";
import { wrapWords } from "../wrap.ts";

/** What an ordinary terminal shows in a line; its last column stays free. */
const WIDTH = 79;

/** `models`: one line for each model; `models NAME`: a model with its settings. */
export function addModels(program: Command, { actions, output }: Context): void {
  const command = program
    .command("models")
    .description("List the models, or the settings of one.")
    .argument("[model]", "show the settings of this one");
  const examples = ["models", "models vae", "models vae --json"];
  addCommon(command, examples).action((name: string | undefined, options: CommonOptions) => {
    applyCommon(options, output);
    const { models } = actions;
    if (name !== undefined) {
      const model = findModel(name, models);
      if (options.json) output.json(asTyped(model));
      else for (const line of modelLines(model)) output.data(line);
    } else if (options.json) output.json(models.map(asTyped));
    else for (const line of listLines(models)) output.data(line);
  });
}

/** A model with its settings as `--set` names them. */
function asTyped(model: ModelDescription): unknown {
  const settings = namedSettings(model).map(({ option, setting }) => [option, setting]);
  return { ...model, settings: Object.fromEntries(settings) };
}

/** One line a model: `vae         variational autoencoder with a weight β on the KL term`. */
export function listLines(models: readonly ModelDescription[]): string[] {
  const longest = Math.max(...models.map(({ name }) => name.length));
  return models.map(({ name, summary }) => `${name.padEnd(longest)}  ${summary}`);
}

/** Name, summary and source, then each setting with its default, what it is and what it may be. */
export function modelLines(model: ModelDescription): string[] {
  const { name, summary, source } = model;
  return [
    ...wrapped(`${name}: ${summary}`),
    ...wrapped(source, "  "),
    ...namedSettings(model).flatMap(({ option, preset, setting }) => [
      "",
      `--set ${option}=${preset}`,
      ...meaning(setting).flatMap((text) => wrapped(text, "    ")),
    ]),
  ];
}

/** A choice whose help explains every name is not followed by the names alone. */
function meaning(setting: Setting): string[] {
  const { help } = setting;
  if (setting.type === "boolean") return [help, "one of: true, false"];
  if (setting.type !== "choice") return [`${help} (${describe(setting)})`];
  const { choices } = setting;
  const explained = choices.every((choice) => help.includes(`${choice}: `));
  return explained ? help.split(/; (?=[\w-]+: )/) : [help, `one of: ${describe(setting)}`];
}

function wrapped(text: string, indent = ""): string[] {
  return wrapWords(text.split(" "), WIDTH - indent.length).map((line) => indent + line);
}

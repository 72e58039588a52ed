import { checkDevice, checkObject, checkText, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { SettingValue } from "../settings/setting.ts";
import { buildModel, type ModelOptions } from "./build.ts";
import type { SettingsOf } from "./definition.ts";
import type { Model } from "./model.ts";
import { findModel, type ModelName, type modelClasses, models } from "./registry.ts";

/** The model of a name; any model where the name is known only when the program runs. */
export type ModelByName<N extends string> = N extends ModelName
  ? InstanceType<(typeof modelClasses)[N]>
  : Model;

/** What can be set of it. */
export type SettingsByName<N extends string> = N extends ModelName
  ? SettingsOf<(typeof modelClasses)[N]>
  : Readonly<Record<string, SettingValue>>;

/**
 * Makes a model with initial weights, the same as `latentgrad train NAME` begins with for the same data,
 * settings and seed.
 *
 *     const vae = createModel("vae", device, { data: loadGlyphs(), settings: { latent: 8 }, seed: 3 });
 *
 * It brings the code of every model. A page that knows which one it wants takes the class: `Vae`.
 *
 * @param name one of those that `latentgrad models` lists
 * @throws UsageError for a name that no model has, for a setting that it does not have, and for settings
 *   that do not go with these data
 */
export function createModel<N extends string>(
  name: N,
  device: Device,
  options: ModelOptions<SettingsByName<N>>,
): ModelByName<N> {
  checkText("createModel", "name", name, "the name of a model");
  const definition = findModel(name, models);
  checkDevice("createModel", device);
  checkObject("createModel", "options", options, ["data"]);
  const data: unknown = options.data;
  if (typeof data !== "object" || data === null)
    throw new UsageError(
      `createModel: ${isNot("options.data", data, "a data set or { height, width, channels, classes }")}`,
    );
  return buildModel(definition, device, options as ModelOptions) as ModelByName<N>;
}

import { checkImage } from "../data/arguments.ts";
import { checkWhole } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { checkLayer } from "../nn/arguments.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { SettingsOptions, SettingsTable, SettingsValues } from "../settings/setting.ts";
import { type Configurable, completeSettings } from "../settings/settings.ts";
import type { DataShape } from "./definition.ts";
import type { ImageShape } from "./model.ts";

/**
 * Checks what a model is made of before any of it is made.
 *
 * @returns the settings, with the defaults of those that were not given
 * @throws DeviceError, UsageError, ShapeError that name the argument and what it wants
 */
export function checkedSettings<S extends SettingsTable>(
  model: Configurable<S>,
  [device, random, image]: readonly [Device, HostRandom, ImageShape],
  given: SettingsOptions<S>,
): SettingsValues<S> {
  checkLayer(model.name, device, random);
  checkImage(model.name, image);
  return completeSettings(model, given);
}

/**
 * How many classes there are, where a model has to know.
 *
 * @throws UsageError, ShapeError for what is no image, or one without classes
 */
export function checkedClasses(op: string, data: DataShape): number {
  checkImage(op, data);
  checkWhole(op, "image.classes", data.classes);
  return data.classes;
}

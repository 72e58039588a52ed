import { checkWhole, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { checkLayer } from "../nn/arguments.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { SettingsOptions, SettingsTable, SettingsValues } from "../settings/setting.ts";
import { type Configurable, completeSettings } from "../settings/settings.ts";
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
  const { name } = model;
  checkLayer(name, device, random);
  const wanted = "an object { height, width, channels }";
  if (typeof image !== "object" || image === null || Array.isArray(image))
    throw new UsageError(`${name}: ${isNot("image", image, wanted)}`);
  for (const side of ["height", "width", "channels"] as const)
    checkWhole(name, `image.${side}`, image[side]);
  return completeSettings(model, given);
}

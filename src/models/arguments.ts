import { checkOptions, checkWhole, isNot, type OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { checkLayer } from "../nn/arguments.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { AutoencoderOptions } from "./autoencoder.ts";
import type { ImageShape } from "./model.ts";
import type { VaeOptions } from "./vae.ts";

/** What the options hold that every autoencoder has. */
export const autoencoderRules: OptionRules<AutoencoderOptions> = {
  network: "text",
  latent: "number",
  width: "number",
  likelihood: "text?",
  learningRate: "number?",
};

/** What those of the VAE hold. */
export const vaeRules: OptionRules<VaeOptions> = { ...autoencoderRules, beta: "number" };

/**
 * Checks what a model is made of before any of it is made.
 *
 * @returns the options
 * @throws DeviceError, UsageError, ShapeError that name the argument and what it wants
 */
export function checkedOptions<T extends object>(
  op: string,
  [device, random, image]: readonly [Device, HostRandom, ImageShape],
  options: T,
  rules: OptionRules<T>,
): T {
  checkLayer(op, device, random);
  const wanted = "an object { height, width, channels }";
  if (typeof image !== "object" || image === null || Array.isArray(image))
    throw new UsageError(`${op}: ${isNot("image", image, wanted)}`);
  for (const name of ["height", "width", "channels"] as const)
    checkWhole(op, `image.${name}`, image[name]);
  checkOptions(op, options, rules);
  return options;
}

/** @throws UsageError for a name that is none of those known */
export function checkName(op: string, what: string, name: string, known: readonly string[]): void {
  if (!known.includes(name))
    throw new UsageError(
      `${op}: unknown ${what} "${name}"${didYouMean(name, known) || `, wanted ${known.join(", ")}`}`,
    );
}

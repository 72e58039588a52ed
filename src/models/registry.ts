import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { ImageShape, Model } from "./model.ts";
import type { Setting, Settings } from "./settings.ts";
import { didYouMean } from "./suggest.ts";
import { Vae } from "./vae.ts";

/** A model as the command line knows it. */
export interface ModelEntry {
  readonly name: string;
  readonly summary: string;
  /** Where it was published. */
  readonly source: string;
  readonly settings: Record<string, Setting>;
}

/** A model as it is built. */
export interface ModelDefinition extends ModelEntry {
  build(device: Device, random: HostRandom, image: ImageShape, settings: Settings): Model;
}

/** The models that can be trained. */
export const models: readonly ModelDefinition[] = [
  {
    name: "vae",
    summary: "variational autoencoder with Bernoulli pixels and a weight β on the KL term",
    source: "Kingma and Welling 2014; Higgins et al. 2017 for β",
    settings: {
      network: {
        type: "choice",
        default: "conv",
        choices: ["conv", "dense"],
        help: "conv: two strided convolutions each way; dense: one hidden layer of 400",
      },
      latent: { type: "integer", default: "2", min: 1, max: 1024, help: "latent dimensions" },
      beta: { type: "number", default: "1", min: 0, max: 1e6, help: "weight of the KL term" },
      width: {
        type: "number",
        default: "1",
        min: 0.01,
        max: 16,
        help: "factor on the filters, or on the hidden units of dense",
      },
      "learning-rate": { type: "number", default: "0.001", min: 0, max: 1e9, help: "Adam's step" },
    },
    build: (device, random, image, settings) =>
      new Vae(device, random, image, {
        network: settings.text("network") === "dense" ? "dense" : "conv",
        latent: settings.number("latent"),
        beta: settings.number("beta"),
        width: settings.number("width"),
      }),
  },
];

/** The model of that name. Throws UsageError with the nearest name and the list. */
export function findModel<T extends ModelEntry>(name: string, among: readonly T[]): T {
  const found = among.find((entry) => entry.name === name);
  if (found) return found;
  const names = among.map((entry) => entry.name);
  throw new UsageError(
    `unknown model "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
  );
}

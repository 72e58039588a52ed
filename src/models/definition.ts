import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { choiceSetting, numberSetting, type Setting, wholeSetting } from "../settings/setting.ts";
import type { Settings } from "../settings/settings.ts";
import type { AutoencoderOptions } from "./autoencoder.ts";
import { type LikelihoodName, likelihoods } from "./likelihoods.ts";
import type { ImageShape, Model } from "./model.ts";
import { type NetworkName, networks } from "./networks.ts";
import type { VaeOptions } from "./vae.ts";

/** A model as the command line knows it. */
export interface ModelEntry {
  readonly name: string;
  readonly summary: string;
  /** Where it was published. */
  readonly source: string;
  readonly settings: Record<string, Setting>;
  /** It learns from the classes of the images. */
  readonly labels?: true;
}

/** What a model is built for: images of a size, in so many classes. */
export interface DataShape extends ImageShape {
  readonly classes: number;
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes?: Readonly<Record<string, number>>;
  /** Images that it is or was trained on, where that is known. */
  readonly images?: number;
}

/** A model as it is built. */
export interface ModelDefinition extends ModelEntry {
  /**
   * How the terms are to be read that are evaluated, by name: unit, what is summed, whether a code is drawn.
   * A setting's name in braces stands for its value.
   */
  readonly notes: Readonly<Record<string, string>>;
  /** What −(reconstruction + kl) is an estimate of a lower bound of, if of anything. */
  readonly bound?: string;
  /** Its loss compares the images of a batch, so that there must be two. */
  readonly pairs?: true;
  build(device: Device, random: HostRandom, data: DataShape, settings: Settings): Model;
}

/** The network, the default first. */
export function networkSetting(...names: readonly NetworkName[]): Setting {
  return choiceSetting(names, names.map((name) => `${name}: ${networks[name]}`).join("; "));
}

/** Latent dimensions that a model can have. */
export const MOST_LATENT = 1024;

export function latentSetting(byDefault: number): Setting {
  return wholeSetting(byDefault, [1, MOST_LATENT], "latent dimensions");
}

export function rateSetting(byDefault: number, help = "Adam's learning rate"): Setting {
  return numberSetting(byDefault, [0, 1e9], help);
}

/** Settings of the VAE and its relatives. */
export const vaeSettings = {
  network: networkSetting("conv", "dense", "mlp", "two-stage", "wae"),
  latent: latentSetting(2),
  beta: numberSetting(1, [0, 1e6], "weight of the KL term"),
  width: numberSetting(1, [0.01, 16], "factor on the filters and hidden units"),
  likelihood: choiceSetting(
    likelihoods,
    "of pixels: bernoulli; gaussian: normal of variance 1; learned: normal, one variance is learned; auto: bernoulli for images, gaussian for vectors",
  ),
  "learning-rate": rateSetting(1e-3),
};

/** The same for the VAE's relatives: the dense network with 20 latent dimensions of the K-Means and λ-Hot VAEs' source. */
export const relativeSettings = {
  ...vaeSettings,
  network: networkSetting("dense", "conv", "mlp", "two-stage", "wae"),
  latent: latentSetting(20),
};

/** How the terms of the VAE are to be read. */
export const vaeNotes = {
  loss: "nats per sample, reconstruction + {beta} · kl; one draw of z an image",
  reconstruction: "nats per sample, summed over pixels; one draw of z an image",
  kl: "nats per sample, summed over latent dimensions",
};

/** The same of an autoencoder with p(x|z), and of one that sums squared errors: neither draws codes. */
export const autoencoderNotes = {
  loss: "nats per sample, the reconstruction",
  reconstruction: "nats per sample, summed over pixels",
};
export const squaresNote = "squared error, summed over pixels";

/** What the settings say that every autoencoder has. */
export function autoencoderOptions(
  settings: Settings,
): Required<Omit<AutoencoderOptions, "likelihood">> {
  return {
    network: settings.text("network") as NetworkName,
    latent: settings.number("latent"),
    width: settings.number("width"),
    learningRate: settings.number("learning-rate"),
  };
}

/** What `vaeSettings` say. */
export function vaeOptions(settings: Settings): Required<VaeOptions> {
  return {
    ...autoencoderOptions(settings),
    beta: settings.number("beta"),
    likelihood: settings.text("likelihood") as LikelihoodName,
  };
}

import { choiceSetting, defineSettings, numberSetting, wholeSetting } from "../settings/setting.ts";
import { likelihoods } from "./likelihoods.ts";
import { type NetworkName, networks } from "./networks.ts";

/** Latent dimensions that a model can have. */
export const MOST_LATENT = 1024;

/** The network, the default first. */
export function networkSetting<const T extends NetworkName>(...names: readonly T[]) {
  return choiceSetting(names, names.map((name) => `${name}: ${networks[name]}`).join("; "));
}

/** Latent dimensions. */
export function latentSetting(byDefault: number) {
  return wholeSetting(byDefault, [1, MOST_LATENT], "latent dimensions");
}

/** Factor on the sizes of the networks; 1 is as published. */
export function widthSetting(on = "the filters and hidden units") {
  return numberSetting(1, [0.01, 16], `factor on ${on}`);
}

/** A learning rate. */
export function rateSetting(byDefault: number, help = "Adam's learning rate") {
  return numberSetting(byDefault, [0, 1e9], help);
}

/** p(x|z). */
export function likelihoodSetting(byDefault: (typeof likelihoods)[number] = "auto") {
  return choiceSetting(
    likelihoods,
    "of pixels: bernoulli; gaussian: normal of variance 1; learned: normal, one variance is learned; auto: bernoulli for images, gaussian for vectors",
    byDefault,
  );
}

/** Settings of the VAE and its relatives. */
export const vaeSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("conv", "dense", "mlp", "two-stage", "wae"),
  latent: latentSetting(2),
  beta: numberSetting(1, [0, 1e6], "weight of the KL term"),
  width: widthSetting(),
  likelihood: likelihoodSetting(),
  learningRate: rateSetting(1e-3),
}));

/** The same for the VAE's relatives: the dense network with 20 latent dimensions of the K-Means and λ-Hot VAEs' source. */
export const relativeSettings = /* @__PURE__ */ defineSettings(() => ({
  ...vaeSettings,
  network: networkSetting("dense", "conv", "mlp", "two-stage", "wae"),
  latent: latentSetting(20),
}));

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

import { add } from "../autograd/ops/elementwise.ts";
import { randomNormal } from "../autograd/ops/random.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { defineSettings, type SettingsOptions, type SettingsValues } from "../settings/setting.ts";
import { Autoencoder } from "./autoencoder.ts";
import {
  autoencoderNotes,
  latentSetting,
  networkSetting,
  rateSetting,
  widthSetting,
} from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { madeLoss, realLoss } from "./losses.ts";
import { type ImageShape, parametersOf, type Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";

const aaeSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("conv", "dense", "two-stage", "wae"),
  latent: latentSetting(8),
  width: widthSetting(),
  learningRate: rateSetting(1e-3, "Adam's learning rate of the reconstruction"),
  adversarialRate: rateSetting(5e-4, "Adam's learning rate of discriminator and generator"),
}));

/**
 * Each setting of an adversarial autoencoder: its default, what it may be, and what it does.
 *
 * @interface
 */
export type AaeSettings = typeof aaeSettings;

/** What can be set of an adversarial autoencoder; `latentgrad models aae` lists it with the defaults. */
export type AaeOptions = SettingsOptions<AaeSettings>;

/** Hidden units of each of the discriminator's two layers, before the factor `width`. */
const DISCRIMINATOR_UNITS = 1000;

/**
 * Adversarial autoencoder (Makhzani et al. 2016): a discriminator on codes makes the codes of all images
 * look like draws of N(0, I). A step, in the paper's order: the reconstruction phase lowers −ln p(x|z); then
 * the regularisation phase, first the discriminator, then the encoder against it.
 */
export class AdversarialAutoencoder extends Autoencoder {
  static override get description(): ModelDescription<AaeSettings> {
    return {
      name: "aae",
      summary: "adversarial autoencoder: a discriminator matches codes and prior",
      source: "Makhzani et al. 2016",
      settings: aaeSettings,
      notes: autoencoderNotes,
    };
  }

  declare readonly settings: SettingsValues<AaeSettings>;
  /** Codes → a logit that tells draws from the prior from codes of images. */
  readonly discriminator: DenseCritic;

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: AaeOptions = {}) {
    super(device, random, image, settings);
    const { latent, width } = this.settings;
    const units = scaled(DISCRIMINATOR_UNITS, width);
    this.discriminator = new DenseCritic(device, random, latent, [units, units]);
  }

  override updates(): readonly Update[] {
    const { adversarialRate: rate } = this.settings;
    const setting = "adversarialRate";
    const adversarial = { rule: { kind: "adam", beta1: 0.5 }, rate, setting } as const;
    return [
      {
        name: "autoencoder",
        parameters: parametersOf(this, "encoder", "head", "decoder"),
        rule: { kind: "adam" },
        rate: this.rate,
        terms: (batch, key) => this.terms(batch, key),
      },
      {
        ...adversarial,
        name: "discriminator",
        parameters: parametersOf(this, "discriminator"),
        terms: (batch, key) => {
          const made = stopGradient(this.encode(batch));
          const drawn = randomNormal(this.device, made.shape, key);
          const told = realLoss(this.discriminator.forward(drawn));
          return { loss: add(told, madeLoss(this.discriminator.forward(made))) };
        },
      },
      {
        ...adversarial,
        name: "generator",
        parameters: parametersOf(this, "encoder", "head"),
        terms: (batch) => ({ loss: realLoss(this.discriminator.forward(this.encode(batch))) }),
      },
    ];
  }
}

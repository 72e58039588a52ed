import { add } from "../autograd/ops/elementwise.ts";
import { randomNormal } from "../autograd/ops/random.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { numberSetting } from "../settings/setting.ts";
import { autoencoderRules, checkedOptions } from "./arguments.ts";
import { Autoencoder, type AutoencoderOptions } from "./autoencoder.ts";
import {
  autoencoderNotes,
  autoencoderOptions,
  latentSetting,
  type ModelDefinition,
  networkSetting,
  rateSetting,
} from "./definition.ts";
import { madeLoss, realLoss } from "./losses.ts";
import { type ImageShape, parametersOf, type Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";

export interface AaeOptions extends AutoencoderOptions {
  /** Hidden units of the discriminator's two layers. */
  readonly discriminatorUnits: number;
  /** Of the discriminator's and the encoder's adversarial update. */
  readonly adversarialRate: number;
}

const optionRules: OptionRules<AaeOptions> = {
  ...autoencoderRules,
  discriminatorUnits: "number",
  adversarialRate: "number",
};

/**
 * Adversarial autoencoder (Makhzani et al. 2016): a discriminator on codes makes the codes of all images
 * look like draws of N(0, I). A step, in the paper's order: the reconstruction phase lowers −ln p(x|z); then
 * the regularisation phase, first the discriminator, then the encoder against it.
 */
export class AdversarialAutoencoder extends Autoencoder {
  readonly discriminator: DenseCritic;
  private readonly adversarialRate: number;

  constructor(device: Device, random: HostRandom, image: ImageShape, options: AaeOptions) {
    super(
      device,
      random,
      image,
      checkedOptions("aae", [device, random, image], options, optionRules),
    );
    const { discriminatorUnits: units, adversarialRate, latent } = options;
    this.discriminator = new DenseCritic(device, random, latent, [units, units]);
    this.adversarialRate = adversarialRate;
  }

  override updates(): readonly Update[] {
    const adversarial = { rule: { kind: "adam", beta1: 0.5 }, rate: this.adversarialRate } as const;
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

export const aae: ModelDefinition = {
  name: "aae",
  summary: "adversarial autoencoder: a discriminator matches codes and prior",
  source: "Makhzani et al. 2016",
  settings: {
    network: networkSetting("conv", "dense", "two-stage", "wae"),
    latent: latentSetting(8),
    width: numberSetting(1, [0.01, 16], "factor on the filters and hidden units"),
    "learning-rate": rateSetting(1e-3, "Adam's learning rate of the reconstruction"),
    "adversarial-rate": rateSetting(5e-4, "Adam's learning rate of discriminator and generator"),
  },
  notes: autoencoderNotes,
  build: (device, random, data, settings) =>
    new AdversarialAutoencoder(device, random, data, {
      ...autoencoderOptions(settings),
      adversarialRate: settings.number("adversarial-rate"),
      discriminatorUnits: scaled(1000, settings.number("width")),
    }),
};

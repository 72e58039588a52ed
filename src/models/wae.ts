import { add, mul } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { numberSetting } from "../settings/setting.ts";
import type { Settings } from "../settings/settings.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { autoencoderRules, checkedOptions } from "./arguments.ts";
import { Autoencoder, type AutoencoderOptions } from "./autoencoder.ts";
import {
  autoencoderOptions,
  latentSetting,
  type ModelDefinition,
  networkSetting,
  rateSetting,
  squaresNote,
} from "./definition.ts";
import { squaredError } from "./likelihoods.ts";
import { forEach, imqMmd, madeLoss, realLoss } from "./losses.ts";
import { type ImageShape, type LossTerms, parametersOf, type Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";

export interface WaeOptions extends AutoencoderOptions {
  /** λ: weight of the penalty. */
  readonly lambda: number;
}

const mmdRules: OptionRules<WaeOptions> = { ...autoencoderRules, lambda: "number" };

/** Weight of the squared errors in the authors' code. */
const COST = 0.05;

/**
 * What both WAEs share (Tolstikhin et al. 2018): 0.05·‖x − G(Q(x))‖² + λ·penalty, a deterministic encoder. The
 * authors' pretraining of the encoder, which brings its codes' mean and covariance to the prior's, is left out.
 */
abstract class Wae extends Autoencoder {
  protected readonly lambda: number;

  constructor(device: Device, random: HostRandom, image: ImageShape, options: WaeOptions) {
    super(device, random, image, { ...options, likelihood: "gaussian" });
    this.lambda = options.lambda;
  }

  /** How far the codes are from the prior: [batch]. */
  protected abstract penalty(z: Tensor, key: RandomKey): Tensor;

  override terms(batch: Batch, key: RandomKey): LossTerms {
    const z = this.encode(batch);
    const reconstruction = squaredError(this.decode(z), batch.x);
    const penalty = this.penalty(z, key);
    const loss = add(mul(reconstruction, COST), mul(penalty, this.lambda));
    return { loss, reconstruction, penalty };
  }

  protected mainUpdate(): Update {
    return {
      name: "autoencoder",
      parameters: parametersOf(this, "encoder", "head", "decoder"),
      rule: { kind: "adam", beta1: 0.5 },
      rate: this.rate,
      terms: (batch, key) => this.terms(batch, key),
    };
  }
}

/** WAE-MMD: the penalty is the maximum mean discrepancy of the batch's codes and draws of the prior. */
export class WaeMmd extends Wae {
  constructor(device: Device, random: HostRandom, image: ImageShape, options: WaeOptions) {
    super(
      device,
      random,
      image,
      checkedOptions("waeMmd", [device, random, image], options, mmdRules),
    );
  }

  protected override penalty(z: Tensor, key: RandomKey): Tensor {
    return forEach(imqMmd(z, randomNormal(this.device, z.shape, key)), z.shape[0] ?? 1);
  }

  override updates(): readonly Update[] {
    return [this.mainUpdate()];
  }
}

export interface WaeGanOptions extends WaeOptions {
  /** Hidden units of each of the critic's four layers. */
  readonly criticUnits: number;
  readonly criticRate: number;
}

const ganRules: OptionRules<WaeGanOptions> = {
  ...mmdRules,
  criticUnits: "number",
  criticRate: "number",
};

/**
 * WAE-GAN: a critic tells codes from draws of the prior; the penalty is −ln σ(D(z)), what the encoder pays
 * when its codes are told apart. A step: the autoencoder's loss, then the critic's binary cross-entropy.
 */
export class WaeGan extends Wae {
  readonly critic: DenseCritic;
  private readonly criticRate: number;

  constructor(device: Device, random: HostRandom, image: ImageShape, options: WaeGanOptions) {
    super(
      device,
      random,
      image,
      checkedOptions("waeGan", [device, random, image], options, ganRules),
    );
    const units = Array.from({ length: 4 }, () => options.criticUnits);
    this.critic = new DenseCritic(device, random, options.latent, units);
    this.criticRate = options.criticRate;
  }

  protected override penalty(z: Tensor, _key: RandomKey): Tensor {
    return realLoss(this.critic.forward(z));
  }

  override updates(): readonly Update[] {
    const critic: Update = {
      name: "critic",
      parameters: parametersOf(this, "critic"),
      rule: { kind: "adam", beta1: 0.5 },
      rate: this.criticRate,
      terms: (batch, key) => {
        const made = stopGradient(this.encode(batch));
        const drawn = randomNormal(this.device, made.shape, key);
        const told = realLoss(this.critic.forward(drawn));
        return { loss: add(told, madeLoss(this.critic.forward(made))) };
      },
    };
    return [this.mainUpdate(), critic];
  }
}

const settings = {
  network: networkSetting("conv", "wae", "two-stage", "dense"),
  latent: latentSetting(8),
  width: numberSetting(1, [0.01, 16], "factor on the filters and hidden units"),
  lambda: numberSetting(10, [0, 1e9], "λ: weight of the penalty"),
  "learning-rate": rateSetting(1e-3),
};

const waeNotes = {
  loss: `${COST} · reconstruction + {lambda} · penalty`,
  reconstruction: squaresNote,
};

function waeOptions(settings: Settings): WaeOptions {
  return { ...autoencoderOptions(settings), lambda: settings.number("lambda") };
}

export const waeMmd: ModelDefinition = {
  name: "wae-mmd",
  summary: "Wasserstein autoencoder with a maximum mean discrepancy penalty",
  source: "Tolstikhin et al. 2018",
  settings,
  notes: {
    ...waeNotes,
    penalty: "discrepancy of a batch of codes and as many draws of the prior, no unit",
  },
  pairs: true,
  build: (device, random, data, given) => new WaeMmd(device, random, data, waeOptions(given)),
};

export const waeGan: ModelDefinition = {
  name: "wae-gan",
  summary: "Wasserstein autoencoder with an adversary on the latent codes",
  source: "Tolstikhin et al. 2018",
  settings: {
    ...settings,
    network: networkSetting("dense", "conv", "wae", "two-stage"),
    lambda: { ...settings.lambda, default: "1" },
    "critic-rate": rateSetting(5e-4, "Adam's learning rate of the critic"),
  },
  notes: { ...waeNotes, penalty: 'nats per sample, −ln of the critic\'s "a draw of the prior"' },
  build: (device, random, data, given) =>
    new WaeGan(device, random, data, {
      ...waeOptions(given),
      criticUnits: scaled(512, given.number("width")),
      criticRate: given.number("critic-rate"),
    }),
};

import { add, mul } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import {
  defineSettings,
  numberSetting,
  type SettingsOptions,
  type SettingsValues,
} from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Autoencoder } from "./autoencoder.ts";
import {
  latentSetting,
  networkSetting,
  rateSetting,
  squaresNote,
  widthSetting,
} from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { squaredError } from "./likelihoods.ts";
import { broadcastToBatch, imqMmd, madeLoss, realLoss } from "./losses.ts";
import { type ImageShape, type LossTerms, parametersOf, type Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";

const waeMmdSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("conv", "wae", "two-stage", "dense"),
  latent: latentSetting(8),
  width: widthSetting(),
  lambda: penaltySetting(10),
  learningRate: rateSetting(1e-3),
}));

const waeGanSettings = /* @__PURE__ */ defineSettings(() => ({
  ...waeMmdSettings,
  network: networkSetting("dense", "conv", "wae", "two-stage"),
  lambda: penaltySetting(1),
  criticRate: rateSetting(5e-4, "Adam's learning rate of the critic"),
}));

/**
 * Each setting of a WAE-MMD: its default, what it may be, and what it does.
 *
 * @interface
 */
export type WaeMmdSettings = typeof waeMmdSettings;

/** What can be set of a WAE-MMD; `latentgrad models wae-mmd` lists it with the defaults. */
export type WaeMmdOptions = SettingsOptions<WaeMmdSettings>;

/**
 * Each setting of a WAE-GAN: its default, what it may be, and what it does.
 *
 * @interface
 */
export type WaeGanSettings = typeof waeGanSettings;

/** What can be set of a WAE-GAN; `latentgrad models wae-gan` lists it with the defaults. */
export type WaeGanOptions = SettingsOptions<WaeGanSettings>;

function penaltySetting(byDefault: number) {
  return numberSetting(byDefault, [0, 1e9], "λ: weight of the penalty");
}

/** Hidden units of each of the critic's four layers, before the factor `width`. */
const CRITIC_UNITS = 512;

/** Weight of the squared errors in the authors' code. */
const COST = 0.05;

/** How the terms of both are to be read. */
function notesWith(penalty: string): ModelDescription["notes"] {
  return {
    loss: `${COST} · reconstruction + {lambda} · penalty`,
    reconstruction: squaresNote,
    penalty,
  };
}

/**
 * What both WAEs share (Tolstikhin et al. 2018): 0.05·‖x − G(Q(x))‖² + λ·penalty, a deterministic encoder. The
 * authors' pretraining of the encoder, which brings its codes' mean and covariance to the prior's, is left out.
 */
abstract class Wae extends Autoencoder {
  declare readonly settings: SettingsValues<WaeMmdSettings>;

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: WaeMmdOptions) {
    super(device, random, image, settings, "gaussian");
  }

  /** How far the codes are from the prior: [batch]. */
  protected abstract penalty(z: Tensor, key: RandomKey): Tensor;

  override terms(batch: Batch, key: RandomKey): LossTerms {
    const z = this.encode(batch);
    const reconstruction = squaredError(this.decode(z), batch.x);
    const penalty = this.penalty(z, key);
    const loss = add(mul(reconstruction, COST), mul(penalty, this.settings.lambda));
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
  static override get description(): ModelDescription<WaeMmdSettings> {
    return {
      name: "wae-mmd",
      summary: "Wasserstein autoencoder with a maximum mean discrepancy penalty",
      source: "Tolstikhin et al. 2018",
      settings: waeMmdSettings,
      notes: notesWith("discrepancy of a batch of codes and as many draws of the prior, no unit"),
      pairs: true,
    };
  }

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: WaeMmdOptions = {}) {
    super(device, random, image, settings);
  }

  protected override penalty(z: Tensor, key: RandomKey): Tensor {
    return broadcastToBatch(imqMmd(z, randomNormal(this.device, z.shape, key)), z.shape[0] ?? 1);
  }

  /** One update of encoder and decoder: reconstruction and λ times the penalty. */
  override updates(): readonly Update[] {
    return [this.mainUpdate()];
  }
}

/**
 * WAE-GAN: a critic tells codes from draws of the prior; the penalty is −ln σ(D(z)), what the encoder pays
 * when its codes are told apart. A step: the autoencoder's loss, then the critic's binary cross-entropy.
 */
export class WaeGan extends Wae {
  static override get description(): ModelDescription<WaeGanSettings> {
    return {
      name: "wae-gan",
      summary: "Wasserstein autoencoder with an adversary on the latent codes",
      source: "Tolstikhin et al. 2018",
      settings: waeGanSettings,
      notes: notesWith('nats per sample, −ln of the critic\'s "a draw of the prior"'),
    };
  }

  declare readonly settings: SettingsValues<WaeGanSettings>;
  /** Codes → the logit of being a draw from the prior. */
  readonly critic: DenseCritic;

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: WaeGanOptions = {}) {
    super(device, random, image, settings);
    const { latent, width } = this.settings;
    const units = Array.from({ length: 4 }, () => scaled(CRITIC_UNITS, width));
    this.critic = new DenseCritic(device, random, latent, units);
  }

  protected override penalty(z: Tensor, _key: RandomKey): Tensor {
    return realLoss(this.critic.forward(z));
  }

  /** An update of encoder and decoder, then one of the critic, which tells codes from draws of the prior. */
  override updates(): readonly Update[] {
    const critic: Update = {
      name: "critic",
      parameters: parametersOf(this, "critic"),
      rule: { kind: "adam", beta1: 0.5 },
      rate: this.settings.criticRate,
      setting: "criticRate",
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

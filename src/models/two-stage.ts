import { add, exp, mul, sub } from "../autograd/ops/elementwise.ts";
import { concat } from "../autograd/ops/join.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { split } from "../autograd/ops/shape.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import {
  defineSettings,
  numberSetting,
  type SettingsOptions,
  type SettingsValues,
} from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  latentSetting,
  likelihoodSetting,
  networkSetting,
  vaeNotes,
  vaeSettings,
} from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { Gaussian } from "./likelihoods.ts";
import { entropyOfNormal, klToStandardNormal, reparameterise } from "./losses.ts";
import { evaluating, type ImageShape, type LossTerms, type Prior, type Update } from "./model.ts";
import { hiddenLayers, scaled } from "./networks.ts";
import { Vae } from "./vae.ts";

const twoStageSettings = /* @__PURE__ */ defineSettings(() => ({
  ...vaeSettings,
  network: networkSetting("two-stage", "conv", "dense", "mlp"),
  latent: latentSetting(64),
  likelihood: likelihoodSetting("learned"),
  first: numberSetting(0.333, [0, 1], "share of the epochs that go to the first stage"),
}));

/**
 * Each setting of a 2-Stage VAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type TwoStageSettings = typeof twoStageSettings;

/** What can be set of a 2-Stage VAE; `latentgrad models two-stage` lists it with the defaults. */
export type TwoStageOptions = SettingsOptions<TwoStageSettings>;

/** Hidden units of each of the second stage's layers, before the factor `width`. */
const UNITS = 1024;

/**
 * 2-Stage VAE (Dai and Wipf 2019): a VAE with a learned variance of the pixels, then a second VAE, with as many
 * latent dimensions, on the codes that the first one draws. Where the first stage's codes do not look like
 * N(0, I), the second stage learns how they look. To sample: u from N(0, I), the second stage's decoder,
 * the first stage's decoder.
 *
 * The first stage is trained alone for a share of the epochs, then stays as it is while the second is trained.
 */
export class TwoStageVae extends Vae {
  static override get description(): ModelDescription<TwoStageSettings> {
    return {
      name: "two-stage",
      summary: "2-Stage VAE: a second VAE models the latent codes of the first",
      source: "Dai and Wipf 2019",
      settings: twoStageSettings,
      notes: {
        ...vaeNotes,
        loss: "nats per sample, reconstruction + {beta} · kl + second-reconstruction + second-kl; one draw of z and of u an image",
        "second-reconstruction":
          "nats per sample, of the code z, summed over its dimensions; one draw of z and of u an image",
        "second-kl": "nats per sample, summed over the dimensions of u; one draw of z an image",
        bound:
          "nats per sample, at least −ln p(x) of the model that samples, u to z to x: reconstruction − ½ Σ (1 + ln 2π + ln σ²) + second-reconstruction + second-kl; one draw of z and of u an image",
      },
      bound: "ln p(x) of the first stage with the prior N(0, I), from which nothing is drawn",
    };
  }

  declare readonly settings: SettingsValues<TwoStageSettings>;
  /** The VAE of the codes, which is trained behind the other. */
  readonly second: CodeVae;
  /** First images, then codes. */
  readonly stages = 2;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: TwoStageOptions = {},
  ) {
    super(device, random, image, settings);
    const { latent, width } = this.settings;
    this.second = new CodeVae(device, random, latent, scaled(UNITS, width));
  }

  /** The stage, 0 or 1, of an epoch from 1. Each has one epoch at least, if there are two. */
  stageAt(epoch: number, epochs: number): number {
    const last = Math.max(1, Math.min(epochs - 1, Math.round(this.settings.first * epochs)));
    return epoch <= last ? 0 : 1;
  }

  /** The second stage's decoder of normal noise: it has learned how the first stage's codes are spread. */
  get prior(): Prior {
    const { latent } = this;
    return {
      noise: 2 * latent,
      draw: (normal) => {
        const [u, epsilon] = split(normal, 1, [latent, latent]) as [Tensor, Tensor];
        return this.second.sample(u, epsilon);
      },
    };
  }

  /**
   * Both stages' terms, and `bound`: at least −ln p(x) of the model that samples, p(u)·p₂(z|u)·p₁(x|z), which
   * is reconstruction − H(q(z|x)) + second-reconstruction + second-kl, H the entropy of the first posterior.
   * The first stage's prior N(0, I) is no part of that model, nor `kl` of its bound.
   */
  override terms(batch: Batch, key: RandomKey): LossTerms {
    const posterior = this.posterior(batch);
    const z = this.drawFrom(posterior, key);
    const first = this.lossOf(batch, posterior, z, key);
    const { loss, reconstruction, kl } = this.second.terms(stopGradient(z), next(key));
    const entropy = entropyOfNormal(posterior.logVariance);
    return {
      ...first,
      loss: add(first.loss, loss),
      "second-reconstruction": reconstruction as Tensor,
      "second-kl": kl as Tensor,
      bound: add(sub(first.reconstruction as Tensor, entropy), loss),
    };
  }

  override updates(): readonly Update[] {
    const all = this.parameters();
    const { learningRate: rate } = this.settings;
    const inSecond = ({ name }: { readonly name: string }) => name.startsWith("second.");
    return [
      {
        name: "first",
        parameters: all.filter((p) => !inSecond(p)),
        rule: { kind: "adam" },
        rate,
        terms: (batch, key) => super.terms(batch, key),
      },
      {
        name: "second",
        stage: 1,
        parameters: all.filter(inSecond),
        rule: { kind: "adam" },
        rate,
        terms: (batch, key) => {
          const { loss, reconstruction, kl } = this.secondTerms(batch, key);
          return {
            loss,
            "second-reconstruction": reconstruction as Tensor,
            "second-kl": kl as Tensor,
          };
        },
      },
    ];
  }

  /** The second stage sees the first as it is when it is used: with batch norm's running statistics. */
  private secondTerms(batch: Batch, key: RandomKey): LossTerms {
    const posterior = evaluating(this, () => this.posterior(batch));
    const z = stopGradient(this.drawFrom(posterior, key));
    return this.second.terms(z, next(key));
  }
}

/** Random numbers for u beside those for z. */
const next = (key: RandomKey): RandomKey => ({ ...key, stream: key.stream + 1 });

/** The second stage: a VAE on codes; three dense layers each way, whose input joins the last of them. */
export class CodeVae extends Module {
  readonly encoder: Sequential;
  readonly head: Linear;
  readonly decoder: Sequential;
  readonly output: Linear;
  /** @internal */
  readonly likelihood: Gaussian;

  constructor(
    private readonly device: Device,
    random: HostRandom,
    private readonly latent: number,
    hidden: number,
  ) {
    super();
    const units = [hidden, hidden, hidden];
    this.encoder = new Sequential(...hiddenLayers(device, random, latent, units));
    this.head = new Linear(device, random, hidden + latent, 2 * latent);
    this.decoder = new Sequential(...hiddenLayers(device, random, latent, units));
    this.output = new Linear(device, random, hidden + latent, latent);
    this.likelihood = new Gaussian(device, false, true);
  }

  /** The codes that u decodes to, without their noise. [batch, latent] → the same */
  override forward(u: Tensor): Tensor {
    return this.output.forward(concat([this.decoder.forward(u), u], 1));
  }

  /** A draw of z given u. epsilon: standard normal, of z's shape */
  sample(u: Tensor, epsilon: Tensor): Tensor {
    return add(this.forward(u), mul(epsilon, exp(this.likelihood.logGamma as Tensor)));
  }

  /** Loss terms on codes of the first stage, z: [batch, latent]: nats per sample, [batch] each. */
  terms(z: Tensor, key: RandomKey): LossTerms {
    const { latent, device } = this;
    const both = this.head.forward(concat([this.encoder.forward(z), z], 1));
    const [mean, logVariance] = split(both, 1, [latent, latent]) as [Tensor, Tensor];
    const u = reparameterise(mean, logVariance, randomNormal(device, mean.shape, key));
    const reconstruction = this.likelihood.nll(this.forward(u), z);
    const kl = klToStandardNormal(mean, logVariance);
    return { loss: add(reconstruction, kl), reconstruction, kl };
  }
}

import { add, mul, neg, sub } from "../autograd/ops/elementwise.ts";
import { gather } from "../autograd/ops/indexing.ts";
import { type RandomKey, randomNormal, randomUniform } from "../autograd/ops/random.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { Conv2d } from "../nn/convolution.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Flatten, ReLU, Sequential } from "../nn/sequential.ts";
import { defineSettings, type SettingsOptions, type SettingsValues } from "../settings/setting.ts";
import { variable } from "../tensor/create.ts";
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
import { gradientPenalty } from "./gradient-penalty.ts";
import { squaredError } from "./likelihoods.ts";
import { type ImageShape, type LossTerms, type Prior, parametersOf, type Update } from "./model.ts";
import { DenseCritic, hiddenLayers, scaled } from "./networks.ts";

const flexAeSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("flex", "conv", "dense", "two-stage"),
  latent: latentSetting(32),
  width: widthSetting("filters and hidden units, also of the critics"),
  learningRate: rateSetting(2e-4, "Adam's learning rate of the autoencoder, and of the smoothing"),
  generatorRate: rateSetting(2e-4, "Adam's learning rate of the prior's generator"),
  encoderRate: rateSetting(1e-5, "Adam's learning rate of the encoder against the critic"),
  criticRate: rateSetting(1e-4, "Adam's learning rate of the latent critic"),
}));

/**
 * Each setting of a FlexAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type FlexAeSettings = typeof flexAeSettings;

/** What can be set of a FlexAE; `latentgrad models flex-ae` lists it with the defaults. */
export type FlexAeOptions = SettingsOptions<FlexAeSettings>;

const CRITIC_STEPS = 5;
const PENALTY = 10;

/**
 * FlexAE (Mondal et al. 2021): the prior is learned, too. A generator turns noise into codes; a latent critic
 * with gradient penalty measures how far these are from the encoder's, and both generator and encoder lower
 * that distance. A step, with Adam:
 *
 * 1. autoencoder: Σ (x − y)² over the pixels
 * 2. latent critic, five times: D(G(n)) − D(E(x)) + 10·(‖∇D‖ − 1)²
 * 3. `FlexAeSr` only: what smooths interpolations
 * 4. generator: −D(G(n))
 * 5. encoder: D(E(x))
 */
export class FlexAe extends Autoencoder {
  static override get description(): ModelDescription<FlexAeSettings> {
    return {
      name: "flex-ae",
      summary: "autoencoder with a learned prior and a critic on the latent codes",
      source: "Mondal et al. 2021 (FlexAE)",
      settings: flexAeSettings,
      notes: { loss: squaresNote, reconstruction: squaresNote },
    };
  }

  declare readonly settings: SettingsValues<FlexAeSettings>;
  /** Noise → code. */
  readonly generator: Sequential;
  /** Codes → a score that tells those of images from the generator's. */
  readonly critic: DenseCritic;

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: FlexAeOptions = {}) {
    super(device, random, image, settings, "gaussian");
    const { latent, width } = this.settings;
    const units = Array.from({ length: 4 }, () => scaled(1024, width));
    this.generator = new Sequential(
      ...hiddenLayers(device, random, latent, units),
      new Linear(device, random, units[3] as number, latent),
    );
    this.critic = new DenseCritic(device, random, latent, units);
  }

  /** What the generator makes of normal noise. */
  get prior(): Prior {
    return { noise: this.latent, draw: (normal) => this.generator.forward(normal) };
  }

  override terms(batch: Batch, _key: RandomKey): LossTerms {
    const reconstruction = squaredError(this.decode(this.encode(batch)), batch.x);
    return { loss: reconstruction, reconstruction };
  }

  override updates(): readonly Update[] {
    const of = (...parts: string[]) => parametersOf(this, ...parts);
    const { generatorRate, encoderRate, criticRate } = this.settings;
    const wasserstein = { kind: "adam", beta1: 0, beta2: 0.9 } as const;
    const generated = (batch: Batch, key: RandomKey) =>
      this.generator.forward(randomNormal(this.device, [batch.x.shape[0] ?? 1, this.latent], key));
    return [
      {
        name: "autoencoder",
        parameters: of("encoder", "head", "decoder"),
        rule: { kind: "adam" },
        rate: this.rate,
        terms: (batch, key) => this.terms(batch, key),
      },
      {
        name: "critic",
        parameters: of("critic"),
        rule: wasserstein,
        rate: criticRate,
        setting: "criticRate",
        substeps: CRITIC_STEPS,
        terms: (batch, key) => {
          const made = stopGradient(generated(batch, key));
          const real = stopGradient(this.encode(batch));
          return { loss: wassersteinLoss((z) => this.critic.forward(z), made, real, key) };
        },
      },
      ...this.smoothing(),
      {
        name: "generator",
        parameters: of("generator"),
        rule: wasserstein,
        rate: generatorRate,
        setting: "generatorRate",
        terms: (batch, key) => ({ loss: neg(this.critic.forward(generated(batch, key))) }),
      },
      {
        name: "encoder",
        parameters: of("encoder", "head"),
        rule: wasserstein,
        rate: encoderRate,
        setting: "encoderRate",
        terms: (batch) => ({ loss: this.critic.forward(this.encode(batch)) }),
      },
    ];
  }

  /** Updates between the latent critic's and the generator's. */
  protected smoothing(): readonly Update[] {
    return [];
  }
}

/** D(made) − D(real) + 10·(‖∇D‖ − 1)² between the two: [batch]. */
function wassersteinLoss(
  critic: (x: Tensor) => Tensor,
  made: Tensor,
  real: Tensor,
  key: RandomKey,
): Tensor {
  const between = { ...key, stream: key.stream + 1 };
  const penalty = gradientPenalty(critic, made, real, between);
  return add(sub(critic(made), critic(real)), mul(penalty, PENALTY));
}

/** conv64 and conv128 (4×4, stride 2), dense 1024, one number; no batch norm. Images → [batch]. */
export class ImageCritic extends Sequential {
  constructor(device: Device, random: HostRandom, image: ImageShape, width: number) {
    const half = (n: number) => Math.ceil(n / 2);
    const [first, second, hidden] = [64, 128, 1024].map((n) => scaled(n, width)) as [
      number,
      number,
      number,
    ];
    const block = [half(half(image.height)), half(half(image.width)), second] as const;
    super(
      new Conv2d(device, random, image.channels, first, 4, { stride: 2 }),
      ReLU(),
      new Conv2d(device, random, first, second, 4, { stride: 2 }),
      ReLU(),
      Flatten(),
      new Linear(device, random, block[0] * block[1] * second, hidden, { flattenIn: block }),
      ReLU(),
      new Linear(device, random, hidden, 1),
    );
  }

  /**
   * Images, [batch, height, width, channels] → one number each, [batch], without an activation: higher for what looks real.
   */
  override forward(x: Tensor): Tensor {
    return reshape(super.forward(x), [x.shape[0] ?? 1]);
  }
}

/**
 * FlexAE-SR (Mondal et al. 2021): FlexAE with a critic on images that smooths interpolations. After the latent
 * critic, with Adam: the image critic, five times, between images and decodings of γ·z₁ + (1 − γ)·z₂; then
 * encoder and decoder against it, with the gradient through both codes.
 */
export class FlexAeSr extends FlexAe {
  static override get description(): ModelDescription<FlexAeSettings> {
    return {
      ...FlexAe.description,
      name: "flex-ae-sr",
      summary: "FlexAE with an image critic that regularises interpolations",
      source: "Mondal et al. 2021 (FlexAE-SR)",
    };
  }

  /** Images → a score: higher for real ones than for decoded mixtures of codes. */
  readonly imageCritic: ImageCritic;

  /** @throws UsageError for vectors */
  constructor(device: Device, random: HostRandom, image: ImageShape, settings: FlexAeOptions = {}) {
    super(device, random, image, settings);
    if (image.vectors)
      throw new UsageError("flex-ae-sr: its image critic is for images, not for vectors");
    this.imageCritic = new ImageCritic(device, random, image, this.settings.width);
  }

  /** The image critic's update, and the autoencoder's against it. */
  protected override smoothing(): readonly Update[] {
    const { imageCritic } = this;
    const rule = { kind: "adam", beta1: 0.5, beta2: 0.9 } as const;
    const { rate } = this;
    const between = (batch: Batch, key: RandomKey) =>
      this.decode(this.interpolations(this.encode(batch), key));
    return [
      {
        name: "image-critic",
        parameters: parametersOf(this, "imageCritic"),
        rule,
        rate,
        substeps: CRITIC_STEPS,
        terms: (batch, key) => {
          const made = stopGradient(between(batch, key));
          return { loss: wassersteinLoss((x) => imageCritic.forward(x), made, batch.x, key) };
        },
      },
      {
        name: "smoothing",
        parameters: parametersOf(this, "encoder", "head", "decoder"),
        rule,
        rate,
        terms: (batch, key) => ({ loss: neg(imageCritic.forward(between(batch, key))) }),
      },
    ];
  }

  /** γ·z₁ + (1 − γ)·z₂ of each code and the next one of the batch, γ even in [0, 1). */
  private interpolations(z: Tensor, key: RandomKey): Tensor {
    const [batch = 1] = z.shape;
    const next = Uint32Array.from({ length: batch }, (_, i) => (i + 1) % batch);
    const other = gather(z, variable(z.device, next, [batch], "next samples"));
    const share = randomUniform(z.device, [batch, 1], { ...key, stream: key.stream + 2 });
    return add(other, mul(sub(z, other), share));
  }
}

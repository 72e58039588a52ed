import {
  add,
  exp,
  expm1,
  greater,
  maximum,
  mul,
  neg,
  square,
  sub,
} from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { mean } from "../autograd/ops/reduce.ts";
import { sum } from "../autograd/ops/sum.ts";
import { noGrad, stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { glorotNormal } from "../nn/initialisers.ts";
import type { NamedTensor } from "../nn/module.ts";
import {
  defineSettings,
  type SettingsOptions,
  type SettingsValues,
  switchSetting,
  wholeSetting,
} from "../settings/setting.ts";
import { assign, full, parameter, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Autoencoder } from "./autoencoder.ts";
import { latentSetting, networkSetting, rateSetting, widthSetting } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { gradientPenalty } from "./gradient-penalty.ts";
import { squaredError } from "./likelihoods.ts";
import { broadcastToBatch } from "./losses.ts";
import {
  type ImageShape,
  type LossTerms,
  type Prior,
  parametersOf,
  type StepSchedule,
  type Update,
} from "./model.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "./network-graph.ts";
import { DenseCritic, scaled } from "./networks.ts";

const maskAaeSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("mlp", "dense"),
  latent: latentSetting(48),
  width: widthSetting("the hidden units, also of the critic"),
  mask: switchSetting(true, "false: without the mask, α ≡ 1 in every dimension"),
  interval: wholeSetting(
    0,
    [0, 1e6],
    "I of the schedule of c; 0: 75 up to 20 dimensions, else ⌊112.5·m⌋ up to 10000",
  ),
  learningRate: rateSetting(5e-4, "RMSProp's step of the autoencoder"),
  criticRate: rateSetting(1e-4, "RMSProp's step of critic and encoder"),
  maskRate: rateSetting(5e-4, "RMSProp's step of the mask"),
}));

/**
 * Each setting of a MaskAAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type MaskAaeSettings = typeof maskAaeSettings;

/** What can be set of a MaskAAE; `latentgrad models mask-aae` lists it with the defaults. */
export type MaskAaeOptions = SettingsOptions<MaskAaeSettings>;

/** A dimension is active from this α on. */
const ACTIVE = 0.1;
const NOTHING_ACTIVE = "the mask has no active dimension";
const LARGEST_C = 2048;
/** θ starts evenly in [0, 5). */
const LARGEST_THETA = 5;
const CRITIC_STEPS = 5;
const RULE = { kind: "rmsprop", convention: "tensorflow" } as const;

/**
 * MaskAAE (Mondal et al. 2019): an adversarial autoencoder that learns how many latent dimensions the data
 * need. A mask α = 1 − e^(−θ) in [0, 1) multiplies the codes and the draws of the prior; decoder and critic
 * only see masked vectors. A step, as in the authors' code, each with RMSProp:
 *
 * 1. autoencoder: BCE (mean over pixels) + 100·mean[(z − z̄)²·e^(−10α²)]
 * 2. critic, five times: E D(αz) − E D(αp) + 10·E(‖∇D‖ − 1)²
 * 3. encoder: −E D(αz)
 * 4. mask: 1000·BCE + (1 − [E D(αz) − E D(αp)])² + c·Σ α(1 − α); then θ is clamped to 0 and above
 *
 * c starts at 2/m and doubles every 4·I steps, to 2048 at most; from step 5·I on the first and the last loss
 * are divided by 5. On vectors the decoder is linear, and the mean squared error takes the place of BCE.
 *
 * Without the mask (α ≡ 1) updates 1 to 3 are left, with the same critic, penalty, optimisers and division by
 * 5: an autoencoder held to N(0, I) by a Wasserstein critic, to compare with.
 */
export class MaskAae extends Autoencoder {
  static override get description(): ModelDescription<MaskAaeSettings> {
    return {
      name: "mask-aae",
      summary: "adversarial autoencoder that learns how many dimensions it needs",
      source: "Mondal et al. 2019 (MaskAAE)",
      settings: maskAaeSettings,
      notes: {
        loss: "reconstruction, divided by the number of pixels",
        reconstruction: "nats per sample, of vectors the squared error, summed over pixels",
        active: "dimensions that the mask leaves active, all without a mask",
      },
    };
  }

  declare readonly settings: SettingsValues<MaskAaeSettings>;
  /** θ, [latent]; none without a mask. */
  readonly theta: Tensor | undefined;
  /** Codes → a score: higher for draws from the prior. */
  readonly critic: DenseCritic;
  /** Weights that grow with the steps. */
  readonly schedules: readonly StepSchedule[];
  /** c, and what divides the first and the last loss. */
  private readonly polarisation: Tensor;
  private readonly scale: Tensor;
  private readonly vectors: boolean;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: MaskAaeOptions = {},
  ) {
    super(device, random, image, settings);
    const { latent, width, mask } = this.settings;
    const interval = this.settings.interval || paperInterval(latent);
    this.vectors = image.vectors ?? false;
    if (mask) {
      const start = random.uniform(latent).map((u) => LARGEST_THETA * u);
      this.theta = parameter(device, start, [latent], "theta");
    }
    const units = Array.from({ length: 4 }, () => scaled(1024, width));
    this.critic = new DenseCritic(device, random, latent, units, glorotNormal);
    this.polarisation = variable(device, Float32Array.of(0), [], "c");
    this.scale = variable(device, Float32Array.of(1), [], "scale");
    this.schedules = [
      {
        variable: this.polarisation,
        at: (step) =>
          Math.min(LARGEST_C, (2 / latent) * 2 ** Math.floor((step - 1) / (4 * interval))),
      },
      { variable: this.scale, at: (step) => (step >= 5 * interval ? 1 / 5 : 1) },
    ];
  }

  /** α, [latent]. */
  mask(): Tensor {
    const { theta, device, latent } = this;
    return theta ? neg(expm1(neg(theta))) : full(device, [latent], 1);
  }

  /** N(0, I) in the dimensions that the mask leaves. */
  get prior(): Prior {
    return { noise: this.latent, draw: (normal) => mul(normal, this.mask()) };
  }

  /** Masked codes. */
  override encode(batch: Batch): Tensor {
    return mul(super.encode(batch), this.mask());
  }

  override writeEncoder(graph: NetworkGraph): NetworkOutputs {
    const { latent } = super.writeEncoder(graph) as { latent: GraphValue };
    const { theta } = this;
    const alpha = (t: number) => -Math.expm1(-t);
    return { latent: theta ? graph.timesVector(latent, theta, alpha) : latent };
  }

  override terms(batch: Batch, _key: RandomKey): LossTerms {
    const error = this.meanError(batch, this.encode(batch));
    return { loss: error, reconstruction: mul(error, this.pixels), active: this.activeOf(batch) };
  }

  /** Fails when the mask has no dimension left. */
  divergenceReason({ active }: Readonly<Record<string, number>>): string | undefined {
    return active === 0 ? NOTHING_ACTIVE : undefined;
  }

  /** Says so where the mask has closed every dimension. */
  validateWeights(weights: ReadonlyMap<string, Float32Array>): string | undefined {
    if (!this.theta) return undefined;
    const isActive = (theta: number) => 1 - Math.exp(-theta) > ACTIVE;
    return weights.get("theta")?.some(isActive) ? undefined : NOTHING_ACTIVE;
  }

  override updates(): readonly Update[] {
    const of = (...parts: string[]) => parametersOf(this, ...parts);
    return [
      {
        rule: RULE,
        rate: this.rate,
        name: "autoencoder",
        parameters: of("encoder", "head", "decoder"),
        terms: (batch) => {
          const alpha = stopGradient(this.mask());
          const z = super.encode(batch);
          const error = this.meanError(batch, mul(z, alpha));
          const spread = square(sub(z, mean(z, 0, true)));
          const still = mean(mul(spread, exp(mul(square(alpha), -10))), 1);
          return {
            loss: mul(add(error, mul(still, 100)), this.scale),
            reconstruction: mul(error, this.pixels),
            still,
            active: this.activeOf(batch),
          };
        },
      },
      {
        rule: RULE,
        rate: this.settings.criticRate,
        setting: "criticRate",
        name: "critic",
        parameters: of("critic"),
        substeps: CRITIC_STEPS,
        terms: (batch, key) => {
          const made = stopGradient(this.encode(batch));
          const drawn = stopGradient(this.drawPrior(made.shape, key));
          const critic = (z: Tensor) => this.critic.forward(z);
          const between = { ...key, stream: key.stream + 1 };
          const penalty = gradientPenalty(critic, made, drawn, between);
          return { loss: add(sub(critic(made), critic(drawn)), mul(penalty, 10)) };
        },
      },
      {
        rule: RULE,
        rate: this.settings.criticRate,
        setting: "criticRate",
        name: "encoder",
        parameters: of("encoder", "head"),
        terms: (batch) => ({ loss: neg(this.critic.forward(this.encode(batch))) }),
      },
      ...(this.theta ? [this.maskUpdate(this.theta)] : []),
    ];
  }

  private maskUpdate(theta: Tensor): Update {
    return {
      rule: RULE,
      rate: this.settings.maskRate,
      setting: "maskRate",
      name: "mask",
      parameters: parametersOf(this, "theta"),
      terms: (batch, key) => {
        const alpha = this.mask();
        const z = mul(stopGradient(super.encode(batch)), alpha);
        const [batchSize = 1] = z.shape;
        const error = this.meanError(batch, z);
        const made = mean(this.critic.forward(z));
        const drawn = mean(this.critic.forward(this.drawPrior(z.shape, key)));
        const apart = square(sub(1, sub(made, drawn)));
        const polar = mul(sum(mul(alpha, sub(1, alpha))), this.polarisation);
        const both = broadcastToBatch(add(apart, polar), batchSize);
        return { loss: mul(add(mul(error, 1000), both), this.scale) };
      },
      after: () => noGrad(() => assign(theta, maximum(theta, 0))),
    };
  }

  protected override own(): NamedTensor[] {
    const { theta } = this;
    if (!theta) return [];
    return [{ name: "theta", tensor: theta, layout: { kind: "vector", shape: theta.shape } }];
  }

  private get pixels(): number {
    const { height, width, channels } = this.image;
    return height * width * channels;
  }

  /** BCE, or squared error of vectors; mean over the pixels: [batch]. */
  private meanError(batch: Batch, z: Tensor): Tensor {
    const { x } = batch;
    const error = this.vectors ? squaredError(this.decode(z), x) : this.reconstruction(batch, z);
    return mul(error, 1 / this.pixels);
  }

  private drawPrior(shape: readonly number[], key: RandomKey): Tensor {
    return mul(randomNormal(this.device, shape, key), this.mask());
  }

  /** How many dimensions are active, once for each sample. */
  private activeOf({ x }: Batch): Tensor {
    return broadcastToBatch(sum(greater(this.mask(), ACTIVE)), x.shape[0] ?? 1);
  }
}

/** I of the paper's schedule for m latent dimensions. */
export function paperInterval(latent: number): number {
  return latent <= 20 ? 75 : Math.min(10_000, Math.floor(112.5 * latent));
}

import { add, mul, square, sub } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import { sum } from "../autograd/ops/sum.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { type NamedTensor, plain } from "../nn/module.ts";
import {
  defineSettings,
  numberSetting,
  type SettingsOptions,
  type SettingsValues,
  switchSetting,
} from "../settings/setting.ts";
import { parameter, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedClasses } from "./arguments.ts";
import { MOST_LATENT, relativeSettings, vaeNotes } from "./common-settings.ts";
import type { DataShape, ModelDescription } from "./definition.ts";
import { classesOf } from "./labels.ts";
import { broadcastToBatch, klToCentre } from "./losses.ts";
import type { LossTerms, Prior } from "./model.ts";
import { type Posterior, Vae } from "./vae.ts";

const lambdaHotSettings = /* @__PURE__ */ defineSettings(() => ({
  ...relativeSettings,
  lambda: numberSetting(5, [0, 1e6], "λ: how far a class's centre is from 0"),
  movable: switchSetting(false, "learn the centres under the prior N(λ·e_y, τ²I)"),
  tau: numberSetting(0.02, [1e-6, 1e6], "τ of the movable centres"),
}));

/**
 * Each setting of a λ-hot VAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type LambdaHotSettings = typeof lambdaHotSettings;

/** What can be set of a λ-hot VAE; `latentgrad models lambda-hot` lists it with the defaults. */
export type LambdaHotOptions = SettingsOptions<LambdaHotSettings>;

/**
 * λ-hot VAE: each class y has a prior of its own, N(λ·e_y, I), e_y the unit vector of the dimension y, so
 * that the largest of the first dimensions of a code names the class. Minimises
 * −E log p(x|z) + β·½Σ(σ² + (μ − λ·e_y)² − 1 − ln σ²).
 *
 * With `movable` the centres c_y are learned, too, as the maximum a posteriori under N(λ·e_y, τ²I): each image's
 * loss gains its share of that prior, Σ_y ‖c_y − λ·e_y‖²/(2τ²·images).
 */
export class LambdaHotVae extends Vae {
  static override get description(): ModelDescription<LambdaHotSettings> {
    return {
      name: "lambda-hot",
      summary: "VAE with a prior N(λ·e_y, I) for each class y, learned with labels",
      source: "λ-hot: supervised priors on structured latent spaces",
      settings: lambdaHotSettings,
      notes: {
        ...vaeNotes,
        loss: "nats per sample, reconstruction + {beta} · kl, and centres where they move; one draw of z an image",
        centres: "nats per sample, an image's share of the prior of the centres, up to a constant",
      },
      bound: "ln p(x|y)",
      labels: true,
    };
  }

  declare readonly settings: SettingsValues<LambdaHotSettings>;
  /** How many classes have a centre. */
  readonly classes: number;
  /** [classes, latent] */
  readonly centres: Tensor;
  private readonly start: Tensor;
  /** Weight of the squared distances of the centres from λ·e_y. */
  private readonly pull: number | undefined;

  /**
   * @throws UsageError for fewer latent dimensions than classes, and for movable centres where the number
   *   of training images is not known
   */
  constructor(
    device: Device,
    random: HostRandom,
    data: DataShape,
    settings: LambdaHotOptions = {},
  ) {
    super(device, random, data, settings);
    const classes = checkedClasses("lambda-hot", data);
    const { latent, lambda, movable, tau } = this.settings;
    if (classes > MOST_LATENT)
      throw new UsageError(
        `lambda-hot: each of the ${classes} classes wants a latent dimension, and there are ${MOST_LATENT} at most`,
      );
    if (latent < classes)
      throw new UsageError(`lambda-hot: latent is ${latent}, below the ${classes} classes`);
    this.classes = classes;
    if (movable) {
      const { images } = data;
      if (images === undefined)
        throw new UsageError("lambda-hot: movable centres need the number of training images");
      this.pull = 1 / (2 * tau * tau * images);
    }
    const values = Float32Array.from({ length: classes * latent }, (_, i) =>
      i % latent === Math.floor(i / latent) ? lambda : 0,
    );
    this.start = variable(device, values, [classes, latent], "λ-hot centres");
    this.centres = movable ? parameter(device, values, [classes, latent], "centres") : this.start;
  }

  /** N(centre of the class, I): of the class that is asked for, else of a random one. */
  get prior(): Prior {
    return {
      noise: this.latent,
      draw: (normal, _uniform, label) => add(normal, this.centreOf(label)),
    };
  }

  protected override divergence({ mean, logVariance }: Posterior, { label }: Batch): Tensor {
    return klToCentre(mean, logVariance, this.centreOf(label));
  }

  protected override lossOf(
    batch: Batch,
    posterior: Posterior,
    z: Tensor,
    key: RandomKey,
  ): LossTerms {
    const terms = super.lossOf(batch, posterior, z, key);
    if (this.pull === undefined) return terms;
    const away = mul(sum(square(sub(this.centres, this.start))), this.pull);
    const centres = broadcastToBatch(away, batch.x.shape[0] ?? 1);
    return { ...terms, loss: add(terms.loss, centres), centres };
  }

  protected override own(): NamedTensor[] {
    if (this.pull === undefined) return [];
    return [plain("centres", this.centres)];
  }

  private centreOf(label: Tensor<"u32"> | undefined): Tensor {
    return matmul(classesOf(label, this.classes, "lambda-hot"), this.centres);
  }
}

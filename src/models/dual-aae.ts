import { add, greater, mul, sigmoid } from "../autograd/ops/elementwise.ts";
import { oneHot } from "../autograd/ops/indexing.ts";
import { concat } from "../autograd/ops/join.ts";
import { type RandomKey, randomNormal, randomUniform } from "../autograd/ops/random.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type DataShape,
  latentSetting,
  type ModelDefinition,
  numberSetting,
  rateSetting,
  squaresNote,
  switchSetting,
} from "./definition.ts";
import { classesOf } from "./labels.ts";
import { squaredError } from "./likelihoods.ts";
import { classification, contrastive, madeLoss, realLoss } from "./losses.ts";
import { type Batch, type LossTerms, type Model, parametersOf, type Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";
import { type Maps, SkipDecoder, SkipEncoder } from "./skip-networks.ts";

export interface DualAaeOptions {
  /** Dimensions of the code of what an image shows, and of the code of how. */
  readonly content: number;
  readonly style: number;
  /** Factor on the numbers of filters and hidden units. */
  readonly width: number;
  /** Two more convolutions each way. */
  readonly deeper: boolean;
  /** The decoder sees the encoder's feature maps in training. */
  readonly skip: boolean;
  readonly weights: {
    readonly reconstruction: number;
    readonly adversarial: number;
    /** Of the cross-entropies of class and style. */
    readonly class: number;
    readonly style: number;
    /** Of the contrastive loss on the content; 0 leaves it out. */
    readonly contrastive: number;
  };
  /** Distance from which on contents of two classes are far enough apart. */
  readonly margin: number;
  readonly learningRate: number;
  readonly adversarialRate: number;
}

/** Values of the labels `style`. */
const STYLE = "style";
/** Share of the training images whose feature maps the decoder does not see. */
const WITHOUT_MAPS = 0.5;

interface Codes {
  /** [batch, content] and [batch, style]. */
  readonly content: Tensor;
  readonly style: Tensor;
  readonly maps: Maps;
}

/**
 * Adversarial autoencoder with two codes, after Makhzani et al. 2016: one encoder gives z_content and
 * z_style, the decoder sees both. A step:
 *
 *   autoencoder    λr·‖x − y‖² + λc·CE(class | z_content) + λs·CE(style | z_style)
 *                  + λa·(what both discriminators say against the codes) [+ λk·contrastive]
 *   discriminator  two of them: codes against draws of N(0, I), for content and for style
 *
 * With `skip` the decoder sees the encoder's feature maps, too, of one half of the images (chosen anew in
 * each step): so it learns to decode codes without an image, which is what sampling, swapping and
 * evaluation do.
 */
export class DualAae extends Module implements Model {
  readonly latent: number;
  /** The first so many dimensions of a code are content, the others style. */
  readonly content: number;
  readonly encoder: SkipEncoder;
  readonly contentHead: Linear;
  readonly styleHead: Linear;
  readonly decoder: SkipDecoder;
  readonly contentClassifier: Linear;
  readonly styleClassifier: Linear | undefined;
  readonly contentDiscriminator: DenseCritic;
  readonly styleDiscriminator: DenseCritic;

  /** @throws UsageError where a label is missing that a loss needs */
  constructor(
    private readonly device: Device,
    random: HostRandom,
    private readonly data: DataShape,
    private readonly options: DualAaeOptions,
  ) {
    super();
    const { content, style, width, weights } = options;
    const styles = data.attributes?.[STYLE];
    if (weights.style > 0 && styles === undefined)
      throw new UsageError(
        "dual-aae learns from the style of each image, and this set has none (glyphs, shapes, tones and omniglot have); --set style-weight=0 does without it",
      );
    this.content = content;
    this.latent = content + style;
    this.encoder = new SkipEncoder(device, random, data, options);
    const { features } = this.encoder;
    this.contentHead = new Linear(device, random, features, content);
    this.styleHead = new Linear(device, random, features, style);
    this.decoder = new SkipDecoder(device, random, data, this.latent, options, options.skip);
    this.contentClassifier = new Linear(device, random, content, data.classes);
    if (weights.style > 0 && styles !== undefined)
      this.styleClassifier = new Linear(device, random, style, styles);
    const units = scaled(1000, width);
    this.contentDiscriminator = new DenseCritic(device, random, content, [units, units]);
    this.styleDiscriminator = new DenseCritic(device, random, style, [units, units]);
  }

  override forward(x: Tensor): Tensor {
    return this.decode(this.encode({ x }));
  }

  private codes({ x }: Batch): Codes {
    const { features, maps } = this.encoder.see(x);
    return {
      content: this.contentHead.forward(features),
      style: this.styleHead.forward(features),
      maps,
    };
  }

  /** Content and style side by side. */
  encode(batch: Batch): Tensor {
    const { content, style } = this.codes(batch);
    return concat([content, style], 1);
  }

  decode(z: Tensor): Tensor {
    return sigmoid(this.decoder.forward(z));
  }

  /** The autoencoder's loss; in evaluation the decoder sees codes alone. */
  terms(batch: Batch, key: RandomKey): LossTerms {
    const { x, label } = batch;
    const { weights, margin, skip } = this.options;
    const { content, style, maps } = this.codes(batch);
    const z = concat([content, style], 1);
    const logits =
      skip && this.training ? this.decoder.decode(z, this.drop(maps, key)) : this.decoder.decode(z);
    const reconstruction = squaredError(sigmoid(logits), x);
    const classes = classesOf(label, this.data.classes, "dual-aae");
    const named = classification(this.contentClassifier.forward(content), classes);
    let loss = add(mul(reconstruction, weights.reconstruction), mul(named.nll, weights.class));
    const styles = this.stylesOf(batch, style);
    if (styles) loss = add(loss, mul(styles.nll, weights.style));
    const adversarial = add(
      realLoss(this.contentDiscriminator.forward(content)),
      realLoss(this.styleDiscriminator.forward(style)),
    );
    loss = add(loss, mul(adversarial, weights.adversarial));
    const apart = weights.contrastive > 0 ? contrastive(content, classes, margin) : undefined;
    if (apart) loss = add(loss, mul(apart, weights.contrastive));
    return {
      loss,
      reconstruction,
      adversarial,
      class: named.nll,
      class_error: named.error,
      ...(styles ? { style: styles.nll, style_error: styles.error } : {}),
      ...(apart ? { contrastive: apart } : {}),
    };
  }

  updates(): readonly Update[] {
    const { learningRate, adversarialRate } = this.options;
    return [
      {
        name: "autoencoder",
        parameters: parametersOf(
          this,
          "encoder",
          "contentHead",
          "styleHead",
          "decoder",
          "contentClassifier",
          "styleClassifier",
        ),
        rule: { kind: "adam" },
        rate: learningRate,
        terms: (batch, key) => this.terms(batch, key),
      },
      {
        name: "discriminator",
        parameters: parametersOf(this, "contentDiscriminator", "styleDiscriminator"),
        rule: { kind: "adam", beta1: 0.5 },
        rate: adversarialRate,
        terms: (batch, key) => {
          const { content, style } = this.codes(batch);
          const other = { ...key, stream: key.stream + 1 };
          return {
            loss: add(
              this.told(this.contentDiscriminator, content, key),
              this.told(this.styleDiscriminator, style, other),
            ),
          };
        },
      },
    ];
  }

  /** What a discriminator pays for its answers to codes and to as many draws of the prior. */
  private told(discriminator: DenseCritic, codes: Tensor, key: RandomKey): Tensor {
    const drawn = randomNormal(this.device, codes.shape, key);
    const made = madeLoss(discriminator.forward(stopGradient(codes)));
    return add(realLoss(discriminator.forward(drawn)), made);
  }

  /** The feature maps, those of one half of the images as zeros. */
  private drop([first, second]: Maps, key: RandomKey): Maps {
    const [batch = 1] = first.shape;
    const kept = greater(randomUniform(this.device, [batch, 1, 1, 1], key), WITHOUT_MAPS);
    return [mul(first, kept), mul(second, kept)];
  }

  private stylesOf(batch: Batch, style: Tensor) {
    const values = this.data.attributes?.[STYLE];
    const label = batch.attribute?.(STYLE);
    if (!this.styleClassifier || values === undefined || !label) return undefined;
    return classification(this.styleClassifier.forward(style), oneHot(label, values));
  }
}

const weight = (byDefault: number, of: string) =>
  numberSetting(byDefault, [0, 1e6], `weight of ${of}`);

export const dualAae: ModelDefinition = {
  name: "dual-aae",
  summary: "adversarial autoencoder with separate content and style codes",
  source: "structured latent spaces with content and style, on Makhzani et al. 2016",
  settings: {
    content: latentSetting(64),
    style: latentSetting(32),
    width: numberSetting(1, [0.01, 16], "factor on the filters and hidden units"),
    deeper: switchSetting("two more convolutions each way"),
    skip: switchSetting("the decoder sees the encoder's feature maps of half the training images"),
    "reconstruction-weight": weight(1, "the squared error, summed over the pixels"),
    "adversarial-weight": weight(0.1, "what the discriminators say against the codes"),
    "class-weight": weight(10, "the cross-entropy of the class given the content"),
    "style-weight": weight(10, "the cross-entropy of the style given the style code"),
    "contrastive-weight": weight(0, "the contrastive loss on the content"),
    margin: numberSetting(8, [0, 1e6], "distance that the contrastive loss wants between classes"),
    "learning-rate": rateSetting(1e-3, "Adam's learning rate of the autoencoder"),
    "adversarial-rate": rateSetting(5e-4, "Adam's learning rate of the discriminators"),
  },
  notes: {
    loss: "{reconstruction-weight} · reconstruction + {class-weight} · class + {style-weight} · style + {adversarial-weight} · adversarial + {contrastive-weight} · contrastive",
    reconstruction: squaresNote,
    adversarial: 'nats per sample, −ln of both discriminators\' "draws of the prior"',
    class: "nats per sample, cross-entropy of the class given the content",
    class_error: "share of images whose content is taken for another class",
    style: "nats per sample, cross-entropy of the style given the style code",
    style_error: "share of images whose style code is taken for another style",
    contrastive: "squared distances of the contents of a batch",
  },
  labels: true,
  build: (device, random, data, settings) =>
    new DualAae(device, random, data, {
      content: settings.number("content"),
      style: settings.number("style"),
      width: settings.number("width"),
      deeper: settings.text("deeper") === "true",
      skip: settings.text("skip") === "true",
      weights: {
        reconstruction: settings.number("reconstruction-weight"),
        adversarial: settings.number("adversarial-weight"),
        class: settings.number("class-weight"),
        style: settings.number("style-weight"),
        contrastive: settings.number("contrastive-weight"),
      },
      margin: settings.number("margin"),
      learningRate: settings.number("learning-rate"),
      adversarialRate: settings.number("adversarial-rate"),
    }),
};

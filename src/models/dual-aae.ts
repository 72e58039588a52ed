import { add, greater, mul, sigmoid } from "../autograd/ops/elementwise.ts";
import { oneHot } from "../autograd/ops/indexing.ts";
import { concat } from "../autograd/ops/join.ts";
import { type RandomKey, randomNormal, randomUniform } from "../autograd/ops/random.ts";
import { split } from "../autograd/ops/shape.ts";
import { noGrad, stopGradient } from "../autograd/tape.ts";
import { type Batch, type ExampleSource, firstExamples } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { BatchNorm } from "../nn/batch-norm.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import {
  defineSettings,
  numberSetting,
  type SettingsOptions,
  type SettingsValues,
  switchSetting,
} from "../settings/setting.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedClasses, checkedSettings } from "./arguments.ts";
import { encodeAll } from "./codes.ts";
import { latentSetting, rateSetting, squaresNote, widthSetting } from "./common-settings.ts";
import type { DataShape, ModelDescription } from "./definition.ts";
import { squaredGradientNorm } from "./gradient-penalty.ts";
import { classesOf } from "./labels.ts";
import { squaredError } from "./likelihoods.ts";
import {
  broadcastToBatch,
  classification,
  contrastive,
  imqMmd,
  madeLoss,
  realLoss,
} from "./losses.ts";
import { type LossTerms, type Model, parametersOf, type Update } from "./model.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "./network-graph.ts";
import { DenseCritic, scaled } from "./networks.ts";
import { type Maps, SkipDecoder, SkipEncoder } from "./skip-networks.ts";

const dualAaeSettings = /* @__PURE__ */ defineSettings(() => ({
  content: latentSetting(64),
  style: latentSetting(32),
  width: widthSetting(),
  deeper: switchSetting(false, "two more convolutions each way"),
  skip: switchSetting(
    false,
    "the decoder sees the encoder's feature maps of half the training images",
  ),
  reconstructionWeight: weightSetting(1, "the squared error, summed over the pixels"),
  mmdWeight: weightSetting(100, "the maximum mean discrepancy of both codes to the prior"),
  adversarialWeight: weightSetting(
    0,
    "what the discriminators say against the codes; 0: there are none",
  ),
  r1Weight: weightSetting(10, "the discriminators' slopes at draws of the prior, R1's γ"),
  codeNorm: switchSetting(true, "batch norm without γ and β on both codes"),
  classWeight: weightSetting(10, "the cross-entropy of the class given the content"),
  styleWeight: weightSetting(10, "the cross-entropy of the style given the style code"),
  contrastiveWeight: weightSetting(0, "the contrastive loss on the content"),
  margin: numberSetting(8, [0, 1e6], "distance that the contrastive loss wants between classes"),
  learningRate: rateSetting(1e-3, "Adam's learning rate of the autoencoder"),
  adversarialRate: rateSetting(5e-4, "Adam's learning rate of the discriminators"),
}));

/**
 * Each setting of a dual AAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type DualAaeSettings = typeof dualAaeSettings;

/** What can be set of a dual AAE; `latentgrad models dual-aae` lists it with the defaults. */
export type DualAaeOptions = SettingsOptions<DualAaeSettings>;

function weightSetting(byDefault: number, of: string) {
  return numberSetting(byDefault, [0, 1e6], `weight of ${of}`);
}

/** How its terms are to be read. */
const dualAaeNotes = {
  loss: "{reconstructionWeight} · reconstruction + {classWeight} · class + {styleWeight} · style + {mmdWeight} · mmd + {adversarialWeight} · adversarial + {contrastiveWeight} · contrastive",
  reconstruction: squaresNote,
  adversarial: 'nats per sample, −ln of both discriminators\' "draws of the prior"',
  mmd: "discrepancy of a batch of contents to as many draws of the prior, plus that of the styles, no unit",
  told: "share of codes and draws of the prior that both discriminators tell rightly; 0.5 is chance",
  class: "nats per sample, cross-entropy of the class given the content",
  class_error: "share of images whose content is taken for another class",
  style: "nats per sample, cross-entropy of the style given the style code",
  style_error: "share of images whose style code is taken for another style",
  contrastive: "squared distances of the contents of a batch",
};

/** Most training images that the codes' statistics are taken from after an epoch. */
const MOST_CODES = 10_000;
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
 *                  + λm·MMD of both codes to N(0, I)
 *                  [+ λa·(what both discriminators say against the codes)] [+ λk·contrastive]
 *   discriminator  where λa > 0, two of them: codes against draws of N(0, I), for content and for style,
 *                  + γ/2·‖∇D‖² at the draws (R1)
 *
 * Batch norm without γ and β gives each dimension of both codes the mean 0 and the variance 1, in evaluation by
 * statistics that are taken anew from the training images after each epoch.
 *
 * With `skip` the decoder sees the encoder's feature maps, too, of one half of the images (chosen anew in
 * each step): so it learns to decode codes without an image, which is what sampling, swapping and
 * evaluation do.
 */
export class DualAae extends Module implements Model {
  /**
   * Name, settings, source, and how the loss terms are to be read: what is known of the model before one is made.
   */
  static get description(): ModelDescription<DualAaeSettings> {
    return {
      name: "dual-aae",
      summary: "adversarial autoencoder with separate content and style codes",
      source: "structured latent spaces with content and style, on Makhzani et al. 2016",
      settings: dualAaeSettings,
      notes: dualAaeNotes,
      labels: true,
      pairs: true,
    };
  }

  /** What it was built with. */
  readonly settings: SettingsValues<DualAaeSettings>;
  readonly latent: number;
  /** The first so many dimensions of a code are content, the others style. */
  readonly content: number;
  /** Images → features and, for `skip`, feature maps. */
  readonly encoder: SkipEncoder;
  /** Features → content, before its batch norm. */
  readonly contentHead: Linear;
  /** Features → style, before its batch norm. */
  readonly styleHead: Linear;
  /** Brings each dimension of the content to mean 0 and variance 1, with `codeNorm`. */
  readonly contentNorm: BatchNorm | undefined;
  /** The same of the style. */
  readonly styleNorm: BatchNorm | undefined;
  /** Content and style, side by side → pixels. */
  readonly decoder: SkipDecoder;
  /** Content → logits of the classes. */
  readonly contentClassifier: Linear;
  /** Style → logits of the style's labels, where there are some. */
  readonly styleClassifier: Linear | undefined;
  /** Content → the logit of being a draw from N(0, I), with `adversarialWeight`. */
  readonly contentDiscriminator: DenseCritic | undefined;
  /** The same of the style. */
  readonly styleDiscriminator: DenseCritic | undefined;

  /**
   * @param random where the initial weights come from
   * @throws UsageError for settings that it does not have, and where a label is missing that a loss needs
   */
  constructor(
    private readonly device: Device,
    random: HostRandom,
    private readonly data: DataShape,
    settings: DualAaeOptions = {},
  ) {
    super();
    this.settings = checkedSettings(new.target.description, [device, random, data], settings);
    const { content, style, width, styleWeight, adversarialWeight } = this.settings;
    const classes = checkedClasses("dual-aae", data);
    const styles = data.attributes?.[STYLE];
    if (styleWeight > 0 && styles === undefined)
      throw new UsageError(
        "dual-aae learns from the style of each image, and this set has none (glyphs, shapes, tones and omniglot have); --set style-weight=0 does without it",
      );
    this.content = content;
    this.latent = content + style;
    this.encoder = new SkipEncoder(device, random, data, this.settings);
    const { features } = this.encoder;
    this.contentHead = new Linear(device, random, features, content);
    this.styleHead = new Linear(device, random, features, style);
    if (this.settings.codeNorm) {
      this.contentNorm = new BatchNorm(device, content, { affine: false });
      this.styleNorm = new BatchNorm(device, style, { affine: false });
    }
    this.decoder = new SkipDecoder(
      device,
      random,
      data,
      this.latent,
      this.settings,
      this.settings.skip,
    );
    this.contentClassifier = new Linear(device, random, content, classes);
    if (styleWeight > 0 && styles !== undefined)
      this.styleClassifier = new Linear(device, random, style, styles);
    if (adversarialWeight > 0) {
      const units = scaled(1000, width);
      this.contentDiscriminator = new DenseCritic(device, random, content, [units, units]);
      this.styleDiscriminator = new DenseCritic(device, random, style, [units, units]);
    }
  }

  /** The reconstruction of x, [batch, height, width, channels] → the same shape: pixels in [0, 1]. */
  override forward(x: Tensor): Tensor {
    return this.decode(this.encode({ x }));
  }

  private codes({ x }: Batch): Codes {
    const { features, maps } = this.encoder.see(x);
    const content = this.contentHead.forward(features);
    const style = this.styleHead.forward(features);
    return {
      content: this.contentNorm?.forward(content) ?? content,
      style: this.styleNorm?.forward(style) ?? style,
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

  writeEncoder(graph: NetworkGraph): NetworkOutputs {
    const features = this.encoder.write(graph, graph.image());
    const code = (head: Linear, norm: BatchNorm | undefined) => {
      const flat = graph.layer(head, features);
      return norm ? graph.layer(norm, flat) : flat;
    };
    const content = code(this.contentHead, this.contentNorm);
    return { latent: graph.concat([content, code(this.styleHead, this.styleNorm)]) };
  }

  writeDecoder(graph: NetworkGraph): GraphValue {
    return graph.sigmoid(this.decoder.write(graph, graph.latent()));
  }

  /** The autoencoder's loss; in evaluation the decoder sees codes alone. */
  terms(batch: Batch, key: RandomKey): LossTerms {
    const { x, label } = batch;
    const { settings } = this;
    const { content, style, maps } = this.codes(batch);
    const z = concat([content, style], 1);
    const logits =
      settings.skip && this.training
        ? this.decoder.decode(z, this.drop(maps, key))
        : this.decoder.decode(z);
    const reconstruction = squaredError(sigmoid(logits), x);
    const classes = classesOf(label, this.data.classes, "dual-aae");
    const named = classification(this.contentClassifier.forward(content), classes);
    let loss = add(
      mul(reconstruction, settings.reconstructionWeight),
      mul(named.nll, settings.classWeight),
    );
    const styles = this.stylesOf(batch, style);
    if (styles) loss = add(loss, mul(styles.nll, settings.styleWeight));
    const mmd = this.mmd(content, style, key);
    if (settings.mmdWeight > 0) loss = add(loss, mul(mmd, settings.mmdWeight));
    const against = this.against(content, style, key);
    if (against) loss = add(loss, mul(against.adversarial, settings.adversarialWeight));
    const apart =
      settings.contrastiveWeight > 0 ? contrastive(content, classes, settings.margin) : undefined;
    if (apart) loss = add(loss, mul(apart, settings.contrastiveWeight));
    return {
      loss,
      reconstruction,
      mmd,
      ...against,
      class: named.nll,
      class_error: named.error,
      ...(styles ? { style: styles.nll, style_error: styles.error } : {}),
      ...(apart ? { contrastive: apart } : {}),
    };
  }

  updates(): readonly Update[] {
    const { learningRate, adversarialRate, r1Weight } = this.settings;
    const [first, second] = [this.contentDiscriminator, this.styleDiscriminator];
    const autoencoder: Update = {
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
    };
    if (!first || !second) return [autoencoder];
    return [
      autoencoder,
      {
        name: "discriminator",
        parameters: parametersOf(this, "contentDiscriminator", "styleDiscriminator"),
        rule: { kind: "adam", beta1: 0.5 },
        rate: adversarialRate,
        setting: "adversarialRate",
        terms: (batch, key) => {
          const { content, style } = this.codes(batch);
          const other = { ...key, stream: key.stream + 1 };
          return {
            loss: add(
              this.paid(first, content, key, r1Weight),
              this.paid(second, style, other, r1Weight),
            ),
          };
        },
      },
    ];
  }

  /**
   * Takes the statistics of the codes' batch norm from the training images, in place of the running ones: what
   * a code is in evaluation does not depend on the last few batches.
   */
  async afterEpoch(_epoch: number, examples: ExampleSource): Promise<void> {
    const { device, content, contentNorm, styleNorm } = this;
    if (!contentNorm || !styleNorm) return;
    // What comes out depends on weights and images alone, so that a run may be broken off behind it.
    contentNorm.reset();
    styleNorm.reset();
    const codes = await encodeAll(device, this, firstExamples(examples, MOST_CODES));
    const [ofContent, ofStyle] = scope(device, () =>
      noGrad(() => split(codes, 1, [content, this.latent - content])),
    ) as [Tensor, Tensor];
    for (const [norm, part] of [
      [contentNorm, ofContent],
      [styleNorm, ofStyle],
    ] as const)
      scope(device, () => noGrad(() => norm.correct(part)));
    for (const { value } of [codes, ofContent, ofStyle]) device.release(value);
  }

  /** What a discriminator pays for its answers to codes and to as many draws of the prior. */
  private paid(discriminator: DenseCritic, codes: Tensor, key: RandomKey, r1: number): Tensor {
    const drawn = randomNormal(this.device, codes.shape, key);
    const made = madeLoss(discriminator.forward(stopGradient(codes)));
    const told = add(realLoss(discriminator.forward(drawn)), made);
    if (r1 === 0) return told;
    return add(
      told,
      mul(
        squaredGradientNorm((z) => discriminator.forward(z), drawn),
        r1 / 2,
      ),
    );
  }

  /** What the discriminators say against the codes; in evaluation also how often they are right. */
  private against(content: Tensor, style: Tensor, key: RandomKey) {
    const [first, second] = [this.contentDiscriminator, this.styleDiscriminator];
    if (!first || !second) return undefined;
    const logits = [first.forward(content), second.forward(style)] as const;
    const adversarial = add(realLoss(logits[0]), realLoss(logits[1]));
    if (this.training) return { adversarial };
    const draws = this.draws(content, style, key);
    const right = [greater(0, logits[0]), greater(0, logits[1])].concat(
      [first.forward(draws[0]), second.forward(draws[1])].map((told) => greater(told, 0)),
    );
    return {
      adversarial,
      told: mul(
        right.reduce((sum, each) => add(sum, each)),
        1 / 4,
      ),
    };
  }

  /** MMD to N(0, I) of the batch's contents and of its styles, both together, for each sample. */
  private mmd(content: Tensor, style: Tensor, key: RandomKey): Tensor {
    const [first, second] = this.draws(content, style, key);
    return broadcastToBatch(
      add(imqMmd(content, first), imqMmd(style, second)),
      content.shape[0] ?? 1,
    );
  }

  /** Draws of the prior beside those that drop feature maps. */
  private draws(content: Tensor, style: Tensor, key: RandomKey): readonly [Tensor, Tensor] {
    const draw = (like: Tensor, stream: number) =>
      randomNormal(this.device, like.shape, { ...key, stream: key.stream + stream });
    return [draw(content, 1), draw(style, 2)];
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

import { maxPool2d } from "../autograd/ops/pool.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError } from "../gpu/errors.ts";
import { Conv2d } from "../nn/convolution.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Flatten, Lambda, ReLU, Sequential } from "../nn/sequential.ts";
import { defineSettings, type SettingsOptions, type SettingsValues } from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedClasses, checkedSettings } from "./arguments.ts";
import { rateSetting, widthSetting } from "./common-settings.ts";
import type { DataShape, ModelDescription } from "./definition.ts";
import { classesOf } from "./labels.ts";
import { classification } from "./losses.ts";
import { type LossTerms, type Model, soleUpdate, type Update } from "./model.ts";
import { scaled } from "./networks.ts";

const classifierSettings = /* @__PURE__ */ defineSettings(() => ({
  width: widthSetting(),
  learningRate: rateSetting(1e-3),
}));

/**
 * Each setting of the classifier: its default, what it may be, and what it does.
 *
 * @interface
 */
export type ClassifierSettings = typeof classifierSettings;

/** What can be set of the classifier; `latentgrad models classifier` lists it with the defaults. */
export type ClassifierOptions = SettingsOptions<ClassifierSettings>;

/**
 * A classifier like LeNet (LeCun et al. 1998) with ReLU: conv32 and conv64 (5×5, each with 2×2 maximum
 * pooling), dense 512, dense to the classes. Its 512 hidden units are the features that distances between
 * sets of images are measured on.
 */
export class Classifier extends Module implements Model {
  /**
   * Name, settings, source, and how the loss terms are to be read: what is known of the model before one is made.
   */
  static get description(): ModelDescription<ClassifierSettings> {
    return {
      name: "classifier",
      summary: "LeNet-style classifier; its 512 features serve evaluation measures",
      source: "LeCun et al. 1998",
      settings: classifierSettings,
      notes: {
        loss: "nats per sample, cross-entropy of the class",
        error: "share of images that are taken for another class",
      },
      labels: true,
    };
  }

  /** What it was built with. */
  readonly settings: SettingsValues<ClassifierSettings>;
  /** Units of the penultimate layer: its "codes". */
  readonly latent: number;
  readonly classes: number;
  /** Images → penultimate layer. */
  readonly features: Sequential;
  /** Penultimate layer → logits of the classes. */
  readonly output: Linear;

  /**
   * @param random where the initial weights come from
   * @throws UsageError for settings that it does not have, ShapeError for fewer than two classes
   */
  constructor(
    device: Device,
    random: HostRandom,
    data: DataShape,
    settings: ClassifierOptions = {},
  ) {
    super();
    this.settings = checkedSettings(new.target.description, [device, random, data], settings);
    const { height, width, channels } = data;
    const classes = checkedClasses("classifier", data);
    if (classes < 2) throw new ShapeError("classifier", `${classes} classes are not two`);
    const [first, second, hidden] = [32, 64, 512].map((n) => scaled(n, this.settings.width)) as [
      number,
      number,
      number,
    ];
    const pooled = (n: number) => Math.ceil(n / 2);
    const block = [pooled(pooled(height)), pooled(pooled(width)), second] as const;
    const pool = () => new Lambda((x) => maxPool2d(x, { padding: "same" }));
    this.features = new Sequential(
      new Conv2d(device, random, channels, first, 5),
      ReLU(),
      pool(),
      new Conv2d(device, random, first, second, 5),
      ReLU(),
      pool(),
      Flatten(),
      new Linear(device, random, block[0] * block[1] * second, hidden, { flattenIn: block }),
      ReLU(),
    );
    this.output = new Linear(device, random, hidden, classes);
    this.latent = hidden;
    this.classes = classes;
  }

  /** Logits of the classes, [batch, classes]. */
  override forward(x: Tensor): Tensor {
    return this.output.forward(this.features.forward(x));
  }

  /** Cross-entropy, and 1 for each image that is taken for another class. */
  terms({ x, label }: Batch, _key: RandomKey): LossTerms {
    const target = classesOf(label, this.classes, "classifier");
    const { nll, error } = classification(this.forward(x), target);
    return { loss: nll, error };
  }

  updates(): readonly Update[] {
    return [soleUpdate(this, this.settings.learningRate, (batch, key) => this.terms(batch, key))];
  }

  /** The penultimate layer. */
  encode({ x }: Batch): Tensor {
    return this.features.forward(x);
  }
}

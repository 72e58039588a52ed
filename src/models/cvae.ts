import { concat } from "../autograd/ops/join.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import type { SettingsOptions } from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedClasses } from "./arguments.ts";
import { relativeSettings, vaeNotes } from "./common-settings.ts";
import type { DataShape, ModelDescription } from "./definition.ts";
import { classesOf } from "./labels.ts";
import { withCondition, writeCondition } from "./networks.ts";
import { Vae } from "./vae.ts";

/**
 * Each setting of a conditional VAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type ConditionalVaeSettings = typeof relativeSettings;

/** What can be set of a conditional VAE; `latentgrad models cvae` lists it with the defaults. */
export type ConditionalVaeOptions = SettingsOptions<ConditionalVaeSettings>;

import type { GraphValue, NetworkGraph } from "./network-graph.ts";

/** Most classes that a convolutional encoder sees as planes beside the image: each is as large as it. */
const MOST_PLANES = 256;

/**
 * Conditional VAE (Sohn, Lee and Yan 2015): the class, one-hot, goes to the encoder beside x and to the
 * decoder beside z, so that the code need not say it. The prior N(0, I) does not depend on the class.
 * Minimises −E log p(x|z, y) + β·KL(q(z|x, y) ‖ p(z)).
 */
export class ConditionalVae extends Vae {
  static override get description(): ModelDescription<ConditionalVaeSettings> {
    return {
      name: "cvae",
      summary: "conditional VAE: encoder and decoder know the class",
      source: "Sohn, Lee and Yan 2015",
      settings: relativeSettings,
      notes: vaeNotes,
      bound: "ln p(x|y)",
      labels: true,
    };
  }

  /** How many classes encoder and decoder see, one-hot. */
  readonly classes: number;
  /** The class is the content; all latent dimensions are the style's. */
  readonly content = "class";

  /** @throws UsageError for more classes than a convolutional encoder takes */
  constructor(
    device: Device,
    random: HostRandom,
    data: DataShape,
    settings: ConditionalVaeOptions = {},
  ) {
    super(device, random, data, settings, checkedClasses("cvae", data));
    const { classes } = data;
    if (this.networks.planes && classes > MOST_PLANES)
      throw new UsageError(
        `cvae: ${classes} classes are too many planes for network=${this.settings.network} (${MOST_PLANES} at most); take --set network=dense`,
      );
    this.classes = classes;
  }

  protected override encoderInput({ x, label }: Batch): Tensor {
    return withCondition(x, classesOf(label, this.classes, "cvae"), this.networks);
  }

  protected override decoderInput(z: Tensor, label: Tensor<"u32"> | undefined): Tensor {
    return concat([z, classesOf(label, this.classes, "cvae")], 1);
  }

  protected override writeEncoderInput(graph: NetworkGraph): GraphValue {
    return writeCondition(graph, graph.image(), graph.label(), this.networks);
  }

  protected override writeDecoderInput(graph: NetworkGraph): GraphValue {
    return graph.concat([graph.latent(), graph.label()]);
  }
}

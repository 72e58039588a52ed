import { add, mul } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import type { Batch } from "../data/batch.ts";
import type { OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { numberSetting } from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedOptions, vaeRules } from "./arguments.ts";
import { type ModelDefinition, relativeSettings, vaeNotes, vaeOptions } from "./definition.ts";
import { forEach, imqMmd } from "./losses.ts";
import type { ImageShape, LossTerms } from "./model.ts";
import { type Posterior, Vae, type VaeOptions } from "./vae.ts";

export interface InfoVaeOptions extends VaeOptions {
  /** α: 1 − α is the weight of the KL term. α = 1 is the MMD-VAE. */
  readonly alpha: number;
  /** λ: α + λ − 1 is the weight of the MMD. */
  readonly lambda: number;
}

const optionRules: OptionRules<InfoVaeOptions> = { ...vaeRules, alpha: "number", lambda: "number" };

/**
 * InfoVAE (Zhao, Song and Ermon 2019), with the maximum mean discrepancy between the batch's codes and as
 * many draws of the prior: minimises −E log p(x|z) + (1 − α)·KL(q(z|x) ‖ p(z)) + (α + λ − 1)·MMD(q(z), p(z)).
 * A β multiplies the KL term, too. The reconstruction is summed over the pixels.
 */
export class InfoVae extends Vae {
  private readonly alpha: number;
  private readonly lambda: number;

  constructor(device: Device, random: HostRandom, image: ImageShape, options: InfoVaeOptions) {
    super(
      device,
      random,
      image,
      checkedOptions("infoVae", [device, random, image], options, optionRules),
    );
    this.alpha = options.alpha;
    this.lambda = options.lambda;
  }

  protected override lossOf(
    batch: Batch,
    posterior: Posterior,
    z: Tensor,
    key: RandomKey,
  ): LossTerms {
    const reconstruction = this.reconstruction(batch, z);
    const kl = this.divergence(posterior, batch);
    const draws = randomNormal(this.device, z.shape, { ...key, stream: key.stream + 1 });
    const mmd = forEach(imqMmd(z, draws), z.shape[0] ?? 1);
    const weighted = mul(mul(kl, 1 - this.alpha), this.beta.variable);
    const both = add(weighted, mul(mmd, this.alpha + this.lambda - 1));
    return { loss: add(reconstruction, both), reconstruction, kl, mmd };
  }
}

export const infoVae: ModelDefinition = {
  name: "info-vae",
  summary: "VAE with a maximum mean discrepancy to the prior beside the KL term",
  source: "Zhao, Song and Ermon 2019; kernel of Tolstikhin et al. 2018",
  settings: {
    ...relativeSettings,
    alpha: numberSetting(0, [-1e6, 1], "α: the KL term has the weight 1 − α; 1 is the MMD-VAE"),
    lambda: numberSetting(10, [0, 1e9], "λ: the MMD has the weight α + λ − 1"),
  },
  notes: {
    ...vaeNotes,
    loss: "nats per sample, reconstruction + (1 − {alpha}) · {beta} · kl + ({alpha} + {lambda} − 1) · mmd; one draw of z an image",
    mmd: "discrepancy of a batch of codes and as many draws of the prior, no unit; one draw of z an image",
  },
  bound: "ln p(x)",
  pairs: true,
  build: (device, random, data, settings) =>
    new InfoVae(device, random, data, {
      ...vaeOptions(settings),
      alpha: settings.number("alpha"),
      lambda: settings.number("lambda"),
    }),
};

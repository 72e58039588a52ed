import { add, mul } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
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
import { relativeSettings, vaeNotes } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { broadcastToBatch, imqMmd } from "./losses.ts";
import type { ImageShape, LossTerms } from "./model.ts";
import { type Posterior, Vae } from "./vae.ts";

const infoVaeSettings = /* @__PURE__ */ defineSettings(() => ({
  ...relativeSettings,
  alpha: numberSetting(0, [-1e6, 1], "α: the KL term has the weight 1 − α; 1 is the MMD-VAE"),
  lambda: numberSetting(10, [0, 1e9], "λ: the MMD has the weight α + λ − 1"),
}));

/**
 * Each setting of an InfoVAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type InfoVaeSettings = typeof infoVaeSettings;

/** What can be set of an InfoVAE; `latentgrad models info-vae` lists it with the defaults. */
export type InfoVaeOptions = SettingsOptions<InfoVaeSettings>;

/**
 * InfoVAE (Zhao, Song and Ermon 2019), with the maximum mean discrepancy between the batch's codes and as
 * many draws of the prior: minimises −E log p(x|z) + (1 − α)·KL(q(z|x) ‖ p(z)) + (α + λ − 1)·MMD(q(z), p(z)).
 * A β multiplies the KL term, too. The reconstruction is summed over the pixels.
 */
export class InfoVae extends Vae {
  static override get description(): ModelDescription<InfoVaeSettings> {
    return {
      name: "info-vae",
      summary: "VAE with a maximum mean discrepancy to the prior beside the KL term",
      source: "Zhao, Song and Ermon 2019; kernel of Tolstikhin et al. 2018",
      settings: infoVaeSettings,
      notes: {
        ...vaeNotes,
        loss: "nats per sample, reconstruction + (1 − {alpha}) · {beta} · kl + ({alpha} + {lambda} − 1) · mmd; one draw of z an image",
        mmd: "discrepancy of a batch of codes and as many draws of the prior, no unit; one draw of z an image",
      },
      bound: "ln p(x)",
      pairs: true,
    };
  }

  declare readonly settings: SettingsValues<InfoVaeSettings>;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: InfoVaeOptions = {},
  ) {
    super(device, random, image, settings);
  }

  protected override lossOf(
    batch: Batch,
    posterior: Posterior,
    z: Tensor,
    key: RandomKey,
  ): LossTerms {
    const { alpha, lambda } = this.settings;
    const reconstruction = this.reconstruction(batch, z);
    const kl = this.divergence(posterior, batch);
    const draws = randomNormal(this.device, z.shape, { ...key, stream: key.stream + 1 });
    const mmd = broadcastToBatch(imqMmd(z, draws), z.shape[0] ?? 1);
    const weighted = mul(mul(kl, 1 - alpha), this.beta.variable);
    const both = add(weighted, mul(mmd, alpha + lambda - 1));
    return { loss: add(reconstruction, both), reconstruction, kl, mmd };
  }
}

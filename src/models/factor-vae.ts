import { add, mul } from "../autograd/ops/elementwise.ts";
import { gather } from "../autograd/ops/indexing.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { stopGradient } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import {
  defineSettings,
  numberSetting,
  type SettingsOptions,
  type SettingsValues,
} from "../settings/setting.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { latentSetting, rateSetting, relativeSettings, vaeNotes } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { madeLoss, realLoss } from "./losses.ts";
import type { ImageShape, LossTerms, Update } from "./model.ts";
import { DenseCritic, scaled } from "./networks.ts";
import { type Posterior, Vae } from "./vae.ts";

const factorVaeSettings = /* @__PURE__ */ defineSettings(() => ({
  ...relativeSettings,
  latent: latentSetting(10),
  gamma: numberSetting(10, [0, 1e6], "γ: weight of the total correlation"),
  discriminatorRate: rateSetting(1e-4, "Adam's learning rate of the discriminator"),
}));

/**
 * Each setting of a FactorVAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type FactorVaeSettings = typeof factorVaeSettings;

/** What can be set of a FactorVAE; `latentgrad models factor-vae` lists it with the defaults. */
export type FactorVaeOptions = SettingsOptions<FactorVaeSettings>;

/** Hidden layers of the discriminator. The paper has six of 1000; these are ours. */
const LAYERS = 3;
/** Hidden units of each, before the factor `width`. */
const UNITS = 1000;

/**
 * FactorVAE (Kim and Mnih 2018): minimises −E log p(x|z) + β·KL + γ·TC(z), where the total correlation
 * KL(q(z) ‖ Π q(z_j)) is estimated by a discriminator's logit of "a code" against "one whose dimensions were
 * shuffled among the batch".
 */
export class FactorVae extends Vae {
  static override get description(): ModelDescription<FactorVaeSettings> {
    return {
      name: "factor-vae",
      summary: "VAE with a total correlation penalty, estimated by a discriminator",
      source: "Kim and Mnih 2018",
      settings: factorVaeSettings,
      notes: {
        ...vaeNotes,
        loss: "nats per sample, reconstruction + {beta} · kl + {gamma} · correlation; one draw of z an image",
        correlation:
          "nats per sample, total correlation by the discriminator; one draw of z an image",
      },
      bound: "ln p(x)",
    };
  }

  declare readonly settings: SettingsValues<FactorVaeSettings>;
  /** Codes → the logit of coming from the posterior rather than from its dimensions shuffled apart. */
  readonly discriminator: DenseCritic;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: FactorVaeOptions = {},
  ) {
    super(device, random, image, settings);
    const { latent, width } = this.settings;
    const units = Array.from({ length: LAYERS }, () => scaled(UNITS, width));
    this.discriminator = new DenseCritic(device, random, latent, units);
  }

  protected override lossOf(
    batch: Batch,
    posterior: Posterior,
    z: Tensor,
    key: RandomKey,
  ): LossTerms {
    const terms = super.lossOf(batch, posterior, z, key);
    const correlation = this.discriminator.forward(z);
    return { ...terms, loss: add(terms.loss, mul(correlation, this.settings.gamma)), correlation };
  }

  override updates(): readonly Update[] {
    const [vae] = super.updates() as [Update];
    const inDiscriminator = ({ name }: { readonly name: string }) =>
      name.startsWith("discriminator.");
    return [
      { ...vae, parameters: vae.parameters.filter((p) => !inDiscriminator(p)) },
      {
        name: "discriminator",
        parameters: vae.parameters.filter(inDiscriminator),
        rule: { kind: "adam", beta1: 0.5, beta2: 0.9 },
        rate: this.settings.discriminatorRate,
        setting: "discriminatorRate",
        terms: (batch, key) => {
          const z = stopGradient(this.drawFrom(this.posterior(batch), key));
          const [size = 1, latent = 1] = z.shape;
          if (size < latent)
            throw new UsageError(
              `factor-vae: batches of ${size} are smaller than the ${latent} latent dimensions that are shuffled; take --batch ${latent} or more`,
            );
          const together = realLoss(this.discriminator.forward(z));
          const apart = madeLoss(this.discriminator.forward(shuffleDimensions(z)));
          return { loss: mul(add(together, apart), 0.5) };
        },
      },
    ];
  }
}

/**
 * Codes whose dimensions come from different samples of the batch: dimension j from the sample j places
 * on. A batch is a random draw already, so its rows are exchangeable, and no further random numbers are
 * needed as long as there are not more dimensions than samples. No derivative.
 *
 * @param z [batch, latent]
 */
export function shuffleDimensions(z: Tensor): Tensor {
  const [batch = 1, latent = 1] = z.shape;
  const from = Uint32Array.from({ length: batch * latent }, (_, place) => {
    const [i, j] = [Math.floor(place / latent), place % latent];
    return ((i + j) % batch) * latent + j;
  });
  const places = variable(z.device, from, [from.length], "shuffled places");
  return reshape(gather(reshape(z, [batch * latent, 1]), places), [batch, latent]);
}

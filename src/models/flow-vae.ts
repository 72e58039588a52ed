import { add, mul, sub } from "../autograd/ops/elementwise.ts";
import type { RandomKey } from "../autograd/ops/random.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Sequential } from "../nn/sequential.ts";
import {
  choiceSetting,
  defineSettings,
  type SettingsOptions,
  type SettingsValues,
  wholeSetting,
} from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { relativeSettings, vaeNotes } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { AutoregressiveFlow, type Flow, PlanarFlow } from "./flows.ts";
import { logNormal, logStandardNormal } from "./losses.ts";
import type { ImageShape, LossTerms } from "./model.ts";
import type { NetworkOutputs } from "./network-graph.ts";
import { Vae } from "./vae.ts";

const flowVaeSettings = /* @__PURE__ */ defineSettings(() => ({
  ...relativeSettings,
  flow: choiceSetting(["planar", "iaf"], "planar flows, or inverse autoregressive ones"),
  steps: wholeSetting(5, [1, 64], "flows one after another (2 are usual for iaf)"),
  hidden: wholeSetting(32, [1, 4096], "hidden units of a masked network of iaf"),
}));

/**
 * Each setting of a VAE with flows: its default, what it may be, and what it does.
 *
 * @interface
 */
export type FlowVaeSettings = typeof flowVaeSettings;

/** What can be set of a VAE with flows; `latentgrad models flow-vae` lists it with the defaults. */
export type FlowVaeOptions = SettingsOptions<FlowVaeSettings>;

/**
 * VAE with normalising flows on the posterior (Rezende and Mohamed 2015; Kingma et al. 2016): z_0 is
 * drawn from N(μ, σ²) and goes through K flows. Minimises −E log p(x|z_K) + β·KL, where KL is the
 * estimate from the one draw, ln q_0(z_0) − Σ ln |det ∂f_k/∂z_(k−1)| − ln p(z_K).
 */
export class FlowVae extends Vae {
  static override get description(): ModelDescription<FlowVaeSettings> {
    return {
      name: "flow-vae",
      summary: "VAE with normalising flows on the posterior: planar or IAF",
      source: "Rezende and Mohamed 2015; Kingma et al. 2016",
      settings: flowVaeSettings,
      notes: {
        ...vaeNotes,
        kl: "nats per sample, estimated; one draw of z an image",
      },
      bound: "ln p(x)",
    };
  }

  declare readonly settings: SettingsValues<FlowVaeSettings>;
  /** The normalising flows that follow the posterior's draw, in their order. */
  readonly flows: Sequential;
  private readonly steps: readonly Flow[];

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: FlowVaeOptions = {},
  ) {
    super(device, random, image, settings);
    const { latent, flow, steps, hidden } = this.settings;
    const { features } = this.networks;
    if (flow === "iaf" && latent < 2)
      throw new UsageError("flow=iaf: a single latent dimension has none before it to depend on");
    const flows = Array.from({ length: steps }, (_, i) =>
      flow === "planar"
        ? new PlanarFlow(device, random, latent, features)
        : new AutoregressiveFlow(device, random, latent, features, {
            hidden,
            reversed: i % 2 === 1,
          }),
    );
    this.flows = new Sequential(...flows);
    this.steps = flows;
  }

  override terms(batch: Batch, key: RandomKey): LossTerms {
    const context = this.encoder.forward(batch.x);
    const posterior = this.posteriorOf(context);
    const start = this.drawFrom(posterior, key);
    const { z, logDeterminant } = this.transform(start, context);
    const reconstruction = this.reconstruction(batch, z);
    const { mean, logVariance } = posterior;
    const density = sub(logNormal(start, mean, logVariance), logDeterminant);
    const kl = sub(density, logStandardNormal(z));
    return { loss: add(reconstruction, mul(kl, this.beta.variable)), reconstruction, kl };
  }

  /** z_K of z_0, and the sum of the logarithms of all determinants. */
  transform(start: Tensor, context: Tensor): { z: Tensor; logDeterminant: Tensor } {
    let z = start;
    let total: Tensor | undefined;
    for (const flow of this.steps) {
      const { z: next, logDeterminant } = flow.forwardWith(z, context);
      z = next;
      total = total ? add(total, logDeterminant) : logDeterminant;
    }
    return { z, logDeterminant: total as Tensor };
  }

  /** z_0 of z_K. */
  inverse(end: Tensor, context: Tensor): Tensor {
    return this.steps.reduceRight((z, flow) => flow.inverseWith(z, context), end);
  }

  /** Where the flows take the posterior's mean. */
  override encode({ x }: Batch): Tensor {
    const context = this.encoder.forward(x);
    return this.transform(this.posteriorOf(context).mean, context).z;
  }

  override writeEncoder(): NetworkOutputs {
    throw new UsageError(
      "flow-vae: its codes go through normalising flows, which are no layers that can be exported",
    );
  }
}

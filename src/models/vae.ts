import { add, log, mul, softplus } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { split } from "../autograd/ops/shape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import type { Sequential } from "../nn/sequential.ts";
import type { SettingsOptions, SettingsValues } from "../settings/setting.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedSettings } from "./arguments.ts";
import { vaeNotes, vaeSettings } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { type Likelihood, likelihoodOf } from "./likelihoods.ts";
import { klToStandardNormal, reparameterise } from "./losses.ts";
import {
  type ImageShape,
  type LossTerms,
  type Model,
  type ScheduledWeight,
  soleUpdate,
  type Update,
} from "./model.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "./network-graph.ts";
import { buildNetworks, type Networks } from "./networks.ts";

/**
 * Each setting of a VAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type VaeSettings = typeof vaeSettings;

/** What can be set of a VAE; `latentgrad models vae` lists it with the defaults. */
export type VaeOptions = SettingsOptions<VaeSettings>;

/** Gaussian posteriors with independent dimensions; both [batch, latent]. */
export interface Posterior {
  readonly mean: Tensor;
  /** ln σ² */
  readonly logVariance: Tensor;
}

/**
 * Variational autoencoder (Kingma and Welling 2014): a Gaussian posterior N(μ(x), σ²(x)), the prior
 * N(0, I), Bernoulli or normal pixels. Minimises −E log p(x|z) + β·KL(q(z|x) ‖ p(z)).
 *
 * Its relatives are derived from it: they differ in the posterior, the divergence, or in what the
 * networks see beside x and z.
 */
export class Vae extends Module implements Model {
  /**
   * Name, settings, source, and how the loss terms are to be read: what is known of the model before one is made.
   */
  static get description(): ModelDescription<VaeSettings> {
    return {
      name: "vae",
      summary: "variational autoencoder with a weight β on the KL term",
      source: "Kingma and Welling 2014; Higgins et al. 2017 for β",
      settings: vaeSettings,
      notes: vaeNotes,
      bound: "ln p(x)",
    };
  }

  /** What it was built with. */
  readonly settings: SettingsValues<VaeSettings>;
  readonly latent: number;
  /** Encoder up to its last hidden layer. */
  readonly encoder: Sequential;
  /** Last hidden layer → [μ, ln σ²] side by side. */
  readonly head: Linear;
  /** z → logits or values of the pixels. */
  readonly decoder: Sequential;
  /** p(x|z): what the decoder's logits or values say of the pixels. */
  readonly likelihood: Likelihood;
  readonly beta: ScheduledWeight;
  /** @internal */
  protected readonly networks: Networks;
  private readonly rate: number;
  /** The head gives softplus⁻¹(σ), as in the 2-Stage VAE's code, not ln σ². */
  private readonly softplusHead: boolean;

  /**
   * @param random where the initial weights come from
   * @param conditions values that both networks see beside x and z
   * @throws UsageError for settings that it does not have, or that these images do not take
   */
  constructor(
    /** Where its weights are. */
    protected readonly device: Device,
    random: HostRandom,
    /** What it was built for. */
    protected readonly image: ImageShape,
    settings: VaeOptions = {},
    conditions = 0,
  ) {
    super();
    this.settings = checkedSettings(new.target.description, [device, random, image], settings);
    const { latent, beta, width, network, likelihood, learningRate } = this.settings;
    this.latent = latent;
    this.rate = learningRate;
    const weight = variable(device, Float32Array.of(beta), [], "beta");
    this.beta = { value: beta, variable: weight };
    const sizes = { latent: latent + conditions, width, condition: conditions };
    this.networks = buildNetworks(network, device, random, image, sizes);
    const { encoder, features, block, decoder } = this.networks;
    this.encoder = encoder;
    this.head = new Linear(
      device,
      random,
      features,
      2 * latent,
      block ? { flattenIn: block } : undefined,
    );
    this.decoder = decoder();
    this.softplusHead = network === "two-stage";
    this.likelihood = likelihoodOf(likelihood, device, image);
  }

  /**
   * The reconstruction of x, [batch, height, width, channels] → the same shape: pixels in [0, 1] (of a learned or normal likelihood its means),
   * or vectors.
   */
  override forward(x: Tensor): Tensor {
    return this.likelihood.mean(this.decoder.forward(this.posterior({ x }).mean));
  }

  /** q(z|x). */
  posterior(batch: Batch): Posterior {
    return this.posteriorOf(this.encoder.forward(this.encoderInput(batch)));
  }

  /** q(z|x) from the encoder's last hidden layer. */
  protected posteriorOf(features: Tensor): Posterior {
    const both = this.head.forward(features);
    const [mean, spread] = split(both, 1, [this.latent, this.latent]) as [Tensor, Tensor];
    const logVariance = this.softplusHead ? mul(log(add(softplus(spread), 1e-6)), 2) : spread;
    return { mean, logVariance };
  }

  terms(batch: Batch, key: RandomKey): LossTerms {
    const posterior = this.posterior(batch);
    return this.lossOf(batch, posterior, this.drawFrom(posterior, key), key);
  }

  /** One code for each sample. */
  protected drawFrom({ mean, logVariance }: Posterior, key: RandomKey): Tensor {
    return reparameterise(mean, logVariance, randomNormal(this.device, mean.shape, key));
  }

  /** The loss of codes z drawn from a posterior. */
  protected lossOf(batch: Batch, posterior: Posterior, z: Tensor, _key: RandomKey): LossTerms {
    const reconstruction = this.reconstruction(batch, z);
    const kl = this.divergence(posterior, batch);
    return { loss: add(reconstruction, mul(kl, this.beta.variable)), reconstruction, kl };
  }

  /** −ln p(x|z): [batch] nats. */
  protected reconstruction(batch: Batch, z: Tensor): Tensor {
    return this.likelihood.nll(this.decoder.forward(this.decoderInput(z, batch.label)), batch.x);
  }

  /** KL(q(z|x) ‖ p(z)): [batch] nats. */
  protected divergence({ mean, logVariance }: Posterior, _batch: Batch): Tensor {
    return klToStandardNormal(mean, logVariance);
  }

  /** What the encoder sees. */
  protected encoderInput({ x }: Batch): Tensor {
    return x;
  }

  /** What the decoder sees. */
  protected decoderInput(z: Tensor, _label: Tensor<"u32"> | undefined): Tensor {
    return z;
  }

  updates(): readonly Update[] {
    return [soleUpdate(this, this.rate, (batch, key) => this.terms(batch, key))];
  }

  encode(batch: Batch): Tensor {
    return this.posterior(batch).mean;
  }

  decode(z: Tensor, label?: Tensor<"u32">): Tensor {
    return this.likelihood.mean(this.decoder.forward(this.decoderInput(z, label)));
  }

  writeEncoder(graph: NetworkGraph): NetworkOutputs {
    const features = graph.layer(this.encoder, this.writeEncoderInput(graph));
    const both = graph.layer(this.head, features);
    const [mean, spread] = graph.split(both, [this.latent, this.latent]) as [
      GraphValue,
      GraphValue,
    ];
    const deviation = () => graph.plus(graph.softplus(spread), 1e-6);
    const logVariance = this.softplusHead ? graph.times(graph.log(deviation()), 2) : spread;
    return { mean, log_variance: logVariance };
  }

  writeDecoder(graph: NetworkGraph): GraphValue {
    const output = graph.layer(this.decoder, this.writeDecoderInput(graph));
    return this.likelihood.writeMean(graph, output);
  }

  /** As `encoderInput`. */
  protected writeEncoderInput(graph: NetworkGraph): GraphValue {
    return graph.image();
  }

  /** As `decoderInput`. */
  protected writeDecoderInput(graph: NetworkGraph): GraphValue {
    return graph.latent();
  }
}

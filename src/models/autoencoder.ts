import type { RandomKey } from "../autograd/ops/random.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import type { Sequential } from "../nn/sequential.ts";
import type {
  ChoiceSetting,
  NumberSetting,
  SettingsOptions,
  SettingsValues,
} from "../settings/setting.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkedSettings } from "./arguments.ts";
import type { ModelDescription } from "./definition.ts";
import { type Likelihood, type LikelihoodName, likelihoodOf } from "./likelihoods.ts";
import { type ImageShape, type LossTerms, type Model, soleUpdate, type Update } from "./model.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "./network-graph.ts";
import { buildNetworks, type NetworkName, type Networks } from "./networks.ts";

/** What every autoencoder can be set. */
export type AutoencoderSettings = {
  readonly network: ChoiceSetting<NetworkName>;
  readonly latent: NumberSetting;
  readonly width: NumberSetting;
  readonly learningRate: NumberSetting;
};

/** An encoder to one code for each image, and a decoder. What regularises the codes is derived from it. */
export abstract class Autoencoder extends Module implements Model {
  /**
   * Name, settings, source, and how the loss terms are to be read: what is known of the model before one is made.
   */
  declare static readonly description: ModelDescription<AutoencoderSettings>;

  /** What it was built with. */
  readonly settings: SettingsValues<AutoencoderSettings>;
  readonly latent: number;
  /** Encoder up to its last hidden layer. */
  readonly encoder: Sequential;
  /** Last hidden layer → z. */
  readonly head: Linear;
  /** z → logits or values of the pixels. */
  readonly decoder: Sequential;
  /** p(x|z): what the decoder's logits or values say of the pixels. */
  readonly likelihood: Likelihood;
  /** @internal */
  protected readonly networks: Networks;
  /** The learning rate that it was built with. */
  protected readonly rate: number;

  /**
   * @param random where the initial weights come from
   * @param likelihood p(x|z); by default Bernoulli pixels, or vectors of variance 1
   * @throws UsageError for settings that it does not have, or that these images do not take
   */
  constructor(
    /** Where its weights are. */
    protected readonly device: Device,
    random: HostRandom,
    /** What it was built for. */
    protected readonly image: ImageShape,
    settings: SettingsOptions<AutoencoderSettings> = {},
    likelihood: LikelihoodName = "auto",
  ) {
    super();
    this.settings = checkedSettings(new.target.description, [device, random, image], settings);
    const { latent, width, network, learningRate } = this.settings;
    this.latent = latent;
    this.rate = learningRate;
    this.networks = buildNetworks(network, device, random, image, { latent, width });
    const { encoder, features, block, decoder } = this.networks;
    this.encoder = encoder;
    this.head = new Linear(
      device,
      random,
      features,
      latent,
      block ? { flattenIn: block } : undefined,
    );
    this.decoder = decoder();
    this.likelihood = likelihoodOf(likelihood, device, image);
  }

  /**
   * The reconstruction of x, [batch, height, width, channels] → the same shape: pixels in [0, 1] (of a learned or normal likelihood its means),
   * or vectors.
   */
  override forward(x: Tensor): Tensor {
    return this.decode(this.encode({ x }));
  }

  encode({ x }: Batch): Tensor {
    return this.head.forward(this.encoder.forward(x));
  }

  decode(z: Tensor): Tensor {
    return this.likelihood.mean(this.decoder.forward(z));
  }

  writeEncoder(graph: NetworkGraph): NetworkOutputs {
    return { latent: graph.layer(this.head, graph.layer(this.encoder, graph.image())) };
  }

  writeDecoder(graph: NetworkGraph): GraphValue {
    return this.likelihood.writeMean(graph, graph.layer(this.decoder, graph.latent()));
  }

  /** −ln p(x|z): [batch] nats. */
  protected reconstruction({ x }: Batch, z: Tensor): Tensor {
    return this.likelihood.nll(this.decoder.forward(z), x);
  }

  terms(batch: Batch, _key: RandomKey): LossTerms {
    const reconstruction = this.reconstruction(batch, this.encode(batch));
    return { loss: reconstruction, reconstruction };
  }

  updates(): readonly Update[] {
    return [soleUpdate(this, this.rate, (batch, key) => this.terms(batch, key))];
  }
}

import { add, mul, sigmoid } from "../autograd/ops/elementwise.ts";
import { type RandomKey, randomNormal } from "../autograd/ops/random.ts";
import { split } from "../autograd/ops/shape.ts";
import type { Device } from "../gpu/device.ts";
import { ShapeError } from "../gpu/errors.ts";
import { Conv2d, ConvTranspose2d } from "../nn/convolution.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Flatten, ReLU, Sequential, Unflatten } from "../nn/sequential.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { bernoulliNll, klToStandardNormal, reparameterise } from "./losses.ts";
import type { ImageShape, Model, SampleTerms, ScheduledWeight } from "./model.ts";

export interface VaeOptions {
  /** `conv`: the convolutional VAE of the Keras examples; `dense`: one hidden layer each way. */
  readonly network: "conv" | "dense";
  /** Latent dimensions. */
  readonly latent: number;
  /** Weight of the KL term (Higgins et al. 2017); 1 is the VAE. */
  readonly beta: number;
  /** Factor on the number of filters, or of the dense network's hidden units; 1 is as published. */
  readonly width: number;
}

/**
 * Variational autoencoder (Kingma and Welling 2014): a Gaussian posterior N(μ(x), σ²(x)), the prior
 * N(0, I), Bernoulli pixels. Minimises −E log p(x|z) + β·KL(q(z|x) ‖ p(z)).
 */
export class Vae extends Module implements Model {
  readonly latent: number;
  /** Encoder up to its last hidden layer. */
  readonly encoder: Sequential;
  /** Last hidden layer → [μ, ln σ²] side by side. */
  readonly head: Linear;
  /** z → logits of the pixels. */
  readonly decoder: Sequential;
  readonly beta: ScheduledWeight;

  /** @throws ShapeError for latent dimensions, a width or a β that no model has */
  constructor(device: Device, random: HostRandom, image: ImageShape, options: VaeOptions) {
    super();
    const { latent, beta, width } = options;
    if (!Number.isInteger(latent) || latent < 1)
      throw new ShapeError("vae", `latent is ${latent}, expected a whole number from 1 on`);
    if (!(width > 0 && width < Number.POSITIVE_INFINITY))
      throw new ShapeError("vae", `width is ${width}, expected a number above 0`);
    if (!(beta >= 0 && beta < Number.POSITIVE_INFINITY))
      throw new ShapeError("vae", `beta is ${beta}, expected a number from 0 on`);
    this.latent = options.latent;
    const weight = variable(device, Float32Array.of(options.beta), [], "beta");
    this.beta = { value: options.beta, variable: weight };
    const build = options.network === "conv" ? convNetworks : denseNetworks;
    const { encoder, features, decoder } = build(device, random, image, options);
    this.encoder = encoder;
    this.head = new Linear(device, random, features, 2 * options.latent);
    this.decoder = decoder();
  }

  override forward(x: Tensor): Tensor {
    return this.decode(this.encode(x));
  }

  /** μ and ln σ², each [batch, latent]. */
  posterior(x: Tensor): { mean: Tensor; logVariance: Tensor } {
    const both = this.head.forward(this.encoder.forward(x));
    const [mean, logVariance] = split(both, 1, [this.latent, this.latent]) as [Tensor, Tensor];
    return { mean, logVariance };
  }

  terms(x: Tensor, key: RandomKey): SampleTerms & { readonly loss: Tensor } {
    const { mean, logVariance } = this.posterior(x);
    const epsilon = randomNormal(x.device, mean.shape, key);
    const logits = this.decoder.forward(reparameterise(mean, logVariance, epsilon));
    const reconstruction = bernoulliNll(logits, x);
    const kl = klToStandardNormal(mean, logVariance);
    return { loss: add(reconstruction, mul(kl, this.beta.variable)), reconstruction, kl };
  }

  encode(x: Tensor): Tensor {
    return this.posterior(x).mean;
  }

  decode(z: Tensor): Tensor {
    return sigmoid(this.decoder.forward(z));
  }
}

interface Networks {
  readonly encoder: Sequential;
  /** Width of the encoder's last hidden layer. */
  readonly features: number;
  /** Built after the head, so that the random weights are drawn in the order of the network. */
  readonly decoder: () => Sequential;
}

/**
 * The convolutional VAE of the Keras examples, for images of any size: conv32 and conv64 (3×3,
 * stride 2), dense 16; decoder dense, convT64 and convT32 (stride 2), convT to the image's channels.
 * With z = 2 on 28×28×1: 69,076 + 65,089 parameters.
 */
function convNetworks(
  device: Device,
  random: HostRandom,
  image: ImageShape,
  { latent, width }: VaeOptions,
): Networks {
  const half = (n: number): number => Math.ceil(n / 2);
  const middle = [half(image.height), half(image.width)] as const;
  const inner = [half(middle[0]), half(middle[1])] as const;
  const first = scaled(32, width);
  const second = scaled(64, width);
  const features = 16; // narrower, it would be the bottleneck in place of the code
  const block = [...inner, second] as const;
  const flat = inner[0] * inner[1] * second;
  const stride = { stride: 2 } as const;
  return {
    encoder: new Sequential(
      new Conv2d(device, random, image.channels, first, 3, stride),
      ReLU(),
      new Conv2d(device, random, first, second, 3, stride),
      ReLU(),
      Flatten(),
      new Linear(device, random, flat, features, { flattenIn: block }),
      ReLU(),
    ),
    features,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, flat, { flattenOut: block }),
        ReLU(),
        Unflatten(block),
        new ConvTranspose2d(device, random, second, second, 3, { ...stride, outputSize: middle }),
        ReLU(),
        new ConvTranspose2d(device, random, second, first, 3, {
          ...stride,
          outputSize: [image.height, image.width],
        }),
        ReLU(),
        new ConvTranspose2d(device, random, first, image.channels, 3),
      ),
  };
}

/** The dense VAE 784-400-z-400-784, for images of any size. */
function denseNetworks(
  device: Device,
  random: HostRandom,
  image: ImageShape,
  { latent, width }: VaeOptions,
): Networks {
  const { height, width: columns, channels } = image;
  const pixels = height * columns * channels;
  const hidden = scaled(400, width);
  const block = [height, columns, channels] as const;
  return {
    encoder: new Sequential(
      Flatten(),
      new Linear(device, random, pixels, hidden, { flattenIn: block }),
      ReLU(),
    ),
    features: hidden,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, hidden),
        ReLU(),
        new Linear(device, random, hidden, pixels, { flattenOut: block }),
        Unflatten(block),
      ),
  };
}

function scaled(count: number, factor: number): number {
  return Math.max(1, Math.round(count * factor));
}

import { concat } from "../autograd/ops/join.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { broadcastTo } from "../autograd/ops/sum.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { BatchNorm } from "../nn/batch-norm.ts";
import { Conv2d, ConvTranspose2d } from "../nn/convolution.ts";
import { glorotNormal, glorotUniform, type HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import type { Module } from "../nn/module.ts";
import { Flatten, LeakyReLU, ReLU, Sequential, Unflatten } from "../nn/sequential.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ImageShape } from "./model.ts";
import type { GraphValue, NetworkGraph } from "./network-graph.ts";

/** What an encoder and a decoder are built for. */
export interface NetworkOptions {
  /** Inputs of the decoder. */
  readonly latent: number;
  /** Factor on the numbers of filters and hidden units; 1 is as published. */
  readonly width: number;
  /** Values beside each image that the encoder takes, too; default none. */
  readonly condition?: number;
}

/** An encoder up to its last hidden layer, and a decoder to the logits or values of the pixels. */
export interface Networks {
  readonly encoder: Sequential;
  /** Width of the encoder's last hidden layer. */
  readonly features: number;
  /** [H, W, C] of the last hidden layer where it is a flattened image. */
  readonly block?: readonly [number, number, number];
  /** Built after what stands on the encoder, so that the random weights are drawn in that order. */
  readonly decoder: () => Sequential;
  /** Whether a condition becomes planes beside the channels, not values behind the pixels. */
  readonly planes: boolean;
}

type Builder = (
  device: Device,
  random: HostRandom,
  image: ImageShape,
  options: NetworkOptions,
) => Networks;

/**
 * The convolutional VAE of the Keras examples, for images of any size: conv32 and conv64 (3×3,
 * stride 2), dense 16; decoder dense, convT64 and convT32 (stride 2), convT to the image's channels.
 * With z = 2 on 28×28×1: 69,076 + 65,089 parameters.
 */
const conv: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const [middle, inner] = halvings(image, 2) as [Size, Size];
  const first = scaled(32, width);
  const second = scaled(64, width);
  const features = 16; // narrower, it would be the bottleneck in place of the code
  const block = [...inner, second] as const;
  const flat = sizeOfBlock(block);
  const stride = { stride: 2 } as const;
  return {
    encoder: new Sequential(
      new Conv2d(device, random, image.channels + condition, first, 3, stride),
      ReLU(),
      new Conv2d(device, random, first, second, 3, stride),
      ReLU(),
      Flatten(),
      new Linear(device, random, flat, features, { flattenIn: block }),
      ReLU(),
    ),
    features,
    planes: true,
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
};

/** The dense VAE 784-400-z-400-784, for images of any size and for vectors. */
const dense: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const { height, width: columns, channels } = image;
  const block = [height, columns, channels] as const;
  const pixels = sizeOfBlock(block);
  const hidden = scaled(400, width);
  return {
    encoder: new Sequential(
      Flatten(),
      new Linear(device, random, pixels + condition, hidden, { flattenIn: block }),
      ReLU(),
    ),
    features: hidden,
    planes: false,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, hidden),
        ReLU(),
        new Linear(device, random, hidden, pixels, { flattenOut: block }),
        Unflatten(block),
      ),
  };
};

/**
 * Four dense layers of 1024 each way (MaskAAE), Glorot's normal weights, no normalisation; for images
 * and vectors.
 */
const mlp: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const block = [image.height, image.width, image.channels] as const;
  const pixels = sizeOfBlock(block);
  const hidden = scaled(1024, width);
  return {
    encoder: new Sequential(
      Flatten(),
      ...hiddenLayers(device, random, pixels + condition, [hidden, hidden, hidden, hidden], {
        flattenIn: block,
      }),
    ),
    features: hidden,
    planes: false,
    decoder: () =>
      new Sequential(
        ...hiddenLayers(device, random, latent, [hidden, hidden, hidden, hidden]),
        new Linear(device, random, hidden, pixels, {
          flattenOut: block,
          initialiser: glorotNormal,
        }),
        Unflatten(block),
      ),
  };
};

/**
 * The network of the 2-Stage VAE's authors (Dai and Wipf 2019): conv64 and conv128 (4×4, stride 2),
 * dense 1024; decoder dense 1024, dense to 7·7·128, convT64, convT to the image's channels. Batch norm
 * behind every hidden layer but the first, leaky ReLU in the encoder. Without the authors' spectral norm.
 */
const twoStage: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const [middle, inner] = halvings(image, 2) as [Size, Size];
  const first = scaled(64, width);
  const second = scaled(128, width);
  const features = scaled(1024, width);
  const block = [...inner, second] as const;
  const flat = sizeOfBlock(block);
  const normed = { stride: 2, bias: false } as const;
  return {
    encoder: new Sequential(
      new Conv2d(device, random, image.channels + condition, first, 4, { stride: 2 }),
      LeakyReLU(),
      new Conv2d(device, random, first, second, 4, normed),
      new BatchNorm(device, second),
      LeakyReLU(),
      Flatten(),
      new Linear(device, random, flat, features, { flattenIn: block, bias: false }),
      new BatchNorm(device, features),
      LeakyReLU(),
    ),
    features,
    planes: true,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, features, { bias: false }),
        new BatchNorm(device, features),
        ReLU(),
        // Over the flat units, each with a γ and β of its own, as the authors have it.
        new Linear(device, random, features, flat, { flattenOut: block, bias: false }),
        new BatchNorm(device, flat, { flattenOut: block }),
        ReLU(),
        Unflatten(block),
        new ConvTranspose2d(device, random, second, first, 4, { ...normed, outputSize: middle }),
        new BatchNorm(device, first),
        ReLU(),
        new ConvTranspose2d(device, random, first, image.channels, 4, {
          stride: 2,
          outputSize: [image.height, image.width],
        }),
      ),
  };
};

/**
 * The network of the WAE's authors (Tolstikhin et al. 2018) on MNIST: conv128, 256, 512 and 1024 (4×4,
 * stride 2); decoder dense to 7·7·1024, convT512 and convT256 (stride 2), convT to the image's
 * channels. Batch norm and ReLU behind every hidden convolution.
 */
const wae: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const sizes = halvings(image, 4);
  const [middle, start] = sizes as [Size, Size];
  const filters = [128, 256, 512, 1024].map((n) => scaled(n, width));
  const [, small, large, widest] = filters as [number, number, number, number];
  const last = sizes[3] as Size;
  const block = [...start, widest] as const;
  const normed = { stride: 2, bias: false } as const;
  return {
    encoder: new Sequential(
      ...filters.flatMap((n, i) => [
        new Conv2d(device, random, filters[i - 1] ?? image.channels + condition, n, 4, normed),
        new BatchNorm(device, n),
        ReLU(),
      ]),
      Flatten(),
    ),
    features: last[0] * last[1] * widest,
    block: [...last, widest],
    planes: true,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, sizeOfBlock(block), { flattenOut: block }),
        ReLU(),
        Unflatten(block),
        new ConvTranspose2d(device, random, widest, large, 4, { ...normed, outputSize: middle }),
        new BatchNorm(device, large),
        ReLU(),
        new ConvTranspose2d(device, random, large, small, 4, {
          ...normed,
          outputSize: [image.height, image.width],
        }),
        new BatchNorm(device, small),
        ReLU(),
        new ConvTranspose2d(device, random, small, image.channels, 4),
      ),
  };
};

/**
 * FlexAE's network: conv64 (4×4, stride 2), conv128 and dense 1024 with batch norm; decoder dense 1024,
 * dense to 7·7·128, convT128 and convT64 (4×4, stride 2) with batch norm, conv 3×3.
 */
const flex: Builder = (device, random, image, { latent, width, condition = 0 }) => {
  const [middle, inner] = halvings(image, 2) as [Size, Size];
  const first = scaled(64, width);
  const second = scaled(128, width);
  const features = scaled(1024, width);
  const block = [...inner, second] as const;
  const flat = sizeOfBlock(block);
  const normed = { stride: 2, bias: false } as const;
  return {
    encoder: new Sequential(
      new Conv2d(device, random, image.channels + condition, first, 4, { stride: 2 }),
      ReLU(),
      new Conv2d(device, random, first, second, 4, normed),
      new BatchNorm(device, second),
      ReLU(),
      Flatten(),
      new Linear(device, random, flat, features, { flattenIn: block, bias: false }),
      new BatchNorm(device, features),
      ReLU(),
    ),
    features,
    planes: true,
    decoder: () =>
      new Sequential(
        new Linear(device, random, latent, features, { bias: false }),
        new BatchNorm(device, features),
        ReLU(),
        // Over the flat units, each with a γ and β of its own, as the authors have it.
        new Linear(device, random, features, flat, { flattenOut: block, bias: false }),
        new BatchNorm(device, flat, { flattenOut: block }),
        ReLU(),
        Unflatten(block),
        new ConvTranspose2d(device, random, second, second, 4, { ...normed, outputSize: middle }),
        new BatchNorm(device, second),
        ReLU(),
        new ConvTranspose2d(device, random, second, first, 4, {
          ...normed,
          outputSize: [image.height, image.width],
        }),
        new BatchNorm(device, first),
        ReLU(),
        new Conv2d(device, random, first, image.channels, 3),
      ),
  };
};

/** A network by the name that settings give it. */
export type NetworkName = "conv" | "dense" | "mlp" | "two-stage" | "wae" | "flex";

const builders = { conv, dense, mlp, "two-stage": twoStage, wae, flex } as const satisfies Record<
  NetworkName,
  unknown
>;

/** What `--set network=` can be, with a line on each. */
export const networks: Readonly<Record<NetworkName, string>> = {
  conv: "two strided convolutions each way (Keras' example)",
  dense: "one hidden layer of 400",
  mlp: "four dense layers of 1024 (MaskAAE)",
  "two-stage": "conv64, conv128, dense 1024 with batch norm (2-Stage VAE)",
  wae: "four convolutions, 128 to 1024 filters (WAE)",
  flex: "conv64, conv128, dense 1024 with batch norm (FlexAE)",
};

/** Builds an encoder and a decoder. Throws UsageError for vectors that the network does not take. */
export function buildNetworks(
  name: NetworkName,
  device: Device,
  random: HostRandom,
  image: ImageShape,
  options: NetworkOptions,
): Networks {
  if (image.vectors && name !== "dense" && name !== "mlp")
    throw new UsageError(
      `network=${name} is for images; vectors take dense, or mlp in models that have it`,
    );
  return builders[name](device, random, image, options);
}

/** Dense layers with ReLU: an encoder's, a critic's or a generator's hidden part. */
export function hiddenLayers(
  device: Device,
  random: HostRandom,
  inputs: number,
  units: readonly number[],
  first: { readonly flattenIn?: readonly [number, number, number] } = {},
  initialiser = glorotNormal,
): Module[] {
  return units.flatMap((n, i) => [
    new Linear(device, random, units[i - 1] ?? inputs, n, {
      initialiser,
      ...(i === 0 ? first : {}),
    }),
    ReLU(),
  ]);
}

/** A critic or discriminator on codes: dense layers with ReLU, then one number. [batch, n] → [batch]. */
export class DenseCritic extends Sequential {
  constructor(
    device: Device,
    random: HostRandom,
    inputs: number,
    units: readonly number[],
    initialiser = glorotUniform,
  ) {
    super(
      ...hiddenLayers(device, random, inputs, units, {}, initialiser),
      new Linear(device, random, units.at(-1) ?? inputs, 1, { initialiser }),
    );
  }

  /**
   * Codes, [batch, latent] → one number each, [batch]: the logit of being a draw from the prior, or the critic's score.
   */
  override forward(x: Tensor): Tensor {
    return reshape(super.forward(x), [x.shape[0] ?? 1]);
  }
}

/**
 * What an encoder sees of images with a condition: planes of constant value beside the channels, or
 * the values behind the pixels.
 *
 * @param x [batch, height, width, channels] @param condition [batch, n]
 */
export function withCondition(x: Tensor, condition: Tensor, { planes }: Networks): Tensor {
  const [batch = 1, height = 1, width = 1] = x.shape;
  const n = condition.shape[1] ?? 1;
  if (!planes) return concat([reshape(x, [batch, -1]), condition], 1);
  const plane = reshape(condition, [batch, 1, 1, n]);
  return concat([x, broadcastTo(plane, [batch, height, width, n])], 3);
}

/** Writes `withCondition` down. */
export function writeCondition(
  graph: NetworkGraph,
  x: GraphValue,
  condition: GraphValue,
  { planes }: Networks,
): GraphValue {
  if (!planes) return graph.concat([graph.flatten(x), condition]);
  const [height = 1, width = 1] = x.shape;
  return graph.concat([x, graph.planes(condition, [height, width])]);
}

type Size = readonly [number, number];

/** The sizes of an image after each of n layers of stride 2. */
function halvings({ height, width }: ImageShape, n: number): Size[] {
  const sizes: Size[] = [];
  let size: Size = [height, width];
  for (let i = 0; i < n; i++) {
    size = [Math.ceil(size[0] / 2), Math.ceil(size[1] / 2)];
    sizes.push(size);
  }
  return sizes;
}

function sizeOfBlock(block: readonly number[]): number {
  return block.reduce((product, n) => product * n, 1);
}

export function scaled(count: number, factor: number): number {
  return Math.max(1, Math.round(count * factor));
}

import { concat } from "../autograd/ops/join.ts";
import type { Device } from "../gpu/device.ts";
import { Conv2d, ConvTranspose2d } from "../nn/convolution.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { Linear } from "../nn/linear.ts";
import { Module } from "../nn/module.ts";
import { Flatten, ReLU, Sequential, Unflatten } from "../nn/sequential.ts";
import { zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ImageShape } from "./model.ts";
import type { GraphValue, NetworkGraph } from "./network-graph.ts";
import { scaled } from "./networks.ts";

/**
 * A convolutional encoder and decoder of two levels whose feature maps can go across, as in the U-Net
 * (Ronneberger, Fischer and Brox 2015).
 *
 *   encoder: conv32, conv64 (3×3, stride 2), dense 512
 *   decoder: dense to 7·7·64, convT64, convT32 (3×3, stride 2), convT to the image's channels
 *
 * Deeper, a 3×3 convolution of stride 1 follows each layer of stride 2. ReLU behind every hidden layer.
 */
export interface SkipNetworkOptions {
  /** Factor on the numbers of filters and hidden units. */
  readonly width: number;
  readonly deeper: boolean;
}

interface Level {
  readonly size: readonly [number, number];
  readonly filters: number;
}

/** The encoder's feature maps, the largest first: [batch, height, width, filters] each. */
export type Maps = readonly [Tensor, Tensor];

function levelsOf({ height, width }: ImageShape, factor: number): readonly [Level, Level] {
  const half = (n: number) => Math.ceil(n / 2);
  const middle = [half(height), half(width)] as const;
  const inner = [half(middle[0]), half(middle[1])] as const;
  return [
    { size: middle, filters: scaled(32, factor) },
    { size: inner, filters: scaled(64, factor) },
  ];
}

export class SkipEncoder extends Module {
  /** Width of the last hidden layer. */
  readonly features: number;
  readonly first: Sequential;
  readonly second: Sequential;
  readonly dense: Sequential;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    { width, deeper }: SkipNetworkOptions,
  ) {
    super();
    const [middle, inner] = levelsOf(image, width);
    const level = (from: number, to: number) =>
      new Sequential(
        new Conv2d(device, random, from, to, 3, { stride: 2 }),
        ReLU(),
        ...(deeper ? [new Conv2d(device, random, to, to, 3), ReLU()] : []),
      );
    this.first = level(image.channels, middle.filters);
    this.second = level(middle.filters, inner.filters);
    this.features = scaled(512, width);
    const block = [...inner.size, inner.filters] as const;
    const flat = block[0] * block[1] * block[2];
    this.dense = new Sequential(
      Flatten(),
      new Linear(device, random, flat, this.features, { flattenIn: block }),
      ReLU(),
    );
  }

  /** Images, [batch, height, width, channels] → features, [batch, features]. */
  override forward(x: Tensor): Tensor {
    return this.see(x).features;
  }

  /** x: [batch, height, width, channels] → features [batch, n], and the maps on the way. */
  see(x: Tensor): { readonly features: Tensor; readonly maps: Maps } {
    const first = this.first.forward(x);
    const second = this.second.forward(first);
    return { features: this.dense.forward(second), maps: [first, second] };
  }

  /** Writes `forward` down. */
  write(graph: NetworkGraph, x: GraphValue): GraphValue {
    return graph.layer(this.dense, graph.layer(this.second, graph.layer(this.first, x)));
  }
}

export class SkipDecoder extends Module {
  readonly start: Sequential;
  readonly second: Sequential;
  readonly first: Sequential;
  readonly output: ConvTranspose2d;
  private readonly levels: readonly [Level, Level];

  /** @param skips it takes the encoder's maps beside its own */
  constructor(
    private readonly device: Device,
    random: HostRandom,
    image: ImageShape,
    latent: number,
    { width, deeper }: SkipNetworkOptions,
    private readonly skips: boolean,
  ) {
    super();
    const [middle, inner] = levelsOf(image, width);
    this.levels = [middle, inner];
    const block = [...inner.size, inner.filters] as const;
    const flat = block[0] * block[1] * block[2];
    this.start = new Sequential(
      new Linear(device, random, latent, flat, { flattenOut: block }),
      ReLU(),
      Unflatten(block),
    );
    const level = (from: number, to: number, outputSize: readonly [number, number]) =>
      new Sequential(
        new ConvTranspose2d(device, random, from, to, 3, { stride: 2, outputSize }),
        ReLU(),
        ...(deeper ? [new Conv2d(device, random, to, to, 3), ReLU()] : []),
      );
    const seen = (filters: number) => (skips ? filters : 0);
    const { filters } = inner;
    this.second = level(filters + seen(filters), filters, middle.size);
    this.first = level(filters + seen(middle.filters), middle.filters, [image.height, image.width]);
    this.output = new ConvTranspose2d(device, random, middle.filters, image.channels, 3);
  }

  /** Logits of the pixels from codes alone. z: [batch, latent] → [batch, height, width, channels] */
  override forward(z: Tensor): Tensor {
    return this.decode(z);
  }

  /** The same with an encoder's maps; without them a decoder that takes maps sees zeros. */
  decode(z: Tensor, maps?: Maps): Tensor {
    const [batch = 1] = z.shape;
    const beside = (x: Tensor, level: 0 | 1) => {
      if (!this.skips) return x;
      const { size, filters } = this.levels[level];
      return concat([x, maps?.[level] ?? zeros(this.device, [batch, ...size, filters])], 3);
    };
    const inner = this.second.forward(beside(this.start.forward(z), 1));
    return this.output.forward(this.first.forward(beside(inner, 0)));
  }

  /** Writes `forward` down. */
  write(graph: NetworkGraph, z: GraphValue): GraphValue {
    const beside = (x: GraphValue, level: 0 | 1) =>
      this.skips ? graph.withZeros(x, this.levels[level].filters) : x;
    const inner = graph.layer(this.second, beside(graph.layer(this.start, z), 1));
    return graph.layer(this.output, graph.layer(this.first, beside(inner, 0)));
  }
}

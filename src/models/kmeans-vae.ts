import { add } from "../autograd/ops/elementwise.ts";
import { gather } from "../autograd/ops/indexing.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { withoutTape } from "../autograd/tape.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { type NamedTensor, plain } from "../nn/module.ts";
import { assign, variable } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encodeAll } from "./codes.ts";
import {
  latentSetting,
  type ModelDefinition,
  vaeNotes,
  vaeOptions,
  vaeSettings,
  wholeSetting,
} from "./definition.ts";
import { type Clusters, lloyd, nearestCentre, plusPlus } from "./kmeans.ts";
import { klToCentre } from "./losses.ts";
import { ComponentChoice } from "./mixture.ts";
import type { Batch, ExampleSource, ImageShape, Prior } from "./model.ts";
import { type Posterior, Vae, type VaeOptions } from "./vae.ts";

export interface KMeansVaeOptions extends VaeOptions {
  /** K. */
  readonly clusters: number;
  /** Rounds of Lloyd's algorithm before each epoch. */
  readonly rounds: number;
}

/** Streams of the draws of k-means++, behind those of evaluations. */
const STREAM = 3000;

/**
 * K-means VAE: the prior of an image is N(c, I), c the nearest to its μ of K centres. The centres start by
 * k-means++ on the untrained encoder's codes and are refitted to all codes before each epoch.
 * Minimises −E log p(x|z) + β·½Σ(σ² + (μ − c)² − 1 − ln σ²).
 */
export class KMeansVae extends Vae {
  /** [clusters, latent] */
  readonly centres: Tensor;
  /** Share of the images in each cluster. */
  readonly weights: Tensor;
  private readonly choice: ComponentChoice;
  private readonly rounds: number;

  constructor(device: Device, random: HostRandom, image: ImageShape, options: KMeansVaeOptions) {
    super(device, random, image, options);
    const { clusters, latent, rounds } = options;
    this.centres = variable(
      device,
      new Float32Array(clusters * latent),
      [clusters, latent],
      "centres",
    );
    const even = new Float32Array(clusters).fill(1 / clusters);
    this.weights = variable(device, even, [clusters], "cluster weights");
    this.choice = new ComponentChoice(device, clusters);
    this.rounds = rounds;
  }

  get prior(): Prior {
    return {
      noise: this.latent,
      draw: (normal, uniform) =>
        add(normal, matmul(this.choice.choose(uniform, this.weights), this.centres)),
    };
  }

  protected override divergence({ mean, logVariance }: Posterior, _batch: Batch): Tensor {
    // Which centre is nearest has no derivative, and the centres are no parameters.
    const centre = withoutTape(() => gather(this.centres, nearestCentre(mean, this.centres)));
    return klToCentre(mean, logVariance, centre);
  }

  /** Refits the centres to the codes of all examples. */
  async beforeEpoch(
    epoch: number,
    examples: ExampleSource,
    seed: readonly [number, number],
    pause?: () => Promise<void>,
  ): Promise<void> {
    const { device, centres, weights, rounds } = this;
    const [clusters = 1] = centres.shape;
    const codes = await encodeAll(device, this, examples, pause);
    const step = variable(device, Uint32Array.of(epoch), [1], "epoch");
    let found: Clusters = { centres, weights };
    if (epoch === 1) {
      const key = { seed, step, stream: STREAM };
      found = { centres: await plusPlus(codes, clusters, key, pause), weights };
    }
    for (let i = 0; i < rounds; i++) {
      const before = found;
      found = scope(device, () => withoutTape(() => lloyd(codes, before.centres)));
      if (before.centres !== centres) device.release(before.centres.value);
      if (before.weights !== weights) device.release(before.weights.value);
      await pause?.();
    }
    // Only now: a refit that is given up leaves the centres as they were.
    assign(centres, found.centres);
    assign(weights, found.weights);
    for (const { value } of [codes, step, found.centres, found.weights]) device.release(value);
  }

  protected override ownBuffers(): NamedTensor[] {
    return [plain("centres", this.centres), plain("cluster_weights", this.weights)];
  }
}

export const kmeansVae: ModelDefinition = {
  name: "kmeans-vae",
  summary: "VAE whose prior has K centres, refitted by k-means; no labels",
  source: "K-means VAE: unsupervised priors on structured latent spaces",
  settings: {
    ...vaeSettings,
    latent: latentSetting(20),
    clusters: wholeSetting(10, [1, 1000], "K"),
    rounds: wholeSetting(10, [1, 1000], "rounds of k-means before each epoch"),
  },
  // The prior depends on the image: the terms bound no density.
  notes: {
    ...vaeNotes,
    kl: "nats per sample, to the prior of the nearest centre, summed over latent dimensions",
  },
  build: (device, random, data, settings) =>
    new KMeansVae(device, random, data, {
      ...vaeOptions(settings),
      clusters: settings.number("clusters"),
      rounds: settings.number("rounds"),
    }),
};

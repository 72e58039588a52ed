import { add, log, mul, neg } from "../autograd/ops/elementwise.ts";
import { gather } from "../autograd/ops/indexing.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { noGrad } from "../autograd/tape.ts";
import type { Batch, ExampleSource } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { type NamedTensor, plain } from "../nn/module.ts";
import {
  defineSettings,
  type SettingsOptions,
  type SettingsValues,
  wholeSetting,
} from "../settings/setting.ts";
import { assign, variable } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encodeAll } from "./codes.ts";
import { relativeSettings, vaeNotes } from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { lloyd, nearestCluster, plusPlus, sharesOf } from "./kmeans.ts";
import { klToCentre } from "./losses.ts";
import { ComponentChoice } from "./mixture.ts";
import type { ImageShape, LossTerms, Prior } from "./model.ts";
import { type Posterior, Vae } from "./vae.ts";

const kmeansVaeSettings = /* @__PURE__ */ defineSettings(() => ({
  ...relativeSettings,
  clusters: wholeSetting(10, [1, 1000], "K"),
  rounds: wholeSetting(10, [1, 1000], "rounds of k-means before each epoch"),
}));

/**
 * Each setting of a K-means VAE: its default, what it may be, and what it does.
 *
 * @interface
 */
export type KMeansVaeSettings = typeof kmeansVaeSettings;

/** What can be set of a K-means VAE; `latentgrad models kmeans-vae` lists it with the defaults. */
export type KMeansVaeOptions = SettingsOptions<KMeansVaeSettings>;

/** Streams of the draws of k-means++, behind those of evaluations. */
const STREAM = 3000;

/**
 * K-means VAE: the prior of an image is N(c, I), c the nearest to its μ of K centres. The centres start by
 * k-means++ on the untrained encoder's codes and are refitted to all codes before each epoch.
 * Minimises −E log p(x|z) + β·½Σ(σ² + (μ − c)² − 1 − ln σ²).
 */
export class KMeansVae extends Vae {
  static override get description(): ModelDescription<KMeansVaeSettings> {
    return {
      name: "kmeans-vae",
      summary: "VAE whose prior has K centres, refitted by k-means; no labels",
      source: "K-means VAE: unsupervised priors on structured latent spaces",
      settings: kmeansVaeSettings,
      // No `bound` of reconstruction and kl: the prior depends on the image, and its choice has a price.
      notes: {
        ...vaeNotes,
        kl: "nats per sample, to the prior of the nearest centre, summed over latent dimensions",
        choice: "nats per sample, −ln of the share of the images in the nearest centre's cluster",
        bound:
          "nats per sample, at least −ln p(x) under the mixture that codes are drawn from: reconstruction + kl + choice; one draw of z an image",
      },
    };
  }

  declare readonly settings: SettingsValues<KMeansVaeSettings>;
  /** [clusters, latent] */
  readonly centres: Tensor;
  /** Share of the images in each cluster. */
  readonly weights: Tensor;
  private readonly choice: ComponentChoice;

  constructor(
    device: Device,
    random: HostRandom,
    image: ImageShape,
    settings: KMeansVaeOptions = {},
  ) {
    super(device, random, image, settings);
    const { clusters, latent } = this.settings;
    this.centres = variable(
      device,
      new Float32Array(clusters * latent),
      [clusters, latent],
      "centres",
    );
    const even = new Float32Array(clusters).fill(1 / clusters);
    this.weights = variable(device, even, [clusters], "cluster weights");
    this.choice = new ComponentChoice(device, clusters);
  }

  /** A mixture of N(centre, I), one for each cluster, with the clusters' shares as weights. */
  get prior(): Prior {
    return {
      noise: this.latent,
      draw: (normal, uniform) =>
        add(normal, matmul(this.choice.choose(uniform, this.weights), this.centres)),
    };
  }

  /**
   * With `choice`, −ln w of the cluster whose centre is taken, and `bound` = reconstruction + kl + choice. That
   * is at least −ln p(x) under the mixture Σ_k w_k·N(c_k, I), from which codes are drawn: its density is at
   * least that of any one of its parts.
   */
  protected override lossOf(batch: Batch, posterior: Posterior, z: Tensor): LossTerms {
    const { mean, logVariance } = posterior;
    // Which centre is nearest has no derivative, and the centres are no parameters.
    const { centre, weight } = noGrad(() => {
      const cluster = nearestCluster(mean, this);
      return { centre: gather(this.centres, cluster), weight: gather(this.weights, cluster) };
    });
    const reconstruction = this.reconstruction(batch, z);
    const kl = klToCentre(mean, logVariance, centre);
    const choice = neg(log(weight));
    return {
      loss: add(reconstruction, mul(kl, this.beta.variable)),
      reconstruction,
      kl,
      choice,
      bound: add(add(reconstruction, kl), choice),
    };
  }

  /** Refits the centres to the codes of all examples. */
  async beforeEpoch(
    epoch: number,
    examples: ExampleSource,
    seed: readonly [number, number],
    pause?: () => Promise<void>,
  ): Promise<void> {
    const { device, centres, weights } = this;
    const { rounds } = this.settings;
    const [clusters = 1] = centres.shape;
    const codes = await encodeAll(device, this, examples, pause);
    const step = variable(device, Uint32Array.of(epoch), [1], "epoch");
    let found = centres;
    if (epoch === 1) {
      const key = { seed, step, stream: STREAM };
      found = await plusPlus(codes, clusters, key, pause);
    }
    for (let i = 0; i < rounds; i++) {
      const before = found;
      found = scope(device, () => noGrad(() => lloyd(codes, before)));
      if (before !== centres) device.release(before.value);
      await pause?.();
    }
    const shares = scope(device, () => noGrad(() => sharesOf(codes, found)));
    // Only now: a refit that is given up leaves the centres as they were.
    assign(centres, found);
    assign(weights, shares);
    for (const { value } of [codes, step, found, shares]) device.release(value);
  }

  protected override ownBuffers(): NamedTensor[] {
    return [plain("centres", this.centres), plain("cluster_weights", this.weights)];
  }
}

import { add, mul } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import { type ExampleSource, firstExamples } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { fitMixture } from "../math/gaussian-mixture.ts";
import type { HostRandom } from "../nn/initialisers.ts";
import { type NamedTensor, plain } from "../nn/module.ts";
import {
  defineSettings,
  type SettingsOptions,
  type SettingsValues,
  wholeSetting,
} from "../settings/setting.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Autoencoder } from "./autoencoder.ts";
import { encodeAll } from "./codes.ts";
import {
  autoencoderNotes,
  latentSetting,
  networkSetting,
  rateSetting,
  widthSetting,
} from "./common-settings.ts";
import type { ModelDescription } from "./definition.ts";
import { ComponentChoice } from "./mixture.ts";
import type { ImageShape, Prior } from "./model.ts";

const aeSettings = /* @__PURE__ */ defineSettings(() => ({
  network: networkSetting("conv", "dense", "two-stage", "wae"),
  latent: latentSetting(8),
  width: widthSetting(),
  components: wholeSetting(10, [1, 1000], "components of the mixture"),
  learningRate: rateSetting(1e-3),
}));

/**
 * Each setting of a plain autoencoder: its default, what it may be, and what it does.
 *
 * @interface
 */
export type AeSettings = typeof aeSettings;

/** What can be set of a plain autoencoder; `latentgrad models ae` lists it with the defaults. */
export type AeOptions = SettingsOptions<AeSettings>;

/** Most codes that the mixture is fitted to. */
const MOST_CODES = 10_000;

/**
 * A plain autoencoder: no regulariser. Codes to sample from are drawn from a Gaussian mixture with full
 * covariances, which is fitted to the training images' codes after every epoch (ex-post density estimation,
 * Ghosh et al. 2020).
 */
export class PlainAutoencoder extends Autoencoder {
  static override get description(): ModelDescription<AeSettings> {
    return {
      name: "ae",
      summary: "plain autoencoder; samples from a Gaussian mixture over its codes",
      source: "Ghosh et al. 2020 for the mixture",
      settings: aeSettings,
      notes: autoencoderNotes,
    };
  }

  declare readonly settings: SettingsValues<AeSettings>;
  /** Shares of the components of the fitted prior, [components]. */
  readonly weights: Tensor;
  /** Their means, [components, latent]. */
  readonly means: Tensor;
  /** Cholesky factors, [components, latent, latent]. */
  readonly factors: Tensor;
  private readonly choice: ComponentChoice;

  constructor(device: Device, random: HostRandom, image: ImageShape, settings: AeOptions = {}) {
    super(device, random, image, settings);
    const { components: k, latent: d } = this.settings;
    const unit = (_: unknown, i: number) => (Math.floor(i / d) % d === i % d ? 1 : 0);
    this.weights = variable(device, new Float32Array(k).fill(1 / k), [k], "mixture weights");
    this.means = variable(device, new Float32Array(k * d), [k, d], "mixture means");
    this.factors = variable(
      device,
      Float32Array.from({ length: k * d * d }, unit),
      [k, d, d],
      "mixture factors",
    );
    this.choice = new ComponentChoice(device, k);
  }

  /** A mixture of normal distributions, fitted to the codes of the training examples after each epoch. */
  get prior(): Prior {
    const { latent } = this;
    return {
      noise: latent,
      draw: (normal, uniform) => {
        const [count = 1] = normal.shape;
        const [k = 1] = this.weights.shape;
        // L·ε of every component, then that of the chosen one.
        const all = matmul(normal, reshape(this.factors, [k * latent, latent]), {
          transposeB: true,
        });
        const chosen = this.choice.choose(uniform, this.weights);
        const spread = sum(
          mul(reshape(all, [count, k, latent]), reshape(chosen, [count, k, 1])),
          1,
        );
        return add(spread, matmul(chosen, this.means));
      },
    };
  }

  /** Fits the mixture to the codes of the first training images. */
  async afterEpoch(
    _epoch: number,
    examples: ExampleSource,
    [seed]: readonly [number, number],
  ): Promise<void> {
    const { device, latent } = this;
    const some = firstExamples(examples, MOST_CODES);
    const codes = await encodeAll(device, this, some);
    const [components = 1] = this.weights.shape;
    const { weights, means, factors } = fitMixture(await codes.data(), latent, {
      components,
      seed,
    });
    device.release(codes.value);
    this.weights.set(Float32Array.from(weights));
    this.means.set(Float32Array.from(means));
    this.factors.set(Float32Array.from(factors));
  }

  protected override ownBuffers(): NamedTensor[] {
    return [
      plain("mixture_weights", this.weights),
      plain("mixture_means", this.means),
      plain("mixture_factors", this.factors),
    ];
  }
}

import { add, mul, sqrt } from "../autograd/ops/elementwise.ts";
import { type BatchNormOptions, batchNorm, batchNormEval } from "../autograd/ops/norm.ts";
import { mean, variance } from "../autograd/ops/reduce.ts";
import { checkDevice, checkOptions, checkWhole } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { assign, parameter, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkInput } from "./arguments.ts";
import { Module, type NamedTensor } from "./module.ts";

/** The op's default. */
const EPSILON = 1e-5;

/** What a layer of batch normalisation can be set. */
export interface BatchNormLayerOptions extends Pick<BatchNormOptions, "epsilon" | "momentum"> {
  /** [H, W, C] of the image that the channels, flat units, are reshaped to: checkpoints permute them. */
  readonly flattenOut?: readonly [number, number, number];
  /** false: no γ and β, so that means and variances are 0 and 1. Default true. */
  readonly affine?: boolean;
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015) of [batch, channels] or [batch, height, width,
 * channels]: by the batch's statistics while training, by the running ones in evaluation.
 */
export class BatchNorm extends Module {
  /** γ and β, [channels]; not affine, they stay 1 and 0 and are no parameters. */
  readonly weight: Tensor;
  /** β: see `weight`. */
  readonly bias: Tensor;
  /** Moving mean of the batches, [channels]; starts at 0. */
  readonly runningMean: Tensor;
  /** Moving variance of the batches, [channels]; starts at 1. */
  readonly runningVariance: Tensor;
  /** Added to the variance. */
  readonly epsilon: number;

  constructor(
    device: Device,
    channels: number,
    private readonly options: BatchNormLayerOptions = {},
  ) {
    super();
    checkDevice("batchNorm", device);
    checkWhole("batchNorm", "channels", channels);
    checkOptions("batchNorm", options, {
      epsilon: "number?",
      momentum: "number?",
      flattenOut: "any?",
      affine: "boolean?",
    });
    this.epsilon = options.epsilon ?? EPSILON;
    const shape = [channels];
    const ones = () => new Float32Array(channels).fill(1);
    const make = (options.affine ?? true) ? parameter : variable;
    this.weight = make(device, ones(), shape, "batch norm weight");
    this.bias = make(device, new Float32Array(channels), shape, "batch norm bias");
    this.runningMean = variable(device, new Float32Array(channels), shape, "running mean");
    this.runningVariance = variable(device, ones(), shape, "running variance");
  }

  /**
   * x: […, channels], as wide as the layer → the same shape.
   *
   * In training each channel is brought to mean 0 and variance 1 over the batch (and the pixels), and the running
   * statistics move; in evaluation (`train(false)`) these stand for the batch's.
   */
  override forward(x: Tensor): Tensor {
    checkInput("batchNorm", x, this.weight);
    const running = { mean: this.runningMean, variance: this.runningVariance };
    const { flattenOut: _, affine: __, ...options } = this.options;
    return this.training
      ? batchNorm(x, this.weight, this.bias, { ...options, running })
      : batchNormEval(x, this.weight, this.bias, running, this.epsilon);
  }

  /** Puts the running statistics back to what they were before any training: 0 and 1. */
  reset(): void {
    this.runningMean.set(new Float32Array(this.runningMean.size));
    this.runningVariance.set(new Float32Array(this.runningVariance.size).fill(1));
  }

  /**
   * Moves the running statistics to those of the values that were normalised by them.
   *
   * @param y [n, channels]: what this layer made of all of them in evaluation, n ≥ 2; not affine
   */
  correct(y: Tensor): void {
    const [n = 2] = y.shape;
    const spread = add(this.runningVariance, this.epsilon);
    assign(this.runningMean, add(this.runningMean, mul(mean(y, 0), sqrt(spread))));
    assign(this.runningVariance, mul(mul(variance(y, 0), spread), n / (n - 1)));
  }

  protected override own(): NamedTensor[] {
    if (!(this.options.affine ?? true)) return [];
    return [this.named("weight", this.weight), this.named("bias", this.bias)];
  }

  protected override ownBuffers(): NamedTensor[] {
    return [
      this.named("running_mean", this.runningMean),
      this.named("running_var", this.runningVariance),
    ];
  }

  private named(name: string, tensor: Tensor): NamedTensor {
    const { flattenOut } = this.options;
    const out = flattenOut ? { flattenOut } : {};
    return { name, tensor, layout: { kind: "vector", shape: tensor.shape, ...out } };
  }
}

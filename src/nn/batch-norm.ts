import { type BatchNormOptions, batchNorm, batchNormEval } from "../autograd/ops/norm.ts";
import { checkDevice, checkOptions, checkWhole } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { parameter, variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkInput } from "./arguments.ts";
import { Module, type NamedTensor } from "./module.ts";

export interface BatchNormLayerOptions extends Pick<BatchNormOptions, "epsilon" | "momentum"> {
  /** [H, W, C] of the image that the channels, flat units, are reshaped to: checkpoints permute them. */
  readonly flattenOut?: readonly [number, number, number];
}

/**
 * Batch normalisation (Ioffe and Szegedy 2015) of [batch, channels] or [batch, height, width,
 * channels]: by the batch's statistics while training, by the running ones in evaluation.
 */
export class BatchNorm extends Module {
  /** γ and β, [channels]. */
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVariance: Tensor;

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
    });
    const shape = [channels];
    const ones = () => new Float32Array(channels).fill(1);
    this.weight = parameter(device, ones(), shape, "batch norm weight");
    this.bias = parameter(device, new Float32Array(channels), shape, "batch norm bias");
    this.runningMean = variable(device, new Float32Array(channels), shape, "running mean");
    this.runningVariance = variable(device, ones(), shape, "running variance");
  }

  override forward(x: Tensor): Tensor {
    checkInput("batchNorm", x, this.weight);
    const running = { mean: this.runningMean, variance: this.runningVariance };
    const { flattenOut: _, ...options } = this.options;
    return this.training
      ? batchNorm(x, this.weight, this.bias, { ...options, running })
      : batchNormEval(x, this.weight, this.bias, running, options.epsilon);
  }

  protected override own(): NamedTensor[] {
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

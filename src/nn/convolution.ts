import {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
} from "../autograd/ops/conv2d.ts";
import { add } from "../autograd/ops/elementwise.ts";
import { checkOptions, checkWhole, type OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { parameter } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkInput, checkLayer, initialValues } from "./arguments.ts";
import { glorotUniform, type HostRandom, type Initialiser } from "./initialisers.ts";
import type { ParameterLayout } from "./layout.ts";
import { Module, type NamedTensor } from "./module.ts";

/** Geometry, bias and initial weights of a convolution layer. */
export interface ConvolutionOptions extends Conv2dOptions {
  readonly bias?: boolean;
  readonly initialiser?: Initialiser;
}

const optionRules: OptionRules<ConvolutionOptions & ConvTranspose2dOptions> = {
  bias: "boolean?",
  initialiser: "function?",
  stride: "any?",
  padding: "any?",
  outputSize: "any?",
};

/** What both kinds of convolution layers have: a square kernel and a bias for each output channel. */
abstract class Convolution extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  /** Stride, padding and size of the result, as they were given. */
  readonly geometry: ConvTranspose2dOptions;

  constructor(
    device: Device,
    random: HostRandom,
    private readonly kind: "conv" | "convTranspose",
    shape: readonly [number, number, number, number],
    outChannels: number,
    options: ConvolutionOptions & ConvTranspose2dOptions,
  ) {
    super();
    const [inChannels] = kind === "conv" ? shape.slice(2) : shape.slice(3);
    checkLayer(kind, device, random);
    checkWhole(kind, "inChannels", inChannels);
    checkWhole(kind, "outChannels", outChannels);
    checkWhole(kind, "kernel", shape[0]);
    checkOptions(kind, options, optionRules);
    const { bias: _, initialiser: __, ...geometry } = options;
    this.geometry = geometry;
    const [kernelH, kernelW, a, b] = shape;
    const area = kernelH * kernelW;
    // As in Keras: the fans of a transposed convolution are read off its stored shape, too.
    const initialise = options.initialiser ?? glorotUniform;
    const values = initialValues(kind, initialise, random, shape, area * a, area * b);
    this.weight = parameter(device, values, shape, `${kind} weight`);
    if (options.bias ?? true)
      this.bias = parameter(device, new Float32Array(outChannels), [outChannels], `${kind} bias`);
  }

  protected withBias(y: Tensor): Tensor {
    return this.bias ? add(y, this.bias) : y;
  }

  protected override own(): NamedTensor[] {
    const layout: ParameterLayout = { kind: this.kind, shape: this.weight.shape };
    const weight = { name: "weight", tensor: this.weight, layout };
    if (!this.bias) return [weight];
    const biasLayout: ParameterLayout = { kind: "vector", shape: this.bias.shape };
    return [weight, { name: "bias", tensor: this.bias, layout: biasLayout }];
  }
}

/** Convolution layer. x: [batch, height, width, inChannels] → [batch, outH, outW, outChannels]. */
export class Conv2d extends Convolution {
  constructor(
    device: Device,
    random: HostRandom,
    inChannels: number,
    outChannels: number,
    kernel: number,
    options: ConvolutionOptions = {},
  ) {
    super(device, random, "conv", [kernel, kernel, inChannels, outChannels], outChannels, options);
  }

  /**
   * x: [batch, height, width, inputs] → [batch, height′, width′, outputs]. With padding `same` the lengths are divided
   * by the stride and rounded up.
   */
  override forward(x: Tensor): Tensor {
    checkInput("conv", x, this.weight);
    return this.withBias(conv2d(x, this.weight, this.geometry));
  }
}

/** Transposed convolution layer. y: [batch, height, width, inChannels] → [batch, outH, outW, outChannels]. */
export class ConvTranspose2d extends Convolution {
  constructor(
    device: Device,
    random: HostRandom,
    inChannels: number,
    outChannels: number,
    kernel: number,
    options: ConvolutionOptions & ConvTranspose2dOptions = {},
  ) {
    super(
      device,
      random,
      "convTranspose",
      [kernel, kernel, outChannels, inChannels],
      outChannels,
      options,
    );
  }

  /**
   * x: [batch, height, width, inputs] → [batch, height′, width′, outputs]. With padding `same` the lengths are
   * multiplied by the stride.
   */
  override forward(y: Tensor): Tensor {
    checkInput("convTranspose", y, this.weight, "y");
    return this.withBias(convTranspose2d(y, this.weight, this.geometry));
  }
}

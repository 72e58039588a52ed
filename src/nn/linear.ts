import { add } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { checkOptions, checkWhole } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { parameter } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkInput, checkLayer, initialValues } from "./arguments.ts";
import { glorotUniform, type HostRandom, type Initialiser } from "./initialisers.ts";
import type { ParameterLayout } from "./layout.ts";
import { Module, type NamedTensor } from "./module.ts";

/** Bias, initial weights and layout of a linear layer. */
export interface LinearOptions {
  readonly bias?: boolean;
  readonly initialiser?: Initialiser;
  /** [H, W, C] of the image that was flattened into the inputs: checkpoints permute it. */
  readonly flattenIn?: readonly [number, number, number];
  /** [H, W, C] of the image that the outputs are reshaped to. */
  readonly flattenOut?: readonly [number, number, number];
}

/** y = x·W + b. x: [batch, inputs], W: [inputs, outputs], y: [batch, outputs]. */
export class Linear extends Module {
  /** W: [inputs, outputs]. */
  readonly weight: Tensor;
  /** b: [outputs]; undefined where the layer was made without. */
  readonly bias: Tensor | undefined;

  constructor(
    device: Device,
    random: HostRandom,
    inputs: number,
    outputs: number,
    private readonly options: LinearOptions = {},
  ) {
    super();
    checkLayer("linear", device, random);
    checkWhole("linear", "inputs", inputs);
    checkWhole("linear", "outputs", outputs);
    checkOptions("linear", options, {
      bias: "boolean?",
      initialiser: "function?",
      flattenIn: "any?",
      flattenOut: "any?",
    });
    const shape = [inputs, outputs];
    const initialise = options.initialiser ?? glorotUniform;
    this.weight = parameter(
      device,
      initialValues("linear", initialise, random, shape, inputs, outputs),
      shape,
      "linear weight",
    );
    if (options.bias ?? true)
      this.bias = parameter(device, new Float32Array(outputs), [outputs], "linear bias");
  }

  /** x: […, inputs] → […, outputs]. */
  override forward(x: Tensor): Tensor {
    checkInput("linear", x, this.weight);
    const y = matmul(x, this.weight);
    return this.bias ? add(y, this.bias) : y;
  }

  protected override own(): NamedTensor[] {
    const { flattenIn, flattenOut } = this.options;
    const out = flattenOut ? { flattenOut } : {};
    const layout: ParameterLayout = {
      kind: "linear",
      shape: this.weight.shape,
      ...(flattenIn ? { flattenIn } : {}),
      ...out,
    };
    const weight = { name: "weight", tensor: this.weight, layout };
    if (!this.bias) return [weight];
    const biasLayout: ParameterLayout = { kind: "vector", shape: this.bias.shape, ...out };
    return [weight, { name: "bias", tensor: this.bias, layout: biasLayout }];
  }
}

import { leakyRelu, relu, sigmoid, softplus, tanh } from "../autograd/ops/elementwise.ts";
import { reshape } from "../autograd/ops/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** Modules one after another; their checkpoint names are their positions. */
export class Sequential extends Module {
  private readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    this.layers = layers;
  }

  override forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value), x);
  }

  protected override children(): [string, Module][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }
}

/** A function of one tensor as a layer without parameters. */
export class Lambda extends Module {
  constructor(private readonly fn: (x: Tensor) => Tensor) {
    super();
  }

  override forward(x: Tensor): Tensor {
    return this.fn(x);
  }
}

export const ReLU = (): Module => new Lambda(relu);
export const LeakyReLU = (slope = 0.2): Module => new Lambda((x) => leakyRelu(x, slope));
export const Sigmoid = (): Module => new Lambda(sigmoid);
export const Tanh = (): Module => new Lambda(tanh);
export const Softplus = (): Module => new Lambda(softplus);

/** [batch, …] → [batch, product of the rest]. */
export const Flatten = (): Module => new Lambda((x) => reshape(x, [x.shape[0] ?? 1, -1]));

/** [batch, …] → [batch, ...shape]. */
export const Unflatten = (shape: readonly number[]): Module =>
  new Lambda((x) => reshape(x, [x.shape[0] ?? 1, ...shape]));

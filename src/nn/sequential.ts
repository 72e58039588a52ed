import { leakyRelu, relu, sigmoid, softplus, tanh } from "../autograd/ops/elementwise.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { checkFunction, checkNumber, checkObject, isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { ANY, checkNumbers, checkTensor, tensorFrom } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Module } from "./module.ts";

/** Modules one after another; their checkpoint names are their positions. */
export class Sequential extends Module {
  /** In their order. */
  readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    for (const [i, layer] of (layers as readonly unknown[]).entries())
      if (!(layer instanceof Module))
        throw new UsageError(
          `sequential: ${isNot(`layer ${i}`, layer, "a layer")}${typeof layer === "function" ? ": call it, or wrap it in new Lambda(fn)" : ""}`,
        );
    this.layers = layers;
  }

  /** The layers one behind the other. */
  override forward(x: Tensor): Tensor {
    return this.layers.reduce(
      (value, layer, i) => tensorFrom("sequential", `layer ${i}`, layer.forward(value)),
      x,
    );
  }

  /** Its layers, by their places from 0, as PyTorch names them. */
  protected override children(): [string, Module][] {
    return this.layers.map((layer, i) => [String(i), layer]);
  }
}

/** What a layer without parameters computes, for those who write a network down. */
export type KnownFunction =
  | { readonly name: "relu" | "sigmoid" | "tanh" | "softplus" | "flatten" }
  | { readonly name: "leakyRelu"; readonly slope: number }
  | { readonly name: "unflatten"; readonly shape: readonly number[] };

/** A function of one tensor as a layer without parameters. */
export class Lambda extends Module {
  /** @param known what the function is, where that has a name: such a layer can be exported */
  constructor(
    private readonly fn: (x: Tensor) => Tensor,
    readonly known?: KnownFunction,
  ) {
    super();
    checkFunction("lambda", "fn", fn, "a function of one tensor");
    if (known !== undefined) checkObject("lambda", "known", known, ["name"]);
  }

  /** The function of x. */
  override forward(x: Tensor): Tensor {
    return tensorFrom("lambda", "fn", this.fn(x));
  }
}

/** max(x, 0) */
export const ReLU = (): Module => new Lambda(relu, { name: "relu" });
/** x where it is positive, else slope · x. */
export const LeakyReLU = (slope = 0.2): Module => {
  checkNumber("leakyRelu", "slope", slope);
  return new Lambda((x) => leakyRelu(x, slope), { name: "leakyRelu", slope });
};
/** 1 / (1 + e^−x) */
export const Sigmoid = (): Module => new Lambda(sigmoid, { name: "sigmoid" });
/** tanh x */
export const Tanh = (): Module => new Lambda(tanh, { name: "tanh" });
/** ln(1 + e^x) */
export const Softplus = (): Module => new Lambda(softplus, { name: "softplus" });

/** [batch, …] → [batch, product of the rest]. */
export const Flatten = (): Module =>
  new Lambda(
    (x) => {
      checkTensor("flatten", x, ANY);
      return reshape(x, [x.shape[0] ?? 1, -1]);
    },
    { name: "flatten" },
  );

/** [batch, …] → [batch, ...shape]. */
export const Unflatten = (shape: readonly number[]): Module => {
  checkNumbers("unflatten", "shape", shape);
  return new Lambda(
    (x) => {
      checkTensor("unflatten", x, ANY);
      return reshape(x, [x.shape[0] ?? 1, ...shape]);
    },
    { name: "unflatten", shape: [...shape] },
  );
};

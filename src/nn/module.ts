import { checkFlag } from "../gpu/arguments.ts";
import { Shown } from "../gpu/shown.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ParameterLayout } from "./layout.ts";

/** A parameter or buffer of a network, under its checkpoint name. */
export interface NamedTensor {
  /** As in PyTorch's state_dict: `encoder.0.weight`. */
  readonly name: string;
  readonly tensor: Tensor;
  readonly layout: ParameterLayout;
}

/**
 * A part of a network with parameters. Properties that are modules are its children, under their
 * property names; what a module owns itself it lists in `own` and `ownBuffers`.
 */
export abstract class Module extends Shown {
  /** False for evaluation: batch norm then uses its running statistics. */
  training = true;

  /** Applies the layer: what x and the result are is said by each layer. */
  abstract forward(x: Tensor): Tensor;

  /** Trainable tensors of this module itself. */
  protected own(): NamedTensor[] {
    return [];
  }

  /** Tensors of this module itself that training changes without a gradient. */
  protected ownBuffers(): NamedTensor[] {
    return [];
  }

  /**
   * Modules within it, by the names that their parameters begin with: by default its properties that are modules.
   */
  protected children(): [string, Module][] {
    return Object.entries(this).filter(
      (entry): entry is [string, Module] => entry[1] instanceof Module,
    );
  }

  /** All trainable tensors, this module's and its descendants'. */
  parameters(): NamedTensor[] {
    return [
      ...this.own(),
      ...this.children().flatMap(([name, m]) => prefixed(name, m.parameters())),
    ];
  }

  /** All running statistics and the like; with `parameters`, what a checkpoint holds. */
  buffers(): NamedTensor[] {
    return [
      ...this.ownBuffers(),
      ...this.children().flatMap(([name, m]) => prefixed(name, m.buffers())),
    ];
  }

  /** Switches this module and its descendants between training and evaluation. */
  train(training = true): this {
    checkFlag("train", "training", training);
    this.training = training;
    for (const [, child] of this.children()) child.train(training);
    return this;
  }

  override toString(): string {
    return `${this.constructor.name} with ${this.parameterCount().toLocaleString("en")} parameters`;
  }

  /** Number of trainable values. */
  parameterCount(): number {
    return this.parameters().reduce((sum, p) => sum + p.tensor.size, 0);
  }
}

/** A tensor that a checkpoint holds as it lies. */
export function plain(name: string, tensor: Tensor): NamedTensor {
  return { name, tensor, layout: { kind: "plain", shape: tensor.shape } };
}

function prefixed(name: string, tensors: readonly NamedTensor[]): NamedTensor[] {
  return tensors.map((t) => ({ ...t, name: `${name}.${t.name}` }));
}

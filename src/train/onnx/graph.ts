import type { OnnxValue } from "../../formats/onnx.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { ImageShape, Model } from "../../models/model.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "../../models/network-graph.ts";
import type { Module } from "../../nn/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { Emitter, imageOf, lengthOf, requireBlock } from "./emitter.ts";
import { flatten, writeLayer } from "./layers.ts";
import { Weights } from "./weights.ts";

/** The axis of a batch: as long as one likes. */
const BATCH = "batch";

/** Writes one network of a model as a graph of ONNX' operators. */
export class OnnxNetwork implements NetworkGraph {
  readonly weights: Weights;
  private readonly emitter: Emitter;
  private readonly taken = new Map<string, OnnxValue>();
  private oneHot: GraphValue | undefined;

  constructor(
    private readonly model: Model,
    private readonly pixels: ImageShape,
  ) {
    this.weights = new Weights(model);
    this.emitter = new Emitter(this.weights);
  }

  image(): GraphValue {
    const { height, width, channels, vectors } = this.pixels;
    if (vectors) {
      const name = this.input("vector", "float32", [BATCH, channels], "values as they are");
      return { name, shape: [channels], block: [1, 1, channels] };
    }
    const shape = [BATCH, channels, height, width];
    const name = this.input("image", "float32", shape, "pixels in [0, 1], channels first");
    return { name, shape: [height, width, channels] };
  }

  latent(): GraphValue {
    const { latent } = this.model;
    const name = this.input("latent", "float32", [BATCH, latent], "latent codes");
    return { name, shape: [latent] };
  }

  label(): GraphValue {
    if (this.oneHot) return this.oneHot;
    const classes = this.model.classes ?? 0;
    const name = this.input("label", "int64", [BATCH], `the class, from 0 to ${classes - 1}`);
    const { weights } = this;
    const operands = [name, weights.integers(classes), weights.floats([0, 1])];
    this.oneHot = this.emitter.emit("OneHot", operands, [classes]);
    return this.oneHot;
  }

  layer(layer: Module, x: GraphValue): GraphValue {
    return writeLayer(this.emitter, layer, x);
  }

  sigmoid(x: GraphValue): GraphValue {
    return this.emitter.elementwise("Sigmoid", x);
  }

  softplus(x: GraphValue): GraphValue {
    return this.emitter.elementwise("Softplus", x);
  }

  log(x: GraphValue): GraphValue {
    return this.emitter.elementwise("Log", x);
  }

  plus(x: GraphValue, number: number): GraphValue {
    return this.emitter.emit("Add", [x.name, this.weights.floats(number)], x.shape, {}, x.block);
  }

  times(x: GraphValue, number: number): GraphValue {
    return this.emitter.emit("Mul", [x.name, this.weights.floats(number)], x.shape, {}, x.block);
  }

  timesVector(x: GraphValue, tensor: Tensor, factor: (value: number) => number): GraphValue {
    const { name } = this.weights.named(tensor);
    if (lengthOf(x, name) !== tensor.size)
      throw new UsageError(`export: ${name} has ${tensor.size} values, and ${x.name} ${x.shape}`);
    requireBlock(x, undefined, name);
    const vector = this.weights.takeAs(`${name}.factor`, tensor, (values) => values.map(factor));
    return this.emitter.emit("Mul", [x.name, vector], x.shape);
  }

  split(x: GraphValue, lengths: readonly number[]): GraphValue[] {
    const length = lengthOf(x, "split");
    requireBlock(x, undefined, "split");
    const total = lengths.reduce((a, b) => a + b, 0);
    if (total !== length)
      throw new UsageError(`export: ${length} values are not ${lengths.join(" + ")}`);
    const operands = [x.name, this.weights.integers(lengths)];
    const axis = { axis: { int: 1 } };
    const names = this.emitter.operator("Split", operands, axis, lengths.length);
    return names.map((name, i) => ({ name, shape: [lengths[i] as number] }));
  }

  concat(parts: readonly GraphValue[]): GraphValue {
    const [first, ...others] = parts as [GraphValue, ...GraphValue[]];
    const place = first.shape.slice(0, -1);
    for (const other of others) {
      requireBlock(other, undefined, "all but the first part");
      if (`${other.shape.slice(0, -1)}` !== `${place}`)
        throw new UsageError(`export: ${first.name} and ${other.name} have no common shape`);
    }
    const length = parts.reduce((sum, { shape }) => sum + (shape.at(-1) as number), 0);
    const names = parts.map(({ name }) => name);
    const axis = { axis: { int: 1 } };
    return this.emitter.emit("Concat", names, [...place, length], axis, first.block);
  }

  planes(x: GraphValue, [height, width]: readonly [number, number]): GraphValue {
    const n = lengthOf(x, "planes");
    requireBlock(x, undefined, "planes");
    const pixel = [x.name, this.weights.integers([0, n, 1, 1])];
    const one = this.emitter.emit("Reshape", pixel, [1, 1, n]);
    const size = this.weights.integers([1, 1, height, width]);
    return this.emitter.emit("Expand", [one.name, size], [height, width, n]);
  }

  withZeros(x: GraphValue, channels: number): GraphValue {
    const [height, width, there] = imageOf(x, "zeros");
    const pads = this.weights.integers([0, 0, 0, 0, 0, channels, 0, 0]);
    return this.emitter.emit("Pad", [x.name, pads], [height, width, there + channels]);
  }

  flatten(x: GraphValue): GraphValue {
    return flatten(this.emitter, x);
  }

  /** The inputs that were asked for, in the order of asking. */
  get inputs(): OnnxValue[] {
    return [...this.taken.values()];
  }

  /** The operators, and their results under other names. Each result is of an operator of its own. */
  finish(outputs: NetworkOutputs, descriptions: Readonly<Record<string, string>>) {
    const renamed = new Map<string, string>();
    const results = Object.entries(outputs).map(([name, value]) => {
      requireBlock(value, undefined, name);
      const { shape } = value;
      const [height, width, channels] = shape as [number, number, number];
      const sizes = shape.length === 3 ? [channels, height, width] : shape;
      renamed.set(value.name, name);
      const description = descriptions[name] ?? "";
      return { name, type: "float32", shape: [BATCH, ...sizes], description } as const;
    });
    const named = (names: readonly string[]) => names.map((name) => renamed.get(name) ?? name);
    const nodes = this.emitter.nodes.map((node) => ({
      ...node,
      inputs: named(node.inputs),
      outputs: named(node.outputs),
    }));
    return { nodes, outputs: results };
  }

  private input(
    name: string,
    type: OnnxValue["type"],
    shape: OnnxValue["shape"],
    description: string,
  ): string {
    this.taken.set(name, { name, type, shape, description });
    return name;
  }
}

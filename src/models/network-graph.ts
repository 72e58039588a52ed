import type { Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A value between the layers of a network that is written down. */
export interface GraphValue {
  readonly name: string;
  /** Of one example: [n], or [height, width, channels] of an image. */
  readonly shape: readonly number[];
  /** [H, W, C] of the image whose elements the first values are. */
  readonly block?: readonly [number, number, number] | undefined;
}

/**
 * Where a model writes down what its encoder and its decoder compute in evaluation, for formats of other
 * programs. What cannot be said there is a UsageError: nothing else is written in its place.
 */
export interface NetworkGraph {
  /** The images that an encoder takes, or the vectors. */
  image(): GraphValue;
  /** The codes that a decoder takes, [latent]. */
  latent(): GraphValue;
  /** The class of each example, one-hot: [classes]. */
  label(): GraphValue;
  /** What a layer, or a sequence of layers, makes of x. */
  layer(layer: Module, x: GraphValue): GraphValue;
  /** An image as a vector, [height · width · channels]; vectors stay what they are. */
  flatten(x: GraphValue): GraphValue;
  /** 1 / (1 + e^−x), element by element. */
  sigmoid(x: GraphValue): GraphValue;
  /** ln(1 + e^x), element by element. */
  softplus(x: GraphValue): GraphValue;
  /** ln x, element by element. */
  log(x: GraphValue): GraphValue;
  /** x + number, element by element. */
  plus(x: GraphValue, number: number): GraphValue;
  /** x · number, element by element. */
  times(x: GraphValue, number: number): GraphValue;
  /**
   * Times a vector that follows from a parameter of the model.
   *
   * @param x [n] @param tensor [n] @param factor of each of its values
   */
  timesVector(x: GraphValue, tensor: Tensor, factor: (value: number) => number): GraphValue;
  /** [n] → parts of the given lengths. */
  split(x: GraphValue, lengths: readonly number[]): GraphValue[];
  /** One behind another: values, or the channels of images. */
  concat(parts: readonly GraphValue[]): GraphValue;
  /** [n] → [height, width, n]: the same in every pixel. */
  planes(x: GraphValue, size: readonly [number, number]): GraphValue;
  /** Channels of zeros behind those of an image. */
  withZeros(x: GraphValue, channels: number): GraphValue;
}

/** The results of a network by their names. */
export type NetworkOutputs = Readonly<Record<string, GraphValue>>;

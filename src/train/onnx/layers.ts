import { geometryOfConv, geometryOfTransposed } from "../../autograd/ops/conv2d.ts";
import { UsageError } from "../../gpu/errors.ts";
import type { ConvGeometry } from "../../kernels/conv-geometry.ts";
import type { GraphValue } from "../../models/network-graph.ts";
import { BatchNorm } from "../../nn/batch-norm.ts";
import { Conv2d, ConvTranspose2d } from "../../nn/convolution.ts";
import { Linear } from "../../nn/linear.ts";
import type { Module } from "../../nn/module.ts";
import { type KnownFunction, Lambda, Sequential } from "../../nn/sequential.ts";
import { type Emitter, imageOf, lengthOf, requireBlock } from "./emitter.ts";

/**
 * Writes a layer, or a sequence of them, down in evaluation. A layer counts by its very class: one that is
 * derived from it may compute something else.
 *
 * @throws UsageError for a layer that is not known here
 */
export function writeLayer(emitter: Emitter, layer: Module, x: GraphValue): GraphValue {
  switch (layer.constructor) {
    case Sequential:
      return (layer as Sequential).layers.reduce(
        (value, each) => writeLayer(emitter, each, value),
        x,
      );
    case Linear:
      return linear(emitter, layer as Linear, x);
    case Conv2d:
      return convolution(emitter, layer as Conv2d, x);
    case ConvTranspose2d:
      return transposedConvolution(emitter, layer as ConvTranspose2d, x);
    case BatchNorm:
      return batchNorm(emitter, layer as BatchNorm, x);
    case Lambda:
      return knownFunction(emitter, (layer as Lambda).known, x);
    default:
      throw new UsageError(`export: a layer ${layer.constructor.name} cannot be written as ONNX`);
  }
}

/** [batch, in]·Wᵀ + b, W: [out, in]. */
function linear(emitter: Emitter, layer: Linear, x: GraphValue): GraphValue {
  const { weights } = emitter;
  const { name, layout } = weights.named(layer.weight);
  const [inputs, outputs] = layer.weight.shape as [number, number];
  if (lengthOf(x, name) !== inputs)
    throw new UsageError(`export: ${name} takes ${inputs} values, and ${x.name} has ${x.shape}`);
  requireBlock(x, layout.flattenIn, name);
  const operands = [x.name, ...withBias(emitter, layer)];
  return emitter.emit("Gemm", operands, [outputs], { transB: { int: 1 } }, layout.flattenOut);
}

function convolution(emitter: Emitter, layer: Conv2d, x: GraphValue): GraphValue {
  const shape = [1, ...imageOf(x, "a convolution")];
  const g = geometryOfConv(shape, layer.weight.shape, layer.geometry);
  // What is needed behind; where rows are left over, none is.
  const behind = (out: number, stride: number, kernel: number, size: number, before: number) =>
    Math.max(0, (out - 1) * stride + kernel - size - before);
  const { padTop, padLeft } = g;
  const bottom = behind(g.outH, g.strideH, g.kernelH, g.inH, padTop);
  const right = behind(g.outW, g.strideW, g.kernelW, g.inW, padLeft);
  return emitter.emit(
    "Conv",
    [x.name, ...withBias(emitter, layer)],
    [g.outH, g.outW, g.outC],
    window(g, [padTop, padLeft, bottom, right]),
  );
}

/** In its geometry `out` is what comes in. */
function transposedConvolution(
  emitter: Emitter,
  layer: ConvTranspose2d,
  x: GraphValue,
): GraphValue {
  const shape = [1, ...imageOf(x, "a transposed convolution")];
  const g = geometryOfTransposed(shape, layer.weight.shape, layer.geometry);
  // Lines of the whole result behind those that are wanted are cut off; lines that it lacks are added.
  const over = (length: number, stride: number, kernel: number, before: number, size: number) =>
    (length - 1) * stride + kernel - before - size;
  const { padTop, padLeft } = g;
  const bottom = over(g.outH, g.strideH, g.kernelH, padTop, g.inH);
  const right = over(g.outW, g.strideW, g.kernelW, padLeft, g.inW);
  return emitter.emit(
    "ConvTranspose",
    [x.name, ...withBias(emitter, layer)],
    [g.inH, g.inW, g.inC],
    {
      ...window(g, [padTop, padLeft, Math.max(0, bottom), Math.max(0, right)]),
      output_padding: { ints: [Math.max(0, -bottom), Math.max(0, -right)] },
    },
  );
}

/** @param pads top, left, bottom, right */
function window({ kernelH, kernelW, strideH, strideW }: ConvGeometry, pads: readonly number[]) {
  return {
    kernel_shape: { ints: [kernelH, kernelW] },
    strides: { ints: [strideH, strideW] },
    pads: { ints: pads },
  };
}

function withBias({ weights }: Emitter, { weight, bias }: Linear | Conv2d | ConvTranspose2d) {
  return [weight, ...(bias ? [bias] : [])].map((tensor) => weights.take(tensor));
}

/** By the running statistics. */
function batchNorm(emitter: Emitter, layer: BatchNorm, x: GraphValue): GraphValue {
  const { weights } = emitter;
  const { weight, bias, runningMean, runningVariance, epsilon } = layer;
  const { name, layout } = weights.named(runningMean);
  const channels = x.shape.at(-1);
  if (channels !== runningMean.size)
    throw new UsageError(
      `export: ${name} is of ${runningMean.size} channels, and ${x.name} has ${channels}`,
    );
  requireBlock(x, layout.flattenOut, name);
  const path = name.slice(0, -"running_mean".length);
  const factors = weights.has(weight)
    ? [weights.take(weight), weights.take(bias)]
    : [weights.takeAs(`${path}weight`, weight), weights.takeAs(`${path}bias`, bias)];
  return emitter.emit(
    "BatchNormalization",
    [x.name, ...factors, weights.take(runningMean), weights.take(runningVariance)],
    x.shape,
    { epsilon: { float: epsilon } },
    x.block,
  );
}

function knownFunction(
  emitter: Emitter,
  known: KnownFunction | undefined,
  x: GraphValue,
): GraphValue {
  switch (known?.name) {
    case "relu":
      return emitter.elementwise("Relu", x);
    case "leakyRelu":
      return emitter.elementwise("LeakyRelu", x, { alpha: { float: known.slope } });
    case "sigmoid":
      return emitter.elementwise("Sigmoid", x);
    case "tanh":
      return emitter.elementwise("Tanh", x);
    case "softplus":
      return emitter.elementwise("Softplus", x);
    case "flatten":
      return flatten(emitter, x);
    case "unflatten":
      return unflatten(emitter, known.shape, x);
    default:
      throw new UsageError("export: a layer is a function without a name, which ONNX cannot say");
  }
}

export function flatten(emitter: Emitter, x: GraphValue): GraphValue {
  if (x.shape.length === 1) return x;
  const block = imageOf(x, "flatten");
  const length = block[0] * block[1] * block[2];
  return emitter.emit("Flatten", [x.name], [length], { axis: { int: 1 } }, block);
}

function unflatten(emitter: Emitter, shape: readonly number[], x: GraphValue): GraphValue {
  const length = lengthOf(x, "reshape");
  const block = imageOf({ ...x, shape }, "reshape");
  requireBlock(x, block, "reshape");
  const [height, width, channels] = block;
  if (height * width * channels !== length)
    throw new UsageError(`export: ${length} values do not become [${shape.join(", ")}]`);
  // 0 leaves the batch as it is.
  const target = emitter.weights.integers([0, channels, height, width]);
  return emitter.emit("Reshape", [x.name, target], shape);
}

import { add, exp, logisticLoss, mul, sigmoid, square, sub } from "../autograd/ops/elementwise.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import type { Device } from "../gpu/device.ts";
import { UsageError } from "../gpu/errors.ts";
import { Module, type NamedTensor } from "../nn/module.ts";
import { checkFloats } from "../tensor/arguments.ts";
import { parameter } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ImageShape } from "./model.ts";
import type { GraphValue, NetworkGraph } from "./network-graph.ts";

/** ½ ln 2π */
const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/** What can be chosen of p(x|z). */
export const likelihoods = ["auto", "bernoulli", "gaussian", "learned"] as const;

export type LikelihoodName = (typeof likelihoods)[number];

/** p(x|z) for what a decoder gives. */
export interface Likelihood {
  /** −ln p(x|z), summed over pixels: [batch] nats. output: what the decoder gives, of x's shape. */
  nll(output: Tensor, x: Tensor): Tensor;
  /** The mean of p(x|z), of output's shape. */
  mean(output: Tensor): Tensor;
  /** Writes the mean down. */
  writeMean(graph: NetworkGraph, output: GraphValue): GraphValue;
}

/**
 * Negative log-likelihood of Bernoulli pixels, from logits: Σ softplus(l) − l·x, which is
 * −Σ x·ln σ(l) + (1 − x)·ln(1 − σ(l)) without its overflow.
 *
 * @param logits [batch, …] @param x the same shape, values in [0, 1]
 * @returns [batch], nats summed over the pixels of each sample
 */
export function bernoulliNll(logits: Tensor, x: Tensor): Tensor {
  checkFloats("bernoulliNll", { logits, x });
  return overPixels(logisticLoss(logits, x));
}

/** Σ (x − y)² over the pixels of each sample. x, y: [batch, …] → [batch] */
export function squaredError(y: Tensor, x: Tensor): Tensor {
  return overPixels(square(sub(x, y)));
}

/** [batch, …] → [batch]: sums over everything but the batch. */
export function overPixels(each: Tensor): Tensor {
  return sum(reshape(each, [each.shape[0] ?? 1, -1]), 1);
}

/** Black and white pixels; the decoder gives logits. */
export const bernoulli: Likelihood = {
  nll: bernoulliNll,
  mean: sigmoid,
  writeMean: (graph, output) => graph.sigmoid(output),
};

/**
 * Normal pixels with one variance γ² for all: −ln p = Σ ½((x − y)/γ)² + ln γ + ½ ln 2π. With a fixed γ,
 * or with ln γ learned as a parameter (Dai and Wipf 2019, section 5).
 */
export class Gaussian extends Module implements Likelihood {
  /** ln γ, [1], where it is learned. */
  readonly logGamma: Tensor | undefined;

  /**
   * @param squash images in [0, 1]: y is the sigmoid of what the decoder gives; else it is y
   * @param learned start of a learned ln γ is 0; else γ = 1
   */
  constructor(
    device: Device,
    private readonly squash: boolean,
    learned: boolean,
  ) {
    super();
    if (learned) this.logGamma = parameter(device, Float32Array.of(0), [1], "log gamma");
  }

  nll(output: Tensor, x: Tensor): Tensor {
    const errors = squaredError(this.mean(output), x);
    const pixels = x.size / (x.shape[0] || 1);
    const { logGamma } = this;
    if (!logGamma) return add(mul(errors, 0.5), pixels * HALF_LOG_TWO_PI);
    const precision = exp(mul(logGamma, -2));
    return add(mul(mul(errors, 0.5), precision), mul(add(logGamma, HALF_LOG_TWO_PI), pixels));
  }

  mean(output: Tensor): Tensor {
    return this.squash ? sigmoid(output) : output;
  }

  writeMean(graph: NetworkGraph, output: GraphValue): GraphValue {
    return this.squash ? graph.sigmoid(output) : output;
  }

  override forward(output: Tensor): Tensor {
    return this.mean(output);
  }

  protected override own(): NamedTensor[] {
    const { logGamma } = this;
    if (!logGamma) return [];
    return [{ name: "log_gamma", tensor: logGamma, layout: { kind: "vector", shape: [1] } }];
  }
}

/**
 * Bernoulli pixels; normal ones of variance 1; or normal ones whose one variance is learned. `auto` is the
 * first for images and the second for vectors. Vectors have no bounds: the decoder's output is their mean
 * itself.
 *
 * @throws UsageError for Bernoulli vectors
 */
export function likelihoodOf(
  name: LikelihoodName,
  device: Device,
  { vectors = false }: ImageShape,
): Likelihood {
  if (name === "bernoulli" && vectors)
    throw new UsageError("likelihood=bernoulli is for images; vectors take gaussian or learned");
  if (name === "bernoulli" || (name === "auto" && !vectors)) return bernoulli;
  return new Gaussian(device, !vectors, name === "learned");
}

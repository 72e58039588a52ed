import type { RandomKey } from "../autograd/ops/random.ts";
import type { Batch, ExampleSource } from "../data/batch.ts";
import { isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import type { NamedTensor } from "../nn/module.ts";
import type { OptimiserRule } from "../optim/rules.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GraphValue, NetworkGraph, NetworkOutputs } from "./network-graph.ts";

/** What a model is built for. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Vectors [1, 1, channels] of any numbers; else images of values in [0, 1]. */
  readonly vectors?: boolean;
}

/** Loss terms by name, each [batch]: nats of each sample. */
export type SampleTerms = Readonly<Record<string, Tensor>>;

/** Terms with the one whose mean is minimised. */
export type LossTerms = SampleTerms & { readonly loss: Tensor };

/** A weight of a loss term that a schedule may change under a recorded step. */
export interface ScheduledWeight {
  /** As the model was built with it. */
  readonly value: number;
  /** One f32 variable, which the loss reads. */
  readonly variable: Tensor;
}

/** One update of a training step: a loss, and the parameters that move to lower it. */
export interface Update {
  /** What metrics and checkpoints call it. */
  readonly name: string;
  readonly parameters: readonly NamedTensor[];
  readonly rule: OptimiserRule;
  /** Learning rate; schedules multiply it. */
  readonly rate: number;
  /** The model's setting that the rate is, by its name in programs. Default `learningRate`. */
  readonly setting?: string;
  /** In which stage of the training it is made, from 0. Default 0. */
  readonly stage?: number;
  /** How often in a step, each time with random numbers of its own. Default 1. */
  readonly substeps?: number;
  /**
   * The loss terms of a batch, [batch] each, in nats per sample; the mean of `loss` is lowered. Must be recordable.
   */
  terms(batch: Batch, key: RandomKey): LossTerms;
  /** Follows each update: what it changes must be recordable. */
  after?(): void;
}

/** A value that changes with the step under a recorded program. */
export interface StepSchedule {
  /** One f32 variable. */
  readonly variable: Tensor;
  /**
   * Its value in a step.
   *
   * @param step from 1
   */
  at(step: number): number;
}

/** How codes are drawn from a model's prior. */
export interface Prior {
  /** Normal numbers that a draw takes. */
  readonly noise: number;
  /**
   * @param normal standard normal numbers [count, noise]
   * @param uniform numbers in [0, 1), [count, 1]: chooses among components
   * @param label u32 [count]: the class that is asked for, of a model that knows classes
   * @returns [count, latent]
   */
  draw(normal: Tensor, uniform: Tensor, label?: Tensor<"u32">): Tensor;
}

/**
 * A generative model with an encoder and a decoder. One that can be exported writes its networks down; a
 * class that changes what they compute writes them down anew.
 */
export interface Model {
  /** Latent dimensions. */
  readonly latent: number;
  /** Weight of the KL term, where the model has one. */
  readonly beta?: ScheduledWeight;
  /** What codes are drawn from; default N(0, I). */
  readonly prior?: Prior;
  readonly schedules?: readonly StepSchedule[];
  /** Classes that draws and codes depend on; none where the model does not know labels. */
  readonly classes?: number;
  /**
   * What says the content of an image, where that is apart from its style: so many of the first latent
   * dimensions, the others being the style's; or the class, all dimensions being the style's.
   */
  readonly content?: number | "class";

  /** What is trained, by the names that checkpoints have (`encoder.0.weight`). */
  parameters(): NamedTensor[];
  /** What checkpoints hold beside it: running statistics, centres, a fitted prior. */
  buffers(): NamedTensor[];
  /** Switches between training and evaluation: batch norm differs. */
  readonly training: boolean;
  /** Training (true, the default) or evaluation. */
  train(training?: boolean): unknown;

  /** Stages of training, one after another. Default 1. */
  readonly stages?: number;
  /** The stage of an epoch (from 1) of so many, from 0. */
  stageAt?(epoch: number, epochs: number): number;

  /** What a training step does, in order. Every parameter is in one of them at least. */
  updates(): readonly Update[];

  /**
   * Refits what is no parameter to the training examples, before an epoch (from 1). It depends on the
   * parameters, the buffers and the seed alone.
   *
   * @param pause to be awaited between the parts of a long refit; it throws to give it up, and nothing
   *   may be changed then
   */
  beforeEpoch?(
    epoch: number,
    examples: ExampleSource,
    seed: readonly [number, number],
    pause?: () => Promise<void>,
  ): Promise<void>;

  /** The same after an epoch, before it is validated and saved. */
  afterEpoch?(
    epoch: number,
    examples: ExampleSource,
    seed: readonly [number, number],
  ): Promise<void>;

  /**
   * Why a training that has come to these loss terms has failed, though they are finite; undefined while
   * it goes well.
   */
  divergenceReason?(terms: Readonly<Record<string, number>>): string | undefined;

  /**
   * Why no training should go on from these weights, though they are finite. Asked before they are saved:
   * the terms of a step say what was before its updates.
   *
   * @param weights parameters and buffers by name
   */
  validateWeights?(weights: ReadonlyMap<string, Float32Array>): string | undefined;

  /** The terms that are evaluated; `loss` decides which epoch was the best. */
  terms(batch: Batch, key: RandomKey): LossTerms;

  /** Codes: the means of the posterior. → [batch, latent] */
  encode(batch: Batch): Tensor;

  /**
   * Images in [0, 1], or vectors. z: [batch, latent] → [batch, height, width, channels]. A classifier has
   * no decoder.
   *
   * @param label u32 [batch], for a model that knows classes
   */
  decode?(z: Tensor, label?: Tensor<"u32">): Tensor;

  /**
   * Writes down what `encode` computes in evaluation, layer by layer, for formats of other programs: `latent`, or
   * `mean` and `log_variance` of the posterior.
   *
   * @throws UsageError where it cannot be written down
   */
  writeEncoder?(graph: NetworkGraph): NetworkOutputs;

  /** The same of `decode`: the images, or vectors. */
  writeDecoder?(graph: NetworkGraph): GraphValue;
}

/** The epochs, from 1 and both included, of the stage that an epoch belongs to. */
export function stageEpochs(
  model: Pick<Model, "stageAt">,
  epoch: number,
  epochs: number,
): { readonly first: number; readonly last: number } {
  const stageOf = (each: number) => model.stageAt?.(each, epochs) ?? 0;
  let [first, last] = [epoch, epoch];
  while (first > 1 && stageOf(first - 1) === stageOf(epoch)) first--;
  while (last < epochs && stageOf(last + 1) === stageOf(epoch)) last++;
  return { first, last };
}

/** Does something with a model in evaluation mode. */
export function evaluating<T>(model: Model, body: () => T): T {
  const { training } = model;
  model.train(false);
  try {
    const result = body();
    checkSynchronous("evaluating", "body", result);
    return result;
  } finally {
    model.train(training);
  }
}

/** A step that lowers one loss by moving all parameters, with Adam. */
export function soleUpdate(
  model: { parameters(): NamedTensor[] },
  rate: number,
  terms: (batch: Batch, key: RandomKey) => LossTerms,
): Update {
  return { name: "model", parameters: model.parameters(), rule: { kind: "adam" }, rate, terms };
}

/** The parameters of some parts of a model, by the names of these parts. */
export function parametersOf(
  model: { parameters(): NamedTensor[] },
  ...parts: readonly string[]
): NamedTensor[] {
  return model
    .parameters()
    .filter(({ name }) => parts.some((part) => name === part || name.startsWith(`${part}.`)));
}

/** @throws UsageError for anything but a model */
export function checkModel(op: string, model: unknown): asserts model is Model {
  const { terms, updates } = (model ?? {}) as Partial<Model>;
  if (typeof terms !== "function" || typeof updates !== "function")
    throw new UsageError(`${op}: ${isNot("model", model, "a model, as new Vae(…) makes one")}`);
}

import type { RandomKey } from "../autograd/ops/random.ts";
import type { NamedTensor } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a model is built for. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Loss terms by name, each [batch]: nats of each sample. */
export type SampleTerms = Readonly<Record<string, Tensor>>;

/** A weight of a loss term that a schedule may change under a recorded step. */
export interface ScheduledWeight {
  /** As the model was built with it. */
  readonly value: number;
  /** One f32 variable, which the loss reads. */
  readonly variable: Tensor;
}

/** A generative model with an encoder and a decoder, trained on one loss. */
export interface Model {
  /** Latent dimensions. */
  readonly latent: number;
  /** Weight of the KL term, where the model has one. */
  readonly beta?: ScheduledWeight;

  parameters(): NamedTensor[];
  buffers(): NamedTensor[];

  /**
   * The loss terms of a batch; `loss` is what training minimises.
   *
   * @param x [batch, height, width, channels], values in [0, 1]
   * @param key random numbers for the step
   */
  terms(x: Tensor, key: RandomKey): SampleTerms & { readonly loss: Tensor };

  /** Mean of the posterior. x: [batch, height, width, channels] → [batch, latent]. */
  encode(x: Tensor): Tensor;

  /** Images in [0, 1]. z: [batch, latent] → [batch, height, width, channels]. */
  decode(z: Tensor): Tensor;
}

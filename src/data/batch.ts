import type { Tensor } from "../tensor/tensor.ts";

/** Examples on the device. */
export interface Batch {
  /** [batch, height, width, channels]; images have values in [0, 1]. */
  readonly x: Tensor;
  /** Class of each: u32 [batch]. Models that know classes need it. */
  readonly label?: Tensor<"u32">;
  /** Another label of each by its name in the set, as `style`: u32 [batch]. */
  attribute?(name: string): Tensor<"u32"> | undefined;
  /** Known causes of each, where the set has them: [batch, factors]. */
  readonly factors?: Tensor | undefined;
}

/** All examples of a set. */
export interface ExampleSource {
  readonly count: number;
  /** Examples by their numbers. indices: u32 [batch] */
  take(indices: Tensor<"u32">): Batch;
}

/** The first examples of a source, at most `count`. */
export function firstExamples(source: ExampleSource, count: number): ExampleSource {
  return { count: Math.min(count, source.count), take: (indices) => source.take(indices) };
}

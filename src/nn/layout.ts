/** How a parameter lies in memory, for its conversion to the layouts of checkpoints. */
export interface ParameterLayout {
  readonly kind: "conv" | "convTranspose" | "linear" | "vector" | "plain";
  /** In the engine's layout. */
  readonly shape: readonly number[];
  /** [H, W, C] of the image that was flattened into the inputs; linear only. */
  readonly flattenIn?: readonly [number, number, number];
  /** [H, W, C] of the image that the outputs are reshaped to; linear and vector only. */
  readonly flattenOut?: readonly [number, number, number];
}

/** A convolution from `large` to `small` with `same` padding; transposed, from `small` to `large`. */
export interface ConvLayer {
  readonly batch: number;
  /** [height, width, channels] */
  readonly large: readonly [number, number, number];
  readonly small: readonly [number, number, number];
  readonly kernel: number;
  readonly stride: number;
}

export interface VaeLayer extends ConvLayer {
  readonly transposed: boolean;
}

const layer = (
  large: ConvLayer["large"],
  small: ConvLayer["small"],
  stride: number,
  transposed: boolean,
): VaeLayer => ({ batch: 128, large, small, kernel: 3, stride, transposed });

/** The layers of the convolutional VAE on 28×28 images, batch 128: encoder, then decoder. */
export const vaeLayers = [
  layer([28, 28, 1], [14, 14, 32], 2, false),
  layer([14, 14, 32], [7, 7, 64], 2, false),
  layer([14, 14, 64], [7, 7, 64], 2, true),
  layer([28, 28, 32], [14, 14, 64], 2, true),
  layer([28, 28, 1], [28, 28, 32], 1, true),
] as const;

/** Zeros in front of rows or columns, as `same` has them. */
export function samePadding({ kernel, stride }: ConvLayer, large: number, small: number): number {
  return Math.floor(Math.max(0, (small - 1) * stride + kernel - large) / 2);
}

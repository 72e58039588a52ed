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

/** Pairs of a place in the small image and a tap that meet a pixel of the large one, along one axis. */
export function tapsOnPixels(layer: ConvLayer, axis: 0 | 1): number {
  const { large, small, kernel, stride } = layer;
  const front = samePadding(layer, large[axis], small[axis]);
  let count = 0;
  for (let place = 0; place < small[axis]; place++)
    for (let tap = 0; tap < kernel; tap++) {
      const pixel = place * stride + tap - front;
      if (pixel >= 0 && pixel < large[axis]) count++;
    }
  return count;
}

/** Floating-point operations of a layer in any direction: a multiply-add is two; padding counts nothing. */
export function convFlops(layer: ConvLayer): number {
  const pairs = tapsOnPixels(layer, 0) * tapsOnPixels(layer, 1);
  return 2 * layer.batch * pairs * layer.large[2] * layer.small[2];
}

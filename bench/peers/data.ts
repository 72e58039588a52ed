/**
 * What all sides of the comparison are given: the initial weights, the images and the noise of
 * every step, from a counter-based generator, so that each side makes the same numbers for itself.
 */

export const LATENT = 2;
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;

/** A parameter in latentgrad's layout, under its checkpoint name. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** The convolutional VAE of the Keras examples, or the dense one, 784-400-z-400-784. */
export type Network = "conv" | "dense";

/** [name, shape, standard deviation] */
type Drawn = readonly [string, readonly number[], number];

/**
 * Convolutions are [h, w, in, out], transposed ones [h, w, out, in], linear ones [in, out]; images
 * flatten as h, w, channels. Scaled such that the signal keeps its size through the layers, and so
 * that every weight matters for the loss.
 */
const CONV: readonly Drawn[] = [
  ["encoder.0.weight", [3, 3, 1, 32], 0.4],
  ["encoder.0.bias", [32], 0.1],
  ["encoder.2.weight", [3, 3, 32, 64], 0.083],
  ["encoder.2.bias", [64], 0.1],
  ["encoder.5.weight", [3136, 16], 0.025],
  ["encoder.5.bias", [16], 0.1],
  ["head.weight", [16, 2 * LATENT], 0.25],
  ["head.bias", [2 * LATENT], 0.1],
  ["decoder.0.weight", [LATENT, 3136], 0.7],
  ["decoder.0.bias", [3136], 0.1],
  ["decoder.3.weight", [3, 3, 64, 64], 0.118],
  ["decoder.3.bias", [64], 0.1],
  ["decoder.5.weight", [3, 3, 32, 64], 0.118],
  ["decoder.5.bias", [32], 0.1],
  ["decoder.7.weight", [3, 3, 1, 32], 0.059],
  ["decoder.7.bias", [1], 0.1],
];

const DENSE: readonly Drawn[] = [
  ["encoder.1.weight", [784, 400], 0.05],
  ["encoder.1.bias", [400], 0.1],
  ["head.weight", [400, 2 * LATENT], 0.05],
  ["head.bias", [2 * LATENT], 0.1],
  ["decoder.0.weight", [LATENT, 400], 0.7],
  ["decoder.0.bias", [400], 0.1],
  ["decoder.2.weight", [400, 784], 0.05],
  ["decoder.2.bias", [784], 0.1],
];

/** Number `index` of stream `stream`, uniform in (0, 1): two rounds of an integer hash. */
function uniform(stream: number, index: number): number {
  let x = (Math.imul(index, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  for (let round = 0; round < 2; round++) {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    x = (x ^ (x >>> 16)) >>> 0;
  }
  return (x + 0.5) / 2 ** 32;
}

/** Box–Muller. */
function normal(stream: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(stream, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(stream, 2 * index + 1));
}

/** Values of a standard normal distribution; streams below 100 are the parameters'. */
export function normals(stream: number, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < values.length; i++) values[i] = normal(stream, i);
  return values;
}

export function initialParameters(network: Network): Parameter[] {
  return (network === "conv" ? CONV : DENSE).map(([name, shape, deviation], stream) => ({
    name,
    shape,
    values: normals(stream, shape).map((x) => x * deviation),
  }));
}

/** [batch, 28, 28, 1] in [0, 1]: waves of another direction in every image, with no symmetry. */
export function images(batch: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(batch * 784);
  for (let b = 0; b < batch; b++) {
    const [down, across, phase] = [0, 1, 2].map((k) => uniform(100, 3 * b + k)) as [
      number,
      number,
      number,
    ];
    for (let i = 0; i < 28; i++)
      for (let j = 0; j < 28; j++)
        values[(b * 28 + i) * 28 + j] =
          0.5 + 0.5 * Math.sin(0.7 * down * i + 0.5 * across * j + 0.01 * i * j + 6.28 * phase);
  }
  return values;
}

/** [batch, latent]: the noise of step `step`, counted from 1. */
export function noise(batch: number, step: number): Float32Array<ArrayBuffer> {
  return normals(1000 + step, [batch, LATENT]);
}

/** Moves axes: result axis k is axis `order[k]` of the values. */
export function transpose(
  values: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  const strides = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(values.length);
  const index = order.map(() => 0);
  for (let at = 0; at < result.length; at++) {
    let source = 0;
    for (let k = 0; k < order.length; k++)
      source += (index[k] as number) * (strides[order[k] as number] as number);
    result[at] = values[source] as number;
    for (let k = order.length - 1; k >= 0; k--) {
      index[k] = (index[k] as number) + 1;
      if ((index[k] as number) < (shape[order[k] as number] as number)) break;
      index[k] = 0;
    }
  }
  return result;
}

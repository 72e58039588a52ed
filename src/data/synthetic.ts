import { HostRandom } from "../nn/initialisers.ts";
import type { Dataset, Split } from "./types.ts";

/**
 * The synthetic sets of MaskAAE (Mondal et al. 2019): vectors of 128 numbers that depend on n normal
 * numbers, n = 8 or 16, through a fixed random network of two layers, x = W₂·leaky(W₁·z). Both weights have
 * full column rank, so different z give different x: the data have n true dimensions.
 *
 * The paper gives neither widths nor counts; 64 hidden units, a slope of 0.2 and 20,000 + 10,000 vectors are
 * ours. Every dimension is brought to mean 0 and variance 1 over the training vectors.
 */
const DIMENSIONS = 128;
const HIDDEN = 64;
const SLOPE = 0.2;
const COUNTS = { train: 20_000, test: 10_000 };
const SEED = 1;

/** The fixed network for n latent dimensions. */
export interface Generator {
  readonly n: number;
  /** [n, hidden] */
  readonly first: Float32Array;
  /** [hidden, dimensions] */
  readonly second: Float32Array;
}

export function makeGenerator(n: number): Generator {
  const random = new HostRandom(SEED, n);
  const scaled = (size: number, inputs: number) =>
    random.normal(size).map((x) => x / Math.sqrt(inputs));
  return { n, first: scaled(n * HIDDEN, n), second: scaled(HIDDEN * DIMENSIONS, HIDDEN) };
}

/** x of z, in float64, not standardised. z: [n] → [128] */
export function generate({ n, first, second }: Generator, z: ArrayLike<number>): Float64Array {
  const hidden = new Float64Array(HIDDEN);
  for (let i = 0; i < n; i++)
    for (let h = 0; h < HIDDEN; h++) hidden[h]! += z[i]! * first[i * HIDDEN + h]!;
  const x = new Float64Array(DIMENSIONS);
  for (let h = 0; h < HIDDEN; h++) {
    const value = hidden[h]! > 0 ? hidden[h]! : SLOPE * hidden[h]!;
    for (let j = 0; j < DIMENSIONS; j++) x[j]! += value * second[h * DIMENSIONS + j]!;
  }
  return x;
}

/** `synthetic-8` and `synthetic-16`, or with other counts; the factors of a vector are its z. */
export function loadSynthetic(n: number, counts = COUNTS): Dataset<Float32Array> {
  const generator = makeGenerator(n);
  const train = draw(generator, counts.train, 100 + n);
  const test = draw(generator, counts.test, 200 + n);
  const { mean, deviation } = moments(train.x, counts.train);
  const split = (
    { x, z }: { x: Float64Array; z: Float32Array },
    count: number,
  ): Split<Float32Array> => ({
    images: Float32Array.from(x, (value, i) => {
      const j = i % DIMENSIONS;
      return (value - mean[j]!) / deviation[j]!;
    }),
    labels: new Uint8Array(count),
    count,
    factors: { names: Array.from({ length: n }, (_, i) => `z${i + 1}`), values: z },
  });
  return {
    name: `synthetic-${n}`,
    train: split(train, counts.train),
    test: split(test, counts.test),
    height: 1,
    width: 1,
    channels: DIMENSIONS,
    vectors: true,
    classes: 1,
    classNames: ["all"],
  };
}

function draw(generator: Generator, count: number, stream: number) {
  const { n } = generator;
  const z = new HostRandom(SEED, stream).normal(count * n);
  const x = new Float64Array(count * DIMENSIONS);
  for (let i = 0; i < count; i++)
    x.set(generate(generator, z.subarray(i * n, (i + 1) * n)), i * DIMENSIONS);
  return { x, z };
}

function moments(x: Float64Array, count: number) {
  const mean = new Float64Array(DIMENSIONS);
  const squares = new Float64Array(DIMENSIONS);
  for (let i = 0; i < x.length; i++) mean[i % DIMENSIONS]! += x[i]! / count;
  for (let i = 0; i < x.length; i++) {
    const j = i % DIMENSIONS;
    squares[j]! += (x[i]! - mean[j]!) ** 2 / count;
  }
  return { mean, deviation: squares.map(Math.sqrt) };
}

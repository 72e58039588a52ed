import { checkWhole, isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { philox, type Seed, seedWords, unitFloat, type Words4 } from "../kernels/philox.ts";
import { sizeOf } from "../kernels/view.ts";
import { checkShape } from "../tensor/tensor.ts";

/** Separates what the host draws from what kernels draw with the same seed. */
const HOST_DOMAIN = 1;

/**
 * Random numbers on the host, for initial weights: Philox with the counter (block, 0, stream, 1).
 * Only operations that IEEE 754 rounds exactly are used, so every runtime gets the same bits.
 */
export class HostRandom {
  private readonly key: Seed;
  private block = 0;
  private words: Words4 = [0, 0, 0, 0];
  /** Words of the block that were handed out. */
  private used = 4;

  /**
   * @param seed integer from 0 to 2^53 − 1
   * @param stream u32; generators with one seed and different streams are independent
   */
  constructor(
    seed: number,
    private readonly stream = 0,
  ) {
    if (!Number.isSafeInteger(seed) || seed < 0)
      throw new UsageError(
        `hostRandom: ${isNot("seed", seed, "a whole number from 0 to 2^53 − 1")}`,
      );
    checkWhole("hostRandom", "stream", stream, 0, 2 ** 32 - 1);
    this.key = seedWords(seed);
  }

  /** n numbers in [0, 1), multiples of 2⁻²⁴. */
  uniform(n: number): Float32Array<ArrayBuffer> {
    checkWhole("uniform", "n", n, 0);
    return Float32Array.from({ length: n }, () => unitFloat(this.word()));
  }

  /** n standard normal numbers, by Marsaglia's polar method. */
  normal(n: number): Float32Array<ArrayBuffer> {
    checkWhole("normal", "n", n, 0);
    const out = new Float32Array(n);
    for (let i = 0; i < n; i += 2) {
      const [a, b] = this.normalPair();
      out[i] = a;
      if (i + 1 < n) out[i + 1] = b;
    }
    return out;
  }

  private normalPair(): [number, number] {
    for (;;) {
      // Odd multiples of 2⁻²⁴: symmetric about 0, and never 0.
      const x = 2 * unitFloat(this.word()) - 1 + 2 ** -24;
      const y = 2 * unitFloat(this.word()) - 1 + 2 ** -24;
      const square = x * x + y * y;
      if (square >= 1) continue;
      const factor = Math.sqrt((-2 * logarithm(square)) / square);
      return [x * factor, y * factor];
    }
  }

  private word(): number {
    if (this.used === 4) {
      this.words = philox([this.block++, 0, this.stream, HOST_DOMAIN], this.key);
      this.used = 0;
    }
    return this.words[this.used++] as number;
  }
}

/** ln x for 0 < x < 1. Math.log may differ between runtimes in the last bit. */
function logarithm(x: number): number {
  let mantissa = x;
  let halvings = 0;
  for (; mantissa < Math.SQRT1_2; mantissa *= 2) halvings++;
  // ln m = 2·artanh((m − 1)/(m + 1)), |z| ≤ 0.172: eleven terms reach a double's precision.
  const z = (mantissa - 1) / (mantissa + 1);
  let sum = 0;
  for (let n = 21; n >= 1; n -= 2) sum = sum * z * z + 1 / n;
  return 2 * z * sum - halvings * Math.LN2;
}

/**
 * Makes the initial values of a weight.
 *
 * @param shape of the weight
 * @param fanIn inputs that one output sums over
 * @param fanOut outputs that one input reaches
 */
export type Initialiser = (
  random: HostRandom,
  shape: readonly number[],
  fanIn: number,
  fanOut: number,
) => Float32Array<ArrayBuffer>;

/** Uniform, variance 2/(fanIn + fanOut) (Glorot and Bengio 2010). */
export const glorotUniform: Initialiser = (random, shape, fanIn, fanOut) => {
  checkDraw("glorotUniform", random, shape, { fanIn, fanOut });
  return scaledUniform(random, shape, Math.sqrt(6 / (fanIn + fanOut)));
};

/** Normal, variance 2/(fanIn + fanOut) (Glorot and Bengio 2010). */
export const glorotNormal: Initialiser = (random, shape, fanIn, fanOut) => {
  checkDraw("glorotNormal", random, shape, { fanIn, fanOut });
  return scaledNormal(random, shape, Math.sqrt(2 / (fanIn + fanOut)));
};

/** Uniform, variance 2/fanIn (He et al. 2015), for ReLU networks. */
export const heUniform: Initialiser = (random, shape, fanIn) => {
  checkDraw("heUniform", random, shape, { fanIn });
  return scaledUniform(random, shape, Math.sqrt(6 / fanIn));
};

/** Normal, variance 2/fanIn (He et al. 2015), for ReLU networks. */
export const heNormal: Initialiser = (random, shape, fanIn) => {
  checkDraw("heNormal", random, shape, { fanIn });
  return scaledNormal(random, shape, Math.sqrt(2 / fanIn));
};

/** All 0. */
export const zerosInit: Initialiser = (_random, shape) => {
  checkShape("zerosInit", shape);
  return new Float32Array(sizeOf(shape));
};

function checkDraw(
  op: string,
  random: unknown,
  shape: readonly number[],
  fans: Readonly<Record<string, number>>,
): void {
  checkRandom(op, random);
  checkShape(op, shape);
  for (const [name, n] of Object.entries(fans)) checkWhole(op, name, n);
}

/** @throws UsageError for anything but a HostRandom */
export function checkRandom(op: string, random: unknown): asserts random is HostRandom {
  if (!(random instanceof HostRandom))
    throw new UsageError(`${op}: ${isNot("random", random, "a HostRandom: new HostRandom(seed)")}`);
}

function scaledUniform(
  random: HostRandom,
  shape: readonly number[],
  limit: number,
): Float32Array<ArrayBuffer> {
  return random.uniform(sizeOf(shape)).map((u) => (2 * u - 1) * limit);
}

function scaledNormal(
  random: HostRandom,
  shape: readonly number[],
  deviation: number,
): Float32Array<ArrayBuffer> {
  return random.normal(sizeOf(shape)).map((x) => x * deviation);
}

/**
 * A counter-based integer hash: a value depends on its key alone, never on what was drawn before, so
 * any image or permutation can be computed by itself and has the same bits on every runtime.
 */

/** A bijective mix of 32 bits with low bias (two rounds of multiply and xor-shift). */
export function mix32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

/** An unsigned 32-bit value for the key (seed, stream, counter). */
export function hash32(seed: number, stream: number, counter: number): number {
  const a = mix32((seed ^ 0x9e3779b9) >>> 0);
  const b = mix32((a + Math.imul(stream, 0x85ebca6b)) >>> 0);
  return mix32((b + Math.imul(counter, 0xc2b2ae35)) >>> 0);
}

/** A value in [0, 1) for the key: a multiple of 2^-32. */
export function uniform(seed: number, stream: number, counter: number): number {
  return hash32(seed, stream, counter) / 4294967296;
}

/** A permutation of 0…count-1 that depends on (seed, stream) only (Fisher–Yates). */
export function permutation(count: number, seed: number, stream: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, stream, i) * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

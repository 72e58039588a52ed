import shader from "../../shaders/shuffle.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import type { Seed } from "./philox.ts";
import { plainCall } from "./plain.ts";

const ROUNDS = 8;

/** Bits of each half of the smallest even-bit number range that holds 0 … count − 1. */
function halfBits(count: number): number {
  let half = 1;
  while (4 ** half < count) half++;
  return half;
}

function mix(x: number): number {
  let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The example at `place` of an epoch's order: what the kernel computes, on the host. */
export function shuffledIndex(count: number, place: number, epoch: number, seed: Seed): number {
  const half = halfBits(count);
  const mask = 2 ** half - 1;
  const keys = Array.from({ length: ROUNDS }, (_, round) =>
    mix(seed[0] ^ mix(seed[1] ^ mix(epoch ^ mix(round + 0x9e3779b9)))),
  );
  let n = place % count;
  do {
    let left = n >>> half;
    let right = n & mask;
    for (const key of keys) [left, right] = [right, left ^ (mix(right ^ key) & mask)];
    n = left * 2 ** half + right;
  } while (n >= count);
  return n;
}

/**
 * Places offset … offset + y.size − 1 (modulo count) of the epoch's pseudo-random order.
 *
 * @param position u32 [epoch, offset], read at each run
 * @param y u32
 */
export function shuffleCall(
  op: string,
  count: number,
  seed: Seed,
  position: Value,
  y: Value,
): Call {
  return plainCall({
    op,
    detail: `${y.size} of ${count}`,
    shader,
    threads: y.size,
    inputs: [position],
    outputs: [y],
    constants: { COUNT: count, HALF: halfBits(count), ROUNDS, SEED_0: seed[0], SEED_1: seed[1] },
  });
}

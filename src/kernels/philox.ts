import shader from "../../shaders/philox.wgsl";
import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { bytesOf, callWithEpilogue, gridConstants, storedBy, writeEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./facets.ts";
import { specialise } from "./specialise.ts";

const WORKGROUP = 64;

/** Two u32: the lower and the upper word of a seed. */
export type Seed = readonly [number, number];

export type Words4 = readonly [number, number, number, number];

/** The words of a seed that is an integer from 0 to 2^53 − 1. */
export function seedWords(seed: number): Seed {
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/**
 * Philox 4×32 with 10 rounds on the host (Salmon et al. 2011): the reference for the kernel, and
 * the generator of initial weights.
 *
 * @param counter four u32
 * @param key two u32
 * @returns four random u32
 */
export function philox(counter: Words4, key: Seed): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const p = highWord(0xd2511f53, c0) ^ c3 ^ k1;
    const q = highWord(0xcd9e8d57, c2) ^ c1 ^ k0;
    [c0, c1, c2, c3] = [q, Math.imul(0xcd9e8d57, c2), p, Math.imul(0xd2511f53, c0)];
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** Upper 32 bits of a·b, by halves: every intermediate number stays exact. */
function highWord(a: number, b: number): number {
  const [a0, a1] = [a & 0xffff, a >>> 16];
  const [b0, b1] = [b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const rest = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(rest / 0x10000);
}

/** The float in [0, 1) that the upper 24 bits of a word make. */
export function unitFloat(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/** Two standard normal numbers from two words, by Box–Muller as in the kernel. */
export function normalPair(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log(1 - unitFloat(a)));
  const angle = 2 * Math.PI * (unitFloat(b) - 0.5);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

export interface PhiloxOptions {
  /** `words`: u32 as they come. */
  readonly kind: "uniform" | "normal" | "words";
  readonly seed: Seed;
  /** Distinguishes the random ops of a step. */
  readonly stream: number;
  /** Last word of the counter; 0 on the device, 1 for what the host draws. */
  readonly domain?: number;
  /** Block of the first four elements. */
  readonly first?: number;
}

/**
 * Random numbers: block b of four elements has the counter (b, step, stream, domain).
 *
 * @param step u32, one element, read at each run
 */
export function philoxCall(
  op: string,
  options: PhiloxOptions,
  step: Value,
  y: Value,
  epilogue?: Epilogue,
): Call {
  const { kind, seed, stream, domain = 0, first = 0 } = options;
  const type = kind === "words" ? "vec4u" : "vec4f";
  const source = (inputs: readonly Value[]): KernelSource => {
    const threads = Math.ceil(y.size / 4);
    const workgroups = foldWorkgroups(Math.ceil(threads / WORKGROUP));
    const written = storedBy(epilogue, y);
    const bindings = written.map(
      (_, k) =>
        `@group(0) @binding(${inputs.length + k}) var<storage, read_write> ${k === 0 ? "y" : "kept"}: array<${type}>;`,
    );
    return {
      name: `${op} ${y.size}`,
      code: specialise(writeEpilogue(shader, epilogue, 4, 1).text, {
        op,
        constants: {
          ...gridConstants(workgroups),
          THREADS: threads,
          SEED_0: seed[0],
          SEED_1: seed[1],
          STREAM: stream,
          DOMAIN: domain,
          FIRST: first,
          NORMAL: kind === "normal",
          RAW: kind === "words",
          KEPT: epilogue?.keepsHole ?? false,
        },
        inserts: { bindings: bindings.join("\n") },
      }),
      workgroups,
      flops: y.size * 30,
      bytes: bytesOf([...inputs, ...written]),
    };
  };
  // Whole vectors only: an epilogue's inputs end where the result does.
  const fusible = kind !== "words" && y.size % 4 === 0;
  return callWithEpilogue({
    op,
    inputs: [step],
    result: y,
    width: 4,
    epilogue,
    again: fusible ? (e) => philoxCall(op, options, step, y, e) : undefined,
    source,
    canKeep: true,
    movable: true,
  });
}

import type { AdapterKind } from "./adapter.ts";
import type { OptionalFeature } from "./features.ts";
import { VariantTable } from "./variant-table.ts";

/** What the engine wants to know about the adapter behind a device. */
export interface AdapterFacts {
  /** Software adapters run shaders on the CPU: other kernel variants win there. */
  readonly kind: AdapterKind;
  readonly name: string;
  readonly runtime: string;
}

/** How large the tiles of matrix products and convolutions may be. */
export interface TileBudget {
  /** Most accumulators in a thread that the heuristic takes: more are longer to compile. */
  readonly accumulators: number;
  /** Products of fewer operations are computed sooner by smaller tiles: compiling included. */
  readonly small?: { readonly flops: number; readonly accumulators: number };
  /** Most that the tuner tries. Far beyond it SwiftShader's compiler takes all memory there is. */
  readonly largest: number;
  /** Threads that keep the adapter busy; smaller tiles are taken until there are as many. */
  readonly threads: number;
  /** Whether what a tile stores is written out for each of its rows, too; else it is a loop. */
  readonly unrollStores: boolean;
  /** Most characters of a kernel's unrolled text. The largest tiles make 32,000. */
  readonly characters: number;
}

/**
 * How kernels read texels. llvmpipe calls a function for every load of a sampled texture, which
 * saves and restores all vector registers; a load of a read-only storage texture it writes out in
 * place: the products ran 1.6 to 3 times as fast. SwiftShader is slower with storage textures, by
 * a third.
 */
export type TexelReads = "sampled" | "storage";

/**
 * What loads and copies cost when all threads together make many, in nanoseconds. What adapters differ in
 * most: on llvmpipe a buffer's element may cost ten times a texel's four.
 */
export interface ReadCosts {
  /** A load of one f32 of a buffer, and of four. */
  readonly number: number;
  readonly vector: number;
  /** A load of a texel of four, where all four or one of them are used. */
  readonly texel: number;
  readonly channel: number;
  /** To copy an element to a texture. */
  readonly copy: number;
  /** Of a copy however small it is, and of a pass that ends for copies. */
  readonly fill: number;
  readonly pass: number;
}

/** When products read their inputs through textures in place of buffers. */
export interface TextureUse {
  reads: TexelReads;
  /** They load at least so many elements; Infinity: never. */
  leastLoads: number;
  /** Only where all that they load is whole texels. */
  readonly wholeTexels: boolean;
  /**
   * By which it is decided what else kernels read through textures: maps, sums, epilogues, updates of
   * weights. Undefined: nothing else. They are measured where a device is opened on an adapter that may
   * gain by it; the bits of a result do not depend on them.
   */
  costs: ReadCosts | undefined;
}

/** How sums are spread over threads. */
export interface Spread {
  /** Threads that keep the adapter busy with reductions, with merged sums and with checks of gradients. */
  readonly reduceThreads: number;
  readonly mergedThreads: number;
  readonly checkThreads: number;
  /** Elements from which a reduction is worth a second pass. */
  readonly worthSplitting: number;
}

/** When a program is cut into several submits, and by what its time is estimated. */
export interface SubmitLimits {
  readonly seconds: number;
  /** Assumed operations and bytes a second. */
  readonly flops: number;
  readonly bytes: number;
}

/**
 * What a device is good at. Kernels and programs ask here and nowhere else: none of them knows an
 * adapter by its name. What is stated is stated for a kind of adapter; what was measured on this one is
 * in `variants`.
 */
export interface Target {
  /** It runs shaders on the CPU: workgroup memory and many threads gain nothing there. */
  readonly software: boolean;
  readonly tiles: TileBudget;
  readonly textures: TextureUse;
  /** Threads of a workgroup of kernels whose threads have nothing to do with each other, if many. */
  loneThreads: number;
  readonly spread: Spread;
  readonly submits: SubmitLimits;
  /** The optional features that the device was opened with. */
  readonly has: Readonly<Record<OptionalFeature, boolean>>;
  /** Which variants its kernels take, where a tuning has measured them. */
  readonly variants: VariantTable;
}

/** What a caller states otherwise than the kind of the adapter does. */
export interface TargetOptions {
  readonly tiles?: Partial<TileBudget>;
  /** In place of what is measured at opening; null: kernels other than products read buffers. */
  readonly costs?: ReadCosts | null;
}

/** @param stated in place of what is stated for the kind */
export function targetOf(
  kind: AdapterKind,
  has: Target["has"],
  stated: TargetOptions = {},
): Target {
  const software = kind === "llvmpipe" || kind === "swiftshader";
  return {
    software,
    tiles: { ...tilesOf(kind), ...stated.tiles },
    textures: { ...texturesOf(kind), costs: stated.costs ?? undefined },
    // A workgroup costs llvmpipe some time of its own: copies ran a quarter faster.
    loneThreads: kind === "llvmpipe" ? 256 : 64,
    spread: software ? SPREAD.software : SPREAD.hardware,
    submits: software ? SUBMITS.software : SUBMITS.hardware,
    has,
    variants: new VariantTable(),
  };
}

function tilesOf(kind: AdapterKind): TileBudget {
  switch (kind) {
    // On the layers of a convolutional VAE 8 × 16 (on llvmpipe also 9 × 16, for the nine taps of one
    // channel) is faster than smaller tiles; 16 × 16 gains a tenth to a fifth more, on SwiftShader a
    // tenth to a half, and takes twice as long to compile: the tuner finds out where it pays.
    case "llvmpipe":
      return {
        accumulators: 144,
        largest: 512,
        threads: 128,
        characters: 96_000,
        unrollStores: true,
      };
    case "swiftshader":
      // An 8 × 16 tile takes some four times as long to compile as 4 × 8, some tenths of a second. A
      // product of 2²⁰ operations takes a quarter of a millisecond, so that a faster tile would pay
      // after a thousand steps at the soonest.
      return {
        accumulators: 128,
        small: { flops: 2 ** 20, accumulators: 32 },
        largest: 256,
        threads: 64,
        characters: 56_000,
        unrollStores: false,
      };
    case "other":
      return {
        accumulators: 64,
        largest: 128,
        threads: 64,
        characters: 48_000,
        unrollStores: true,
      };
    default:
      return {
        accumulators: 64,
        largest: 128,
        threads: 4096,
        characters: 96_000,
        unrollStores: true,
      };
  }
}

/**
 * On llvmpipe a buffer's element costs ten times a texture's: products read textures unless they load
 * few elements, which costs less than filling them. Of 13 products with 4 to 48 thousand loads 12 took
 * 4 to 16 µs less through buffers, of 43 to 80, and one 4 more; with 64 thousand both ways were alike;
 * with 128 thousand buffers took 4 to 8 more. A filling also ends a pass and costs the host some 10 µs.
 * On SwiftShader a buffer's element costs a third more, for whole texels.
 */
function texturesOf(kind: AdapterKind): TextureUse {
  switch (kind) {
    case "llvmpipe":
      return { reads: "storage", leastLoads: 2 ** 16, wholeTexels: false, costs: undefined };
    case "swiftshader":
      return { reads: "sampled", leastLoads: 0, wholeTexels: true, costs: undefined };
    default:
      return {
        reads: "sampled",
        leastLoads: Number.POSITIVE_INFINITY,
        wholeTexels: false,
        costs: undefined,
      };
  }
}

const SPREAD: Readonly<Record<"software" | "hardware", Spread>> = {
  software: {
    reduceThreads: 512,
    mergedThreads: 2048,
    checkThreads: 512,
    worthSplitting: 2 ** 18,
  },
  hardware: {
    reduceThreads: 32768,
    mergedThreads: 32768,
    checkThreads: 8192,
    worthSplitting: 2 ** 14,
  },
};

/**
 * Command buffers that are estimated to run longer are split: drivers reset a GPU whose command buffer
 * runs for seconds; software adapters have no such watchdog, but share the machine.
 */
const SUBMITS: Readonly<Record<"software" | "hardware", SubmitLimits>> = {
  software: { seconds: 2, flops: 8e9, bytes: 2e9 },
  hardware: { seconds: 0.5, flops: 1e12, bytes: 1e11 },
};

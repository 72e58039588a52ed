import shader from "../../shaders/bench/multiply_add.wgsl";
import { foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { LatentgradError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import { timeProgram } from "../gpu/timing.ts";
import { gridConstants } from "../kernels/epilogue.ts";
import { specialise } from "../kernels/specialise.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { tensor } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import { emptyResult, type Tensor } from "../tensor/tensor.ts";

/** One way to keep an adapter's multipliers busy. */
export interface MultiplyAdd {
  readonly type: "f32" | "vec4f" | "f16" | "vec4h";
  /** Numbers or vectors that a thread works on in turn. */
  readonly accumulators: number;
  /** Steps of each that are written out in the loop's body. */
  readonly unroll: number;
  /** `chained`: x ← x·a + b; `crossed`: x[i] ← x[i] + x[i + 1]·a. */
  readonly form: "chained" | "crossed";
  /** By `fma` instead of `*` and `+`. */
  readonly fused: boolean;
  readonly workgroup: number;
}

/** The best that a sweep found. */
export interface Peak {
  readonly gflops: number;
  readonly entry: string;
  /** How many ways were tried. */
  readonly tried: number;
}

/** The sweep: first all accumulators and forms, then what follows for the best of them. */
const FLOATS: readonly (readonly [type: "f32" | "vec4f", accumulators: number])[] = [
  ...[4, 8, 12, 14, 16, 24, 32].map((n) => ["f32", n] as const),
  ...[1, 2, 3, 4, 6, 8].map((n) => ["vec4f", n] as const),
];
const FIRST_UNROLL = 16;
const UNROLLS = [1, 4, 32, 64];
const WORKGROUPS = [32, 128, 256];
/** So many of the best go on to the next stage. */
const KEPT = 3;

/** Most numbers in one loop's body: the compilers of software adapters take too long for more. */
const MOST_TERMS = { llvmpipe: 1024, swiftshader: 1024, other: 1024, gpu: 2048 };
/** Threads that keep the adapter busy for long enough to be timed. */
const THREADS = { software: 2 ** 12, hardware: 2 ** 20 };
/** Multiply-adds of numbers that a thread makes, about. */
const THREAD_TERMS = 2 ** 15;
/** Steps of f16: the sums of whole numbers stay exact. */
const HALF_STEPS = 1024;

/** Threads start from as many different numbers. */
const STARTS = 16;

export function describeMultiplyAdd(c: MultiplyAdd): string {
  const form = `${c.form === "crossed" ? "crossed " : ""}${c.fused ? "fma" : "a*b+c"}`;
  return `${c.accumulators} × ${c.type}, ${form}, ${c.unroll} steps unrolled, workgroups of ${c.workgroup}`;
}

const widthOf = ({ type }: MultiplyAdd): number => (type.startsWith("vec4") ? 4 : 1);
const isHalf = ({ type }: MultiplyAdd): boolean => type === "f16" || type === "vec4h";

/** Steps of each accumulator. */
export function stepsOf(c: MultiplyAdd): number {
  const wanted = isHalf(c) ? HALF_STEPS : THREAD_TERMS / (c.accumulators * widthOf(c));
  return Math.max(1, Math.round(wanted / c.unroll)) * c.unroll;
}

/**
 * Factor and term, a vector each. They are such that a result tells of every step: the factor takes a
 * share of the number, in all steps together about two thirds; with f16 the steps are counted.
 */
export function factorsOf(c: MultiplyAdd): Float32Array<ArrayBuffer> {
  const width = widthOf(c);
  if (isHalf(c)) return new Float32Array(2 * width).fill(1);
  const steps = stepsOf(c);
  const random = new HostRandom(c.accumulators).uniform(2 * width);
  return Float32Array.from(random, (u, i) => {
    if (i >= width) return (1 + u) / steps;
    return c.form === "crossed" ? (0.5 + u / 2) / steps : 1 - (0.5 + u) / steps;
  });
}

/**
 * What a thread that starts from `start` has to come to, component by component, in float64.
 *
 * @param steps of each accumulator
 */
export function expectedSums(
  c: MultiplyAdd,
  numbers: Float32Array,
  start: number,
  steps = stepsOf(c),
): number[] {
  const width = widthOf(c);
  return Array.from({ length: width }, (_, component) => {
    const factor = numbers[component] as number;
    const term = numbers[width + component] as number;
    const x = Float64Array.from({ length: c.accumulators }, (_, i) => start + i);
    for (let step = 0; step < steps; step++)
      for (let i = 0; i < x.length; i++) {
        const own = x[i] as number;
        const next = x[(i + 1) % x.length] as number;
        x[i] = c.form === "crossed" ? next * factor + own : own * factor + term;
      }
    return x.reduce((sum, value) => sum + value, 0);
  });
}

/** Whether results are what the steps lead to. */
export function isRight(c: MultiplyAdd, numbers: Float32Array, results: Float32Array): boolean {
  const width = widthOf(c);
  const expected = Array.from({ length: STARTS }, (_, start) => expectedSums(c, numbers, start));
  // Rounding errors of thousands of steps; half floats count whole numbers.
  const tolerance = isHalf(c) ? 0 : 2e-3;
  return results.every((value, i) => {
    const wanted = expected[Math.floor(i / width) % STARTS]?.[i % width] as number;
    return Math.abs(value - wanted) <= tolerance * Math.abs(wanted);
  });
}

function sourceOf(c: MultiplyAdd, threads: number): KernelSource {
  const workgroups = foldWorkgroups(Math.ceil(threads / c.workgroup));
  const width = widthOf(c);
  const steps = stepsOf(c);
  const code = specialise(shader, {
    op: "multiplyAdd",
    aliases: {
      S: isHalf(c) ? "f16" : "f32",
      T: c.type,
      F: width === 4 ? "vec4f" : "f32",
    },
    constants: {
      ...gridConstants(workgroups),
      WORKGROUP: c.workgroup,
      STARTS,
      ACCUMULATORS: c.accumulators,
      UNROLL: c.unroll,
      ROUNDS: steps / c.unroll,
      FUSED: c.fused,
      CROSSED: c.form === "crossed",
    },
  });
  return {
    name: `multiplyAdd ${describeMultiplyAdd(c)}`,
    code: isHalf(c) ? `enable f16;\n${code}` : code,
    workgroups,
    flops: 2 * threads * steps * c.accumulators * width,
    bytes: threads * width * 4,
  };
}

/**
 * Runs one way once and compares its results; then times it.
 *
 * @returns GFLOP/s, by the shortest group: what else the machine did only takes time
 * @throws LatentgradError where the adapter computes something else
 */
export async function measureMultiplyAdd(
  device: Device,
  c: MultiplyAdd,
  options: { readonly runs: number; readonly groupMs: number },
): Promise<number> {
  const numbers = factorsOf(c);
  const threads = THREADS[device.target.software ? "software" : "hardware"];
  const source = sourceOf(c, threads);
  const given = tensor(device, numbers);
  const { program, result } = await record(device, () => {
    const out = emptyResult(device, "multiplyAdd", [threads * widthOf(c)]);
    device.emit({
      op: "multiplyAdd",
      inputs: [given.value],
      outputs: [out.value],
      updates: [],
      kernel: () => source,
    });
    return out;
  });
  try {
    await check(program, result, c, numbers);
    const { minMs } = await timeProgram(program, { ...options, hasRun: true });
    return source.flops / minMs / 1e6;
  } finally {
    program.release();
    device.release(given.value);
  }
}

async function check(
  program: Program,
  result: Tensor,
  c: MultiplyAdd,
  numbers: Float32Array,
): Promise<void> {
  program.run();
  if (!isRight(c, numbers, await result.data()))
    throw new LatentgradError(
      `the adapter computes wrong results: multiply-adds of ${describeMultiplyAdd(c)}`,
    );
}

/**
 * The adapter's highest rate of multiply-adds. All accumulators and forms are tried with one
 * unrolling and one workgroup; the best of them with all unrollings, the best of these with all
 * sizes of workgroups; and the best of all are timed again for longer, of which the best counts. With
 * `half`, in f16, which takes the first and the last stage alone.
 */
export async function sweepMultiplyAdds(device: Device, half = false): Promise<Peak> {
  const most = MOST_TERMS[device.adapter.kind];
  const found = new Map<string, { c: MultiplyAdd; gflops: number }>();
  const attempt = async (candidates: readonly MultiplyAdd[]): Promise<void> => {
    for (const c of candidates) {
      const key = describeMultiplyAdd(c);
      const terms = c.accumulators * widthOf(c) * c.unroll;
      if (found.has(key) || terms > most) continue;
      if (c.workgroup > device.limits.maxComputeInvocationsPerWorkgroup) continue;
      found.set(key, { c, gflops: await measureMultiplyAdd(device, c, QUICK) });
    }
  };
  const best = (): MultiplyAdd[] =>
    [...found.values()]
      .sort((a, b) => b.gflops - a.gflops)
      .slice(0, KEPT)
      .map(({ c }) => c);
  await attempt(firstStage(half));
  if (!half) {
    await attempt(best().flatMap((c) => UNROLLS.map((unroll) => ({ ...c, unroll }))));
    await attempt(best().flatMap((c) => WORKGROUPS.map((workgroup) => ({ ...c, workgroup }))));
  }
  let peak: Peak = { gflops: 0, entry: "", tried: found.size };
  for (const c of best()) {
    const gflops = await measureMultiplyAdd(device, c, THOROUGH);
    if (gflops > peak.gflops) peak = { ...peak, gflops, entry: describeMultiplyAdd(c) };
  }
  return peak;
}

const QUICK = { runs: 2, groupMs: 8 };
const THOROUGH = { runs: 15, groupMs: 20 };

function firstStage(half: boolean): MultiplyAdd[] {
  const types = { f32: "f16", vec4f: "vec4h" } as const;
  const candidates: MultiplyAdd[] = [];
  for (const [type, accumulators] of FLOATS)
    for (const form of ["chained", "crossed"] as const)
      for (const fused of [false, true]) {
        // Crossed numbers grow, which whole numbers of f16 may not; and one has no neighbour.
        if (form === "crossed" && (half || accumulators === 1)) continue;
        const rest = { unroll: FIRST_UNROLL, workgroup: 64 };
        candidates.push({ type: half ? types[type] : type, accumulators, form, fused, ...rest });
      }
  return candidates;
}

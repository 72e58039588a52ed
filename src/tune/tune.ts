import {
  checkArray,
  checkDevice,
  checkFunction,
  checkObject,
  checkOptions,
} from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import type { Program } from "../gpu/program.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import { MOST_TEXTURE_ELEMENTS, textureHeight, textureSize } from "../gpu/textures.ts";
import { timeProgram } from "../gpu/timing.ts";
import { Value } from "../gpu/value.ts";
import { formatTuningKey, type VariantChoices } from "../gpu/variant-table.ts";
import { onTunableKernel, parseVariant, type TunableKernel } from "../kernels/variants.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { record } from "../tensor/run.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What is measured, and for how long. */
export interface TuneOptions {
  /**
   * After so many seconds no kernel is begun, and the one at work is left, unless none was measured
   * yet: so every tuning gets further.
   */
  readonly seconds: number;
  /**
   * Kernels whose operands, with what all variants copy of them and with all their results, take more
   * bytes are left to the heuristic.
   */
  readonly bytes: number;
  /** Told of every kernel when it is done; what it promises is waited for. */
  readonly onTuned?: (tuned: TunedKernel) => unknown;
  /** Asked before each variant; true ends the tuning, and leaves the kernel at work. */
  readonly stop?: () => boolean;
}

/** What was found out about one kernel and class of shapes. */
export interface TunedKernel {
  readonly kernel: string;
  readonly shape: string;
  /** What was compared, the heuristic's first. */
  readonly candidates: readonly string[];
  readonly heuristic: string;
  readonly winner: string;
  /** Milliseconds of each variant that gave the right result: the shortest of its runs. */
  readonly ms: Readonly<Record<string, number>>;
  /** Variants that gave a wrong result or none, and why. */
  readonly refused: Readonly<Record<string, string>>;
}

/** A kernel and class of shapes that was left to the heuristic, and why. */
export interface SkippedKernel {
  readonly kernel: string;
  readonly shape: string;
  readonly reason: string;
}

/** What a tuning has found. */
export interface TuneReport {
  readonly tuned: readonly TunedKernel[];
  /** Kernels that there was no time or memory for, or whose plainest variant does not run. */
  readonly skipped: readonly SkippedKernel[];
  readonly choices: VariantChoices;
}

/**
 * The kernels with several variants that `body` asks for on a device: recording a step asks for all of
 * it. A kernel of the same class of shapes is there once.
 */
export async function tunableKernels(
  device: Device,
  body: () => unknown,
): Promise<TunableKernel[]> {
  checkDevice("tunableKernels", device);
  checkFunction("tunableKernels", "body", body, "a function that records or runs a step");
  const asked = new Map<string, TunableKernel>();
  const end = onTunableKernel(device.variants, (kernel) =>
    asked.set(formatTuningKey(kernel), kernel),
  );
  try {
    await body();
  } finally {
    end();
  }
  return [...asked.values()];
}

/** Rounds in which every variant of a kernel is timed once. */
const ROUNDS = 5;
/** A variant must be so much faster than the heuristic's to win: what is less may be noise. */
const WORTH = 0.95;
/** Largest difference from the reference, in units of the reference's root mean square. */
const TOLERANCE = { whole: 1e-4, half: 2e-2 };

/**
 * Measures the candidates of each kernel on a device, and holds their results against those of the
 * plainest variant. The choices that come out leave out what the heuristic had right.
 */
export async function tune(
  device: Device,
  kernels: readonly TunableKernel[],
  options: TuneOptions,
): Promise<TuneReport> {
  checkDevice("tune", device);
  checkKernels("tune", kernels);
  checkOptions("tune", options, {
    seconds: "number",
    bytes: "number",
    onTuned: "function?",
    stop: "function?",
  });
  const { seconds, bytes, onTuned, stop } = options;
  const tuned: TunedKernel[] = [];
  const skipped: SkippedKernel[] = [];
  const begin = performance.now();
  const late = (): string | undefined =>
    performance.now() - begin > 1000 * seconds ? "the time was up" : undefined;
  const stopped = (): string | undefined => {
    const wanted = stop?.();
    checkSynchronous("tune", "options.stop", wanted);
    return wanted ? "the tuning was stopped" : undefined;
  };
  for (const tunable of kernels) {
    const ended = (): string | undefined => stopped() ?? (tuned.length > 0 ? late() : undefined);
    const result = late() ?? stopped() ?? (await tuneOne(device, tunable, bytes, ended));
    if (typeof result === "string") {
      const { kernel, shape } = tunable;
      skipped.push({ kernel, shape, reason: result });
      continue;
    }
    tuned.push(result);
    await onTuned?.(result);
  }
  return { tuned, skipped, choices: winnersOf(tuned) };
}

function checkKernels(op: string, kernels: unknown): void {
  checkArray(op, "kernels", kernels, "an array, as tunableKernels gives it");
  const fields = ["kernel", "shape", "candidates", "reference", "operands", "result", "calls"];
  for (const [i, kernel] of kernels.entries()) checkObject(op, `kernels[${i}]`, kernel, fields);
}

/** The choices that the heuristic would not have made. */
export function winnersOf(tuned: readonly TunedKernel[]): VariantChoices {
  const won = tuned.filter(({ winner, heuristic }) => winner !== heuristic);
  return Object.fromEntries(won.map((t) => [formatTuningKey(t), t.winner]));
}

/** A variant that was made to be run. */
interface Contestant {
  readonly variant: string;
  readonly program: Program;
  readonly result: Tensor;
  readonly ms: number[];
}

/**
 * Says why not, where the kernel takes too much memory, cannot be compared, or `ended` says so before
 * one of its variants. Nothing of it is left on the device in any case.
 *
 * @throws DeviceLostError
 */
async function tuneOne(
  device: Device,
  tunable: TunableKernel,
  bytes: number,
  ended: () => string | undefined,
): Promise<TunedKernel | string> {
  const wanted = bytesOf(device, tunable);
  if (wanted > bytes) return `it takes ${wanted} bytes, all variants together`;
  const operands: Value[] = [];
  try {
    for (const [i, size] of tunable.operands.entries()) {
      const value = device.allocate("f32", size, `operand ${i}`);
      operands.push(value);
      device.write(value, randomNumbers(size, i + 1));
    }
    return await compare(device, tunable, operands, ended);
  } catch (error) {
    return await reasonOf(device, error);
  } finally {
    for (const v of operands) device.release(v);
    if (!device.lost) device.pool.trim(); // buffers of these sizes may not be wanted again
  }
}

/** Why a kernel or a variant did not run. A device that is gone is no fault of theirs, and is thrown. */
async function reasonOf(device: Device, error: unknown): Promise<string> {
  // What else the device has to say of it would be taken for a failure of what comes next.
  await device.settle().catch(() => undefined);
  if (device.lost) throw device.lost;
  return error instanceof Error ? error.message : String(error);
}

/**
 * Bytes that are there together: the operands, the textures that software adapters read them through,
 * and the results, shares and f16 copies of all variants.
 */
function bytesOf(device: Device, { operands, result, candidates }: TunableKernel): number {
  const variants = candidates.map(parseVariant);
  const copies = variants.map((v) => (v && v.splits > 1 ? v.splits + 1 : 1));
  const halves = variants.filter((v) => v?.half).length;
  const total = (sizes: readonly number[]) => sizes.reduce((sum, n) => sum + n, 0);
  // The variants share textures of one size. Not all kernels read them: this is the most it can be.
  const textures = device.target.software ? operands.filter((n) => n <= MOST_TEXTURE_ELEMENTS) : [];
  return (
    4 * (total(operands) + result * total(copies)) +
    2 * halves * total(operands) +
    total(textures.map((n) => textureSize(textureHeight(4 * n))))
  );
}

async function compare(
  device: Device,
  tunable: TunableKernel,
  operands: readonly Value[],
  ended: () => string | undefined,
): Promise<TunedKernel | string> {
  const { kernel, shape, candidates } = tunable;
  const heuristic = candidates[0] as string;
  const reference = await plainResult(device, tunable, operands);
  const refused: Record<string, string> = {};
  const contestants: Contestant[] = [];
  try {
    for (const variant of candidates) {
      const reason = ended();
      if (reason !== undefined) return reason;
      try {
        const contestant = await enter(device, tunable, operands, variant);
        contestants.push(contestant);
        const wrong = difference(await resultOf(contestant), reference, / half$/.test(variant));
        if (wrong !== undefined) refused[variant] = wrong;
      } catch (error) {
        refused[variant] = await reasonOf(device, error);
      }
    }
    const right = contestants.filter(({ variant }) => refused[variant] === undefined);
    for (let round = 0; round < ROUNDS; round++)
      for (const contestant of right) {
        const reason = ended();
        if (reason !== undefined) return reason;
        contestant.ms.push(await timeOnce(device, contestant.program));
      }
    const ms = Object.fromEntries(right.map((c) => [c.variant, Math.min(...c.ms)]));
    const winner = winnerOf(ms, heuristic);
    return { kernel, shape, candidates, heuristic, winner, ms, refused };
  } finally {
    for (const { program } of contestants) program.release();
  }
}

/** What the plainest variant computes. */
async function plainResult(
  device: Device,
  tunable: TunableKernel,
  operands: readonly Value[],
): Promise<Float32Array> {
  const plain = await enter(device, tunable, operands, tunable.reference);
  try {
    return await resultOf(plain);
  } finally {
    plain.program.release();
  }
}

/** The fastest variant, or the heuristic's where it is about as fast. */
export function winnerOf(ms: Readonly<Record<string, number>>, heuristic: string): string {
  const byHeuristic = ms[heuristic] ?? Number.POSITIVE_INFINITY;
  const [fastest, time] = Object.entries(ms).reduce(
    (best, entry) => (entry[1] < best[1] ? entry : best),
    [heuristic, byHeuristic] as [string, number],
  );
  return time < WORTH * byHeuristic ? fastest : heuristic;
}

async function enter(
  device: Device,
  { result: size, calls }: TunableKernel,
  operands: readonly Value[],
  variant: string,
): Promise<Contestant> {
  const { program, result } = await record(device, () => {
    const value = new Value(device, "f32", size, "result");
    for (const call of calls(operands, value, variant)) device.emit(call);
    return Tensor.of(device, value, [size]);
  });
  return { variant, program, result, ms: [] };
}

async function resultOf({ program, result }: Contestant): Promise<Float32Array> {
  program.run();
  return result.data();
}

/** Numbers in [−1, 1); a long operand repeats a stretch of odd length. */
function randomNumbers(size: number, seed: number): Float32Array<ArrayBuffer> {
  const drawn = new HostRandom(seed).uniform(Math.min(size, 2 ** 16 + 1));
  return Float32Array.from({ length: size }, (_, i) => 2 * (drawn[i % drawn.length] as number) - 1);
}

/** What is wrong with a result, if anything is. */
export function difference(
  found: Float32Array,
  reference: Float32Array,
  half: boolean,
): string | undefined {
  let squares = 0;
  for (const x of reference) squares += x * x;
  const size = Math.sqrt(squares / Math.max(1, reference.length));
  const bound = (half ? TOLERANCE.half : TOLERANCE.whole) * Math.max(size, 1e-30);
  for (const [i, x] of reference.entries()) {
    const y = found[i] as number;
    // NaN is within no bound.
    if (!(Math.abs(y - x) <= bound)) return `element ${i} is ${y}, which should be ${x}`;
  }
  return undefined;
}

/** Milliseconds of a replay, by one group of them. */
async function timeOnce(device: Device, program: Program): Promise<number> {
  const groupMs = device.hasTimestamps ? 4 : 60;
  return (await timeProgram(program, { runs: 1, groupMs, hasRun: true })).minMs;
}

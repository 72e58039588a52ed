import type { Call } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { median } from "../gpu/profiler.ts";
import { Program } from "../gpu/program.ts";
import { timeProgram } from "../gpu/timing.ts";
import { type DType, Value } from "../gpu/value.ts";
import { HostRandom } from "../nn/initialisers.ts";

/** Features that some rung asks for: a device for ladders is opened with those its adapter has. */
export const LADDER_FEATURES = ["subgroups", "shader-f16"] as const;

/** One version of a kernel. */
export interface Rung {
  /** Number and name, as its file in `shaders/ladder/` has it: `05_unrolled`. */
  readonly name: string;
  /** What is new in this step, in a few words. */
  readonly idea: string;
  /** The rung that it changes; without it the one before. */
  readonly from?: string;
  /** Feature that an adapter must offer. */
  readonly feature?: (typeof LADDER_FEATURES)[number];
  /** The operands are stored as f16, two to a word. */
  readonly half?: true;
  /** Why this version cannot compute the ladder's shape, if so. */
  readonly unfit?: string;
  /** The dispatches that compute the result. */
  calls(inputs: readonly Value[], output: Value): Call[];
}

/** A sum of products, and the sum of their absolute values, to which rounding errors are relative. */
export interface Sum {
  readonly sum: number;
  readonly size: number;
}

/** Versions of one kernel on one shape, from the simplest to the engine's own. */
export interface Ladder {
  readonly shape: string;
  /** Floating-point operations of the result, a multiply-add counted as two. */
  readonly flops: number;
  /** Elements of each input. */
  readonly inputs: readonly number[];
  /** Elements of the result. */
  readonly output: number;
  /** Element `at` of the result in float64. */
  reference(inputs: readonly Float32Array[], at: number): Sum;
  readonly rungs: readonly Rung[];
}

/** What was found of a rung. */
export interface RungResult {
  readonly name: string;
  readonly idea: string;
  /** The rung that it changes; the first has none. */
  readonly from?: string;
  /** Why it was not run. */
  readonly skipped?: string;
  /** How its result was wrong; such a rung is not timed. */
  readonly wrong?: string;
  /** What was measured of a rung that ran and was right. */
  readonly speed?: RungSpeed;
}

export interface RungSpeed {
  /** Milliseconds: median over the rounds, and the shortest and longest. */
  readonly ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly gflops: number;
  /** How much faster than the first rung and than the one it changes, where those were timed: medians of the rounds' ratios. */
  readonly overFirst?: number;
  readonly overFrom?: number;
}

export interface LadderOptions {
  /** How often each rung is timed; default 3. */
  readonly rounds?: number | undefined;
}

export interface LadderReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly ladder: string;
  readonly shape: string;
  readonly rungs: readonly RungResult[];
}

/** Elements of the large shape's result that are compared with the reference. */
const SAMPLES = 257;
/** Error of f32 sums relative to the sum of their terms' absolute values, and an absolute part. */
const TOLERANCE = { relative: 2e-6, absolute: 1e-7 };

/**
 * Runs the rungs that the device can run. First each computes a small shape, every element of which
 * is compared with float64, and the large one, of which a sample is. Then those that are right are
 * timed in rounds, all rungs in each, so that what else the machine does meanwhile meets them alike.
 *
 * @param log gets a line about what is done next
 */
export async function runLadder(
  device: Device,
  name: string,
  { small, large }: { readonly small: Ladder; readonly large: Ladder },
  { rounds = 3 }: LadderOptions = {},
  log: (line: string) => void = () => undefined,
): Promise<LadderReport> {
  const held: { release(): void }[] = [];
  const hold = <T extends { release(): void }>(thing: T): T => {
    held.push(thing);
    return thing;
  };
  try {
    const trial = hold(Operands.make(device, small));
    const operands = hold(Operands.make(device, large));
    const results: RungResult[] = [];
    const programs = new Map<RungResult, Program>();
    for (const [i, rung] of large.rungs.entries()) {
      log(`ladder/${name}/${rung.name}`);
      const from = rung.from ?? large.rungs[i - 1]?.name;
      const result = { name: rung.name, idea: rung.idea, ...(from === undefined ? {} : { from }) };
      const skipped = whyNot(device, rung);
      const first = skipped === undefined ? await trial.check(small.rungs[i] as Rung) : undefined;
      if (skipped !== undefined) results.push({ ...result, skipped });
      else if (first !== undefined) results.push({ ...result, wrong: `${small.shape}: ${first}` });
      else {
        const { program, wrong } = await operands.prepare(rung);
        results.push(
          wrong === undefined ? result : { ...result, wrong: `${large.shape}: ${wrong}` },
        );
        if (wrong === undefined) programs.set(results.at(-1) as RungResult, hold(program));
        else program.release();
      }
    }
    const times: number[][] = [];
    for (let round = 1; round <= rounds; round++) {
      log(`ladder/${name}: round ${round} of ${rounds}`);
      const group: number[] = [];
      for (const program of programs.values())
        group.push((await timeProgram(program, { runs: 1, hasRun: true })).ms);
      times.push(group);
    }
    const timed = [...programs.keys()];
    const { adapter } = device;
    return {
      adapter: adapter.name,
      runtime: adapter.runtime,
      ladder: name,
      shape: large.shape,
      rungs: results.map((result) => {
        const at = timed.indexOf(result);
        if (at < 0) return result;
        const from = timed.findIndex((other) => other.name === result.from);
        const first = timed.indexOf(results[0] as RungResult);
        return { ...result, speed: speedOf(times, at, { first, from }, large.flops) };
      }),
    };
  } finally {
    for (const thing of held.reverse()) thing.release();
  }
}

/**
 * @param times milliseconds of each timed rung in each round
 * @param others the ladder's first rung, and the one that rung `at` changes; −1 where it was not timed
 */
export function speedOf(
  times: readonly (readonly number[])[],
  at: number,
  others: { readonly first: number; readonly from: number },
  flops: number,
): RungSpeed {
  const own = times.map((round) => round[at] as number);
  const over = (name: "overFirst" | "overFrom", other: number) =>
    other < 0
      ? {}
      : { [name]: median(times.map((round) => (round[other] as number) / (round[at] as number))) };
  const ms = median(own);
  return {
    ms,
    minMs: Math.min(...own),
    maxMs: Math.max(...own),
    gflops: flops / ms / 1e6,
    ...over("overFirst", others.first),
    ...over("overFrom", others.from),
  };
}

/** Why a device cannot run a rung, if so. */
export function whyNot(device: Device, rung: Rung): string | undefined {
  if (rung.feature && !device.gpu.features.has(rung.feature))
    return `the adapter offers no ${rung.feature}`;
  return rung.unfit;
}

/** The inputs of a ladder on a device, in f32 and in f16: the same numbers. */
export class Operands {
  private constructor(
    private readonly device: Device,
    private readonly ladder: Ladder,
    private readonly numbers: readonly Float32Array[],
    private readonly whole: readonly Value[],
    private readonly half: readonly Value[],
  ) {}

  static make(device: Device, ladder: Ladder): Operands {
    const numbers = ladder.inputs.map((length, i) => exactHalves(length, i));
    const upload = (dtype: DType, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => {
      const value = device.allocate(dtype, data.length, "an operand of a ladder", true);
      device.write(value, data);
      return value;
    };
    return new Operands(
      device,
      ladder,
      numbers,
      numbers.map((data) => upload("f32", data)),
      numbers.map((data) => upload("u32", packHalves(data))),
    );
  }

  release(): void {
    for (const value of [...this.whole, ...this.half]) this.device.release(value);
  }

  /** Says how a rung's result is wrong, or nothing if it is right. */
  async check(rung: Rung): Promise<string | undefined> {
    const { program, wrong } = await this.prepare(rung);
    program.release();
    return wrong;
  }

  /** A program of the rung that has run once, and how its result was wrong, if it was. */
  async prepare(rung: Rung): Promise<{ program: Program; wrong: string | undefined }> {
    const { program, result } = await this.record(rung);
    try {
      return { program, wrong: await this.compare(program, result) };
    } catch (error) {
      program.release();
      throw error;
    }
  }

  private record(rung: Rung): Promise<{ program: Program; result: Value }> {
    const { device, ladder } = this;
    const body = () => {
      const output = new Value(device, "f32", ladder.output, `result of ${rung.name}`);
      for (const call of rung.calls(rung.half ? this.half : this.whole, output)) device.emit(call);
      return output;
    };
    return Program.record(
      device,
      body,
      (output) => [output],
      (items) => [...items],
    );
  }

  private async compare(program: Program, result: Value): Promise<string | undefined> {
    const { device, ladder, numbers } = this;
    program.run();
    const got = new Float32Array(await device.read(result));
    // A prime number of samples at equal distances meets every residue of the tiles' edges.
    const stride = Math.max(1, Math.floor(ladder.output / SAMPLES));
    for (let at = 0; at < ladder.output; at += stride) {
      const { sum, size } = ladder.reference(numbers, at);
      const error = Math.abs((got[at] as number) - sum);
      if (!(error <= TOLERANCE.relative * size + TOLERANCE.absolute))
        return `element ${at} is ${got[at]}, not ${Math.fround(sum)}`;
    }
    return undefined;
  }
}

/** Reproducible multiples of 2⁻¹⁰ in [−1, 1), which f16 holds without rounding. */
function exactHalves(length: number, stream: number): Float32Array<ArrayBuffer> {
  return new HostRandom(1, stream).uniform(length).map((u) => Math.floor(u * 2048) / 1024 - 1);
}

/** Two such numbers in a word, as an array of f16 has them. */
function packHalves(numbers: Float32Array): Uint32Array<ArrayBuffer> {
  const bits = new Uint16Array(2 * Math.ceil(numbers.length / 2));
  for (const [i, number] of numbers.entries()) {
    if (number === 0) continue;
    const exponent = Math.floor(Math.log2(Math.abs(number)));
    const fraction = (Math.abs(number) / 2 ** exponent - 1) * 1024;
    bits[i] = (number < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
  }
  return new Uint32Array(bits.buffer);
}

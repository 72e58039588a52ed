import type { DefinedOp, defineOp, OpBenchmark, OpDefinition } from "../autograd/define-op.ts";
import type { Device } from "../gpu/device.ts";
import { LatentgradError, UsageError } from "../gpu/errors.ts";
import { openDevice } from "../gpu/open.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { type Timing, timeProgram } from "../gpu/timing.ts";
import { HostRandom } from "../nn/initialisers.ts";
import type { NumberType } from "../tensor/arguments.ts";
import type { tensor } from "../tensor/create.ts";
import type { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Ceilings, measureCeilings } from "./ceilings.ts";
import { type KernelMeasurement, variantOf } from "./kernels.ts";
import { type NamedWork, raiseCeilings, standingOf } from "./roofline.ts";
import type { BenchReport } from "./run.ts";

/**
 * The copy of the library that made the ops: ops take tensors and devices of their own copy only, and the
 * command line is bundled with another.
 */
export interface KernelLibrary {
  readonly openDevice: typeof openDevice;
  readonly defineOp: typeof defineOp;
  readonly tensor: typeof tensor;
  readonly record: typeof record;
}

export interface OwnKernelOptions {
  /** Groups that are timed of each kernel. */
  readonly runs?: number | undefined;
  /** What the adapter can do at most, where that is known; else it is measured. */
  readonly ceilings?: Ceilings;
}

/** A kernel beside what the library has for the same. */
export interface Comparison {
  /** As in `kernels`. */
  readonly kernel: string;
  readonly against: string;
  /** The kernel's time over the library's. */
  readonly ratio: number;
  /** Largest difference of the results, in units of the root mean square of the library's. */
  readonly difference: number;
}

export interface OwnKernelReport extends BenchReport {
  readonly comparisons: readonly Comparison[];
}

/** What a result may differ from the library's: sums are added up in another order. */
export const MOST_DIFFERENCE = 1e-3;

/** One line of the report before it is known what the ceilings are. */
interface Timed extends Timing, NamedWork {
  readonly measured: string;
  readonly shape: string;
  readonly variant: string;
  readonly dispatches: number;
}

/** The ops among the exports of a module: made by `defineOp`, or definitions for it. @throws UsageError */
export function findOps(
  file: string,
  exports: Readonly<Record<string, unknown>>,
  library: KernelLibrary,
): DefinedOp[] {
  const ops: DefinedOp[] = [];
  for (const value of Object.values(exports)) {
    const { definition, wgsl } = (value ?? {}) as { definition?: unknown; wgsl?: unknown };
    if (typeof value === "function" && definition !== undefined) ops.push(value as DefinedOp);
    else if (typeof wgsl === "string") ops.push(library.defineOp(value as OpDefinition));
  }
  const unique = [...new Set(ops)];
  if (unique.length === 0)
    throw new UsageError(
      `${file} exports no op: wanted what defineOp gives, or a definition for it`,
    );
  if (unique.every(({ definition }) => definition.bench === undefined))
    throw new UsageError(
      `${file} says no shapes to time: give the definition of ${unique[0]?.definition.name} bench: { inputs: [[512, 512], …] }`,
    );
  return unique;
}

/**
 * Times ops, and what the library has for the same, against the adapter's ceilings.
 *
 * @param log gets a line about each thing that is measured next
 */
export async function rateOwnKernels(
  ops: readonly DefinedOp[],
  library: KernelLibrary,
  { runs, ceilings: known }: OwnKernelOptions,
  log: (line: string) => void,
): Promise<OwnKernelReport> {
  const cases = ops.flatMap((op) =>
    [op.definition.bench ?? []].flat().map((bench: OpBenchmark) => ({ op, bench })),
  );
  for (const { op, bench } of cases) checkBenchmark(op, bench, library);
  const timed: Timed[] = [];
  const comparisons: Comparison[] = [];
  const device = await library.openDevice();
  try {
    for (const { op, bench } of cases) {
      const { definition } = op;
      const shape = bench.inputs.map((s) => s.join("x") || "scalar").join(",");
      const name = `kernel/${definition.name}/${shape}`;
      const inputs = randomInputs(device, library, op, bench);
      log(name);
      const one = { name, shape, flops: definition.flops?.(...bench.inputs) ?? 0 };
      const own = await timeOp(device, library, op, inputs, runs);
      timed.push({ ...own.timing, ...one, measured: definition.name, bytes: own.bytes });
      const against = opOf(bench, library);
      if (against) {
        log(`${name} against ${against.name}`);
        const theirs = await timeOp(device, library, against.run, inputs, runs);
        timed.push({ ...theirs.timing, ...one, measured: against.name, bytes: own.bytes });
        comparisons.push({
          kernel: `${definition.name}/${shape}`,
          against: against.name,
          ratio: own.timing.ms / theirs.timing.ms,
          difference: differenceOf(own.values, theirs.values),
        });
      }
      for (const { value } of inputs) device.release(value);
    }
  } finally {
    device.close();
  }
  const { adapter } = device;
  const raised = raiseCeilings(known ?? (await ceilingsOf(log)), timed);
  return {
    adapter: adapter.name,
    runtime: adapter.runtime,
    ceilings: raised,
    kernels: timed.map((t) => measurementOf(t, raised)),
    comparisons,
    steps: [],
    growth: [],
    peers: [],
  };
}

async function ceilingsOf(log: (line: string) => void): Promise<Ceilings> {
  const device = await openDevice();
  try {
    return await measureCeilings(device, openDevice, log);
  } finally {
    device.close();
  }
}

function measurementOf(timed: Timed, ceilings: Ceilings): KernelMeasurement {
  const { measured, name: _, flops: __, bytes: ___, ...rest } = timed;
  return { ...rest, name: measured, ...standingOf(timed, ceilings) };
}

/** What the library has for the same, with the name that reports give it. */
function opOf(
  { against }: OpBenchmark,
  library: KernelLibrary,
): { name: string; run: (...inputs: Tensor[]) => Tensor } | undefined {
  if (against === undefined) return undefined;
  if (typeof against === "function") return { name: against.name || "against", run: against };
  const run = (library as unknown as Readonly<Record<string, unknown>>)[against];
  return { name: `latentgrad ${against}`, run: run as (...inputs: Tensor[]) => Tensor };
}

function checkBenchmark(op: DefinedOp, bench: OpBenchmark, library: KernelLibrary): void {
  const { name } = op.definition;
  if (!Array.isArray(bench.inputs) || !bench.inputs.every(Array.isArray))
    throw new UsageError(
      `${name}: bench.inputs holds no shapes, wanted such as [[512, 512], [512]]`,
    );
  if (bench.inputs.length !== op.reads.length)
    throw new UsageError(
      `${name}: bench.inputs has ${bench.inputs.length} shapes for ${op.reads.length} inputs`,
    );
  const { against } = bench;
  if (against === undefined || typeof against === "function") return;
  const known = Object.entries(library).flatMap(([key, x]) => (typeof x === "function" ? key : []));
  if (!known.includes(against))
    throw new UsageError(
      `${name}: latentgrad has no op "${against}"${didYouMean(String(against), known)}`,
    );
}

/** Numbers in [−1, 1), or whole ones below 256. */
function randomInputs(
  device: Device,
  library: KernelLibrary,
  op: DefinedOp,
  bench: OpBenchmark,
): Tensor<NumberType>[] {
  return bench.inputs.map((shape, i) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const uniform = new HostRandom(1, i).uniform(size);
    const values =
      op.reads[i] === "u32"
        ? Uint32Array.from(uniform, (u) => Math.floor(256 * u))
        : uniform.map((u) => 2 * u - 1);
    return library.tensor(device, values, shape);
  });
}

async function timeOp(
  device: Device,
  library: KernelLibrary,
  op: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor<NumberType>[],
  runs: number | undefined,
): Promise<{
  timing: Timing & { readonly variant: string; readonly dispatches: number };
  values: ArrayLike<number>;
  bytes: number;
}> {
  const { program, result } = await library.record(device, () => op(...(inputs as Tensor[])));
  try {
    program.run();
    const values = await result.data();
    const timing = await timeProgram(program, {
      hasRun: true,
      ...(runs === undefined ? {} : { runs }),
    });
    const { dispatches } = program.statistics;
    const bytes = [...inputs, result].reduce((sum, t) => sum + 4 * t.size, 0);
    return { timing: { ...timing, variant: variantOf(program), dispatches }, values, bytes };
  } finally {
    program.release();
  }
}

function differenceOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length)
    throw new LatentgradError(`the results have ${a.length} and ${b.length} elements`);
  let [squares, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    squares += (b[i] as number) ** 2;
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    // A NaN on one side only is as wrong as can be.
    largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }
  return largest === 0 ? 0 : largest / (Math.sqrt(squares / b.length) || 1);
}

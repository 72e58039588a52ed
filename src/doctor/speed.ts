import { add } from "../autograd/ops/elementwise.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { randomUniform } from "../autograd/ops/random.ts";
import type { Device } from "../gpu/device.ts";
import { median } from "../gpu/profiler.ts";
import type { Program } from "../gpu/program.ts";
import { variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";

/** A quick measurement; the machine's other work is in it. */
export interface Speed {
  /** Median of a few runs. */
  readonly milliseconds: number;
  readonly rate: number;
  readonly unit: "GFLOP/s" | "GB/s";
  /** Sizes, for people. */
  readonly what: string;
  /** The result was compared with one that the host computed in float64. */
  readonly right: boolean;
}

const SIDE = 512;
const COPIED_BYTES = 2 ** 26;
const RUNS = 5;
/** Elements of a result that are compared. */
const PROBES = 16;

/** A product of two 512×512 matrices. */
export async function measureMatmul(device: Device): Promise<Speed> {
  const [a, b] = await randomMatrices(device, [SIDE, SIDE]);
  const { program, result } = await record(device, () => matmul(a, b));
  const milliseconds = await time(device, program);
  const [x, y, z] = await Promise.all([a.data(), b.data(), result.data()]);
  let right = true;
  for (let probe = 0; probe < PROBES; probe++) {
    const [row, column] = [(probe * 197) % SIDE, (probe * 331) % SIDE];
    let sum = 0;
    for (let k = 0; k < SIDE; k++) sum += x[row * SIDE + k]! * y[k * SIDE + column]!;
    right &&= Math.abs(z[row * SIDE + column]! - sum) <= 1e-4 * Math.abs(sum);
  }
  const gflop = (2 * SIDE ** 3) / 1e9;
  program.release();
  return {
    milliseconds,
    rate: (gflop / milliseconds) * 1e3,
    unit: "GFLOP/s",
    what: `product of two ${SIDE}×${SIDE} matrices`,
    right,
  };
}

/** Reading 64 MiB and writing them elsewhere, plus 1. */
export async function measureCopy(device: Device): Promise<Speed> {
  const count = COPIED_BYTES / 4;
  const [x] = await randomMatrices(device, [count]);
  const { program, result } = await record(device, () => add(x, 1));
  const milliseconds = await time(device, program);
  const [from, to] = await Promise.all([x.data(), result.data()]);
  let right = true;
  for (let probe = 0; probe < PROBES; probe++) {
    const i = (probe * 1_048_573) % count;
    right &&= Math.abs(to[i]! - from[i]! - 1) < 1e-6;
  }
  program.release();
  return {
    milliseconds,
    rate: (2 * COPIED_BYTES) / 1e9 / (milliseconds / 1e3),
    unit: "GB/s",
    what: `${COPIED_BYTES / 2 ** 20} MiB read and written`,
    right,
  };
}

/** Two tensors of random numbers on the device. */
async function randomMatrices(device: Device, shape: readonly number[]) {
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const draw = (stream: number) => randomUniform(device, shape, { seed: [1, 0], step, stream });
  return [draw(0), draw(1)] as const;
}

/** Milliseconds of a run: the median, after one that does not count. */
async function time(device: Device, program: Program): Promise<number> {
  program.run();
  await device.finish();
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    program.run();
    await device.finish();
    times.push(performance.now() - start);
  }
  return median(times);
}

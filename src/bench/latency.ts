import shader from "../../shaders/bench/empty.wgsl";
import type { Device } from "../gpu/device.ts";
import { median } from "../gpu/profiler.ts";
import type { Program } from "../gpu/program.ts";
import { timeProgram, timeQueued } from "../gpu/timing.ts";
import { variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What commands cost that compute nothing. */
export interface Latencies {
  /** Microseconds of an empty dispatch behind others in one submit. */
  readonly dispatchMicros: number;
  /** Microseconds of a submit that holds one empty dispatch, behind other submits. */
  readonly submitMicros: number;
  /** Milliseconds until 4 bytes are on the host. */
  readonly readBackMs: number;
}

const DISPATCHES = 512;
const READ_BACKS = 21;

/**
 * A dispatch is the difference of programs with many and with one; a submit is a program of one
 * dispatch, queued many times; reading back is the whole round trip of an idle device.
 */
export async function measureLatencies(device: Device): Promise<Latencies> {
  const word = variable(device, Uint32Array.of(0), [1], "word");
  const programs: Program[] = [];
  const dispatches = async (count: number): Promise<Program> => {
    const program = await emptyProgram(word, count);
    programs.push(program);
    return program;
  };
  try {
    const [one, many] = [await dispatches(1), await dispatches(DISPATCHES + 1)];
    const short = await timeProgram(one);
    const long = await timeProgram(many);
    const submit = await timeQueued(device, () => one.run(), { groupMs: 100 });
    const trips: number[] = [];
    for (let i = 0; i < READ_BACKS; i++) {
      await device.finish();
      const start = performance.now();
      await word.data();
      trips.push(performance.now() - start);
    }
    return {
      dispatchMicros: Math.max(0, ((long.ms - short.ms) * 1000) / DISPATCHES),
      submitMicros: submit.ms * 1000,
      readBackMs: median(trips),
    };
  } finally {
    for (const program of programs) program.release();
    device.release(word.value);
  }
}

/** So many dispatches of a kernel that does nothing with a variable. */
async function emptyProgram(
  { device, value }: Tensor<"u32">,
  dispatches: number,
): Promise<Program> {
  const source = {
    name: "empty",
    code: shader,
    workgroups: [1, 1, 1],
    flops: 0,
    bytes: 0,
  } as const;
  const { program } = await record(device, () => {
    for (let i = 0; i < dispatches; i++)
      device.emit({
        op: "empty",
        inputs: [],
        outputs: [],
        updates: [value],
        kernel: () => source,
      });
  });
  return program;
}

import shader from "../../shaders/bench/copy.wgsl";
import { foldWorkgroups } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { LatentgradError } from "../gpu/errors.ts";
import { type TimingOptions, timeProgram } from "../gpu/timing.ts";
import { gridConstants } from "../kernels/epilogue.ts";
import { specialise } from "../kernels/specialise.ts";
import { variable } from "../tensor/create.ts";
import { record } from "../tensor/run.ts";
import { emptyResult, type Tensor } from "../tensor/tensor.ts";
import { randomOnDevice } from "./random-data.ts";

/** One way to copy. */
interface CopyKernel {
  readonly type: "f32" | "vec4f";
  /** Elements of that type that a thread moves. */
  readonly elements: number;
  readonly strided: boolean;
  readonly workgroup: number;
}

/** How fast so many bytes are read and written elsewhere. */
export interface CopyRate {
  /** Of the buffer that is read; as many are written. */
  readonly bytes: number;
  /** 1e9 bytes read and written a second. */
  readonly gbps: number;
  /** Of the fastest kernel. */
  readonly entry: string;
}

const COPY_BYTES = 2 ** 26;
/** Smaller ones, which caches may hold. */
const SIZES = [2 ** 20, 2 ** 22, 2 ** 24];

const KERNELS: readonly CopyKernel[] = [
  { type: "f32", elements: 1, strided: true, workgroup: 64 },
  { type: "f32", elements: 4, strided: true, workgroup: 64 },
  { type: "vec4f", elements: 1, strided: true, workgroup: 64 },
  { type: "vec4f", elements: 4, strided: true, workgroup: 64 },
  { type: "vec4f", elements: 1, strided: true, workgroup: 256 },
  { type: "vec4f", elements: 4, strided: true, workgroup: 256 },
  { type: "vec4f", elements: 16, strided: true, workgroup: 256 },
  { type: "f32", elements: 4, strided: false, workgroup: 64 },
  { type: "vec4f", elements: 4, strided: false, workgroup: 64 },
];

/** So many are tried at the smaller sizes. */
const KEPT = 3;

const QUICK = { runs: 2, groupMs: 10 };
const THOROUGH = { runs: 5, groupMs: 30 };

function describe({ type, elements, strided, workgroup }: CopyKernel): string {
  const order = strided ? "strided" : "in stretches";
  return `${elements} × ${type} a thread, ${order}, workgroups of ${workgroup}`;
}

/**
 * Copies by kernels: the rate at 64 MiB by the best of all, and at the smaller sizes by the best of
 * those that were fast at 64 MiB. Rising sizes.
 */
export async function measureCopies(device: Device): Promise<CopyRate[]> {
  const rates: CopyRate[] = [];
  let kernels = KERNELS;
  for (const bytes of [COPY_BYTES, ...SIZES]) {
    const [x] = randomOnDevice(device, [[bytes / 4]]) as [Tensor];
    const found: { kernel: CopyKernel; gbps: number }[] = [];
    for (const kernel of kernels)
      found.push({ kernel, gbps: await measureKernel(x, kernel, QUICK) });
    found.sort((a, b) => b.gbps - a.gbps);
    const [{ kernel }] = found as [(typeof found)[0]];
    const gbps = await measureKernel(x, kernel, THOROUGH);
    rates.push({ bytes, gbps, entry: describe(kernel) });
    kernels = found.slice(0, KEPT).map((f) => f.kernel);
    device.release(x.value);
  }
  return rates.sort((a, b) => a.bytes - b.bytes);
}

/** GB/s of one kernel, by the shortest group; its result is compared before. */
async function measureKernel(
  x: Tensor,
  kernel: CopyKernel,
  options: TimingOptions,
): Promise<number> {
  const { device } = x;
  const threads = x.size / (kernel.elements * (kernel.type === "vec4f" ? 4 : 1));
  const workgroups = foldWorkgroups(Math.ceil(threads / kernel.workgroup));
  const bytes = 8 * x.size;
  const { program, result } = await record(device, () => {
    const out = emptyResult(device, "copy", x.shape);
    const call = { op: "copy", inputs: [x.value], outputs: [out.value], updates: [] };
    const source = () => ({
      name: `copy ${describe(kernel)}`,
      code: specialise(shader, {
        op: "copy",
        aliases: { T: kernel.type },
        constants: {
          ...gridConstants(workgroups),
          WORKGROUP: kernel.workgroup,
          THREADS: threads,
          ELEMENTS: kernel.elements,
          STRIDED: kernel.strided,
        },
      }),
      workgroups,
      flops: 0,
      bytes,
    });
    device.emit({ ...call, kernel: source });
    return out;
  });
  try {
    program.run();
    await requireEqual(x, result, describe(kernel));
    const { minMs } = await timeProgram(program, { ...options, hasRun: true });
    return bytes / minMs / 1e6;
  } finally {
    program.release();
  }
}

/** `copyBufferToBuffer` of 64 MiB: GB/s, by the shortest group. */
export async function measureBufferCopy(device: Device): Promise<number> {
  const [x] = randomOnDevice(device, [[COPY_BYTES / 4]]) as [Tensor];
  const target = variable(device, new Float32Array(x.size), x.shape, "copy");
  const { program } = await record(device, () => {
    const inputs = [x.value];
    device.emit({ op: "copy", pack: true, inputs, target: target.value, offsets: [0] });
  });
  try {
    program.run();
    await requireEqual(x, target, "copyBufferToBuffer");
    const { minMs } = await timeProgram(program, { runs: 5, hasRun: true });
    return (2 * COPY_BYTES) / minMs / 1e6;
  } finally {
    program.release();
    for (const { value } of [x, target]) device.release(value);
  }
}

/** Compares the ends and some of what is between: all of it would take longer than the copies. */
async function requireEqual(x: Tensor, y: Tensor, what: string): Promise<void> {
  const { device, size } = x;
  const bytes = 4096;
  const last = 4 * size - bytes;
  const places = [0, 0.31, 0.5, 0.77, 1].map((share) => Math.floor((share * last) / 16) * 16);
  const read = ({ value }: Tensor, at: number) => {
    const { buffer, offset } = device.storageOf(value, "copy");
    return device.readBuffer(buffer, offset + at, bytes);
  };
  const pairs = await Promise.all(places.map((at) => Promise.all([read(x, at), read(y, at)])));
  for (const [from, to] of pairs) {
    const [a, b] = [new Uint32Array(from), new Uint32Array(to)];
    if (!a.every((word, i) => word === b[i]))
      throw new LatentgradError(`the adapter copies wrong: ${what}`);
  }
}

import type { ReadCosts, TexelReads } from "./target.ts";
import { TEXTURE_WIDTH, texelLoad, textureEntry, textureType } from "./textures.ts";

/** Elements that are loaded, and threads that load them: a few milliseconds in all. */
const SIZE = 2 ** 17;
const THREADS = 2 ** 11;
const ROWS = SIZE / 4 / TEXTURE_WIDTH;
const ROUNDS = 3;
/** Copies between two passes, where their time is measured. */
const COPIES = 4;

const KINDS = ["number", "vector", "texel", "channel"] as const;

/** The loads of one kind: each thread adds up what is THREADS apart. */
function loadKernel(kind: (typeof KINDS)[number]): string {
  const wide = kind === "vector" || kind === "texel";
  const textured = kind === "texel" || kind === "channel";
  const type = wide ? "vec4f" : "f32";
  const texel = wide ? "i" : "(i / 4u)";
  const place = `vec2u(${texel} % ${TEXTURE_WIDTH}u, ${texel} / ${TEXTURE_WIDTH}u)`;
  const load = textured ? `${texelLoad("storage", "x", place)}${wide ? "" : "[i % 4u]"}` : "x[i]";
  const declared = textured
    ? `var x: ${textureType("storage")}`
    : `var<storage, read> x: array<${type}>`;
  return `
@group(0) @binding(0) ${declared};
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = ${type}();
  for (var i = id.x; i < ${SIZE / (wide ? 4 : 1)}u; i += ${THREADS}u) {
    sum += ${load};
  }
  y[id.x] = vec4f(sum);
}`;
}

/** How a device reads textures, and what loads cost there. */
export interface MeasuredReads {
  readonly reads: TexelReads;
  /** Undefined where it has no timestamps, or what they give makes no sense. */
  readonly costs: ReadCosts | undefined;
}

/** By adapter and runtime: devices of one process have the same. */
const known = new Map<string, Promise<MeasuredReads>>();

/** What was measured on this adapter before, or is now. */
export function readsOf(gpu: GPUDevice, adapter: string): Promise<MeasuredReads> {
  const before = known.get(adapter);
  if (before) return before;
  const measured = measureReads(gpu);
  known.set(adapter, measured);
  return measured;
}

/**
 * Measures what loads and copies cost on a device, in a few milliseconds besides compiling; what else the
 * machine does takes part in it. Storage textures that are read are optional in WGSL: where its compiler
 * refuses them, textures are sampled and nothing but products reads them.
 */
export async function measureReads(gpu: GPUDevice): Promise<MeasuredReads> {
  const made: { destroy(): void }[] = [];
  const keep = <T extends { destroy(): void }>(thing: T): T => {
    made.push(thing);
    return thing;
  };
  gpu.pushErrorScope("validation");
  const prepared = prepare(gpu, keep).catch(() => undefined);
  const refused = await gpu.popErrorScope().catch(() => null);
  const kernels = await prepared;
  try {
    if (!kernels || refused) return { reads: "sampled", costs: undefined };
    const stamped = gpu.features.has("timestamp-query");
    const costs = stamped ? costsOf(await timeLoads(gpu, kernels, keep)) : undefined;
    return { reads: "storage", costs };
  } catch {
    return { reads: "storage", costs: undefined };
  } finally {
    for (const thing of made) thing.destroy();
  }
}

type Keep = <T extends { destroy(): void }>(thing: T) => T;

interface Prepared {
  readonly from: GPUBuffer;
  readonly texture: GPUTexture;
  readonly kernels: readonly {
    readonly pipeline: GPUComputePipeline;
    readonly group: GPUBindGroup;
  }[];
}

async function prepare(gpu: GPUDevice, keep: Keep): Promise<Prepared> {
  const buffer = (size: number, usage: number) => keep(gpu.createBuffer({ size, usage }));
  const from = buffer(SIZE * 4, 0x80 | 0x04); // STORAGE | COPY_SRC
  const to = buffer(THREADS * 16, 0x80);
  const texture = keep(
    gpu.createTexture({
      size: [TEXTURE_WIDTH, ROWS],
      format: "rgba32float",
      usage: 0x02 | 0x08, // COPY_DST | STORAGE_BINDING
    }),
  );
  const visibility = 4; // COMPUTE
  const kernels = await Promise.all(
    KINDS.map(async (kind) => {
      const textured = kind === "texel" || kind === "channel";
      const layout = gpu.createBindGroupLayout({
        entries: [
          {
            binding: 0,
            visibility,
            ...(textured ? textureEntry("storage") : { buffer: { type: "read-only-storage" } }),
          },
          { binding: 1, visibility, buffer: { type: "storage" } },
        ],
      });
      const pipeline = await gpu.createComputePipelineAsync({
        layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: gpu.createShaderModule({ code: loadKernel(kind) }) },
      });
      const group = gpu.createBindGroup({
        layout,
        entries: [
          { binding: 0, resource: textured ? texture.createView() : { buffer: from } },
          { binding: 1, resource: { buffer: to } },
        ],
      });
      return { pipeline, group };
    }),
  );
  return { from, texture, kernels };
}

/** Nanoseconds of each kind of load, of a pass's end, and of a pass's end with copies. */
async function timeLoads(
  gpu: GPUDevice,
  { from, texture, kernels }: Prepared,
  keep: Keep,
): Promise<number[]> {
  const buffer = (size: number, usage: number) => keep(gpu.createBuffer({ size, usage }));
  // Drivers finish compiling when a kernel first runs: one round more than counts.
  const passes = (ROUNDS + 1) * (kernels.length + 2);
  const querySet = keep(gpu.createQuerySet({ type: "timestamp", count: 2 * passes }));
  const bytes = 2 * passes * 8;
  const resolved = buffer(bytes, 0x200 | 0x04); // QUERY_RESOLVE | COPY_SRC
  const readable = buffer(bytes, 0x01 | 0x08); // MAP_READ | COPY_DST
  const encoder = gpu.createCommandEncoder();
  let query = 0;
  const run = ({ pipeline, group }: Prepared["kernels"][number]) => {
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet,
        beginningOfPassWriteIndex: query++,
        endOfPassWriteIndex: query++,
      },
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(THREADS / 64);
    pass.end();
  };
  const texelKernel = kernels[2] as Prepared["kernels"][number];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const kernel of kernels) run(kernel);
    run(texelKernel);
    for (let k = 0; k < COPIES; k++)
      encoder.copyBufferToTexture({ buffer: from, bytesPerRow: TEXTURE_WIDTH * 16 }, { texture }, [
        TEXTURE_WIDTH,
        ROWS,
      ]);
    run(texelKernel);
  }
  encoder.resolveQuerySet(querySet, 0, 2 * passes, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, readable, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  await readable.mapAsync(1); // READ
  const stamps = new BigUint64Array(readable.getMappedRange().slice(0));
  readable.unmap();
  const at = (i: number) => Number((stamps[i] ?? 0n) - (stamps[0] ?? 0n));
  const rounds = Array.from({ length: ROUNDS }, (_, r) => {
    const start = 2 * (r + 1) * (kernels.length + 2);
    const times = kernels.map((_, k) => at(start + 2 * k + 1) - at(start + 2 * k));
    const last = start + 2 * kernels.length;
    return [...times, at(last) - at(last - 1), at(last + 2) - at(last + 1)];
  });
  return (rounds[0] as number[]).map((_, k) =>
    Math.min(...rounds.map((round) => round[k] as number)),
  );
}

/** A pass's end costs at least so many nanoseconds, and a copy, however coarse timestamps are. */
const LEAST_PASS = 10_000;
const LEAST_FILL = 1_000;

function costsOf(times: readonly number[]): ReadCosts | undefined {
  const [number = 0, vector = 0, texel = 0, channel = 0, gap = 0, copied = 0] = times;
  if (![number, vector, texel, channel].every((ns) => ns > 0)) return undefined;
  return {
    number: number / SIZE,
    vector: vector / (SIZE / 4),
    texel: texel / (SIZE / 4),
    channel: channel / SIZE,
    copy: Math.max(0, copied - gap) / (COPIES * SIZE),
    fill: LEAST_FILL,
    pass: Math.max(LEAST_PASS, gap),
  };
}

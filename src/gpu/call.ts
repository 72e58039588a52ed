import type { Value } from "./value.ts";

/** A specialised shader and the grid it runs on. */
export interface KernelSource {
  /** Family, direction and shape, as the profiler shows it: `conv2d 28x28x32→14x14x64 s2`. */
  readonly name: string;
  /** Which of the kernel's variants it is, where it has several. */
  readonly variant?: string;
  /** WGSL with bindings 0…n−1 of group 0 in the order inputs, outputs, updates; entry point `main`. */
  readonly code: string;
  /** The text that reads from buffers what `code` reads through textures, with the same bits. */
  readonly codeOfBuffers?: string;
  readonly workgroups: readonly [number, number, number];
  /** Floating-point operations and bytes moved, for rates in the profiler's table. */
  readonly flops: number;
  readonly bytes: number;
}

/** What a kernel does with each of its bindings, in binding order. */
export type Access = "texture" | "read" | "write";

/**
 * One application of a kernel to values. Ops make calls; an eager device runs them at once, a
 * recorder collects them.
 */
export interface Call {
  /** Op that users know (`conv2d`, `sum`, …): errors name it. */
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Variables that are changed in place; a call with updates is never dropped. */
  readonly updates: readonly Value[];
  /** Which of the inputs the kernel reads as textures (see TEXTURE_WIDTH) in place of buffers. Default none. */
  readonly textures?: readonly number[];
  /** How many of the inputs, from the first, are read in a way that was chosen with the kernel. */
  readonly settled?: number;
  /** Elements that all threads together load of each input; default: of each as many as it has. */
  readonly loads?: readonly number[];
  /**
   * Each element of the updates is read and written by one thread alone, which writes to it after its
   * last reading.
   */
  readonly readsFirst?: boolean;
  /** Its text is a user's: no pass rewrites it. */
  readonly asWritten?: boolean;
  /** Produces the shader; called once, when it is known what was fused into the call. */
  kernel(): KernelSource;
  /** It may run at another place of a recording, and beside other calls (src/kernels/side-by-side.ts). */
  readonly movable?: boolean;
  /** The calls that were put side by side in it; what they write is all that it writes. */
  readonly parts?: readonly Call[];
  /** What the fusion pass may do with this call; opaque to this layer. */
  readonly fusible?: unknown;
}

/**
 * Copies values one behind the other into `target` at the given byte offsets. A recorded pack
 * costs nothing: the planner lets the producers write to their place in the target.
 */
export interface Pack {
  readonly op: string;
  readonly pack: true;
  readonly inputs: readonly Value[];
  readonly target: Value;
  readonly offsets: readonly number[];
}

export type Item = Call | Pack;

export function isPack(item: Item): item is Pack {
  return "pack" in item;
}

/** What a call binds, in binding order. */
export function bindingsOf(call: Call): Value[] {
  return [...call.inputs, ...call.outputs, ...call.updates];
}

/** Which of the calls side by side in a call it is that binds a value; else the call itself. */
export function partWith(call: Call, v: Value): Call {
  return call.parts?.find((part) => bindingsOf(part).includes(v)) ?? call;
}

/** What its kernel does with each of them. */
export function accessOf(call: Call): Access[] {
  return [
    ...call.inputs.map((_, i) => (call.textures?.includes(i) ? "texture" : "read")),
    ...call.outputs.map(() => "write" as const),
    ...call.updates.map(() => "write" as const),
  ];
}

/** The values that an item changes. */
export function writtenBy(item: Item): readonly Value[] {
  return isPack(item) ? [item.target] : [...item.outputs, ...item.updates];
}

/** Folds a count of workgroups into the three dimensions of a dispatch, each at most `limit`. */
export function foldWorkgroups(count: number, limit = 65535): [number, number, number] {
  if (count <= limit) return [Math.max(1, count), 1, 1];
  const y = Math.ceil(count / limit);
  if (y <= limit) return [Math.ceil(count / y), y, 1];
  const z = Math.ceil(y / limit);
  const rows = Math.ceil(y / z);
  return [Math.ceil(count / (rows * z)), rows, z];
}

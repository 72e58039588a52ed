import { type Call, foldWorkgroups } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { gridConstants } from "./epilogue.ts";
import { specialise } from "./specialise.ts";
import { groupThreads } from "./workgroups.ts";

/**
 * A kernel that nothing is fused into: one thread for each of `threads` pieces of work. It may be put
 * beside others: each of its declarations begins a line.
 */
export interface PlainKernel {
  /** Name that users know. */
  readonly op: string;
  /** Shape, as the profiler shows it behind the op. */
  readonly detail: string;
  /** Has the constants THREADS, GROUPS_X and GROUPS_XY. */
  readonly shader: string;
  readonly threads: number;
  readonly inputs: readonly Value[];
  readonly outputs?: readonly Value[];
  readonly updates?: readonly Value[];
  readonly readsFirst?: boolean;
  readonly loads?: readonly number[];
  readonly constants?: Readonly<Record<string, number | boolean>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly inserts?: Readonly<Record<string, string>>;
  readonly flops?: number;
  /** Bytes moved; default: each value once. */
  readonly bytes?: number;
}

export function plainCall(kernel: PlainKernel): Call {
  const { op, threads, inputs, outputs = [], updates = [] } = kernel;
  return {
    op,
    inputs,
    outputs,
    updates,
    movable: true,
    ...(kernel.readsFirst ? { readsFirst: true } : {}),
    ...(kernel.loads ? { loads: kernel.loads } : {}),
    kernel: () => {
      const [some] = [...outputs, ...updates];
      const { target } = (some as Value).device;
      const { shader, size } = groupThreads(kernel.shader, threads, target);
      const workgroups = foldWorkgroups(Math.ceil(threads / size));
      const all = [...inputs, ...outputs, ...updates, ...updates];
      return {
        name: `${op} ${kernel.detail}`,
        code: specialise(shader, {
          op,
          aliases: kernel.aliases ?? {},
          constants: { ...gridConstants(workgroups), THREADS: threads, ...kernel.constants },
          inserts: kernel.inserts ?? {},
        }),
        workgroups,
        flops: kernel.flops ?? 0,
        bytes: kernel.bytes ?? all.reduce((sum, v) => sum + v.bytes, 0),
      };
    },
  };
}

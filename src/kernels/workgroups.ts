import type { Target } from "../gpu/target.ts";

/** Threads of a workgroup as the shader files have them. */
const USUAL = 64;
/** More workgroups than may be put side by side with others: these have the usual size. */
const MANY = 64;

/** A shader file for as many threads, and how many of them are in a workgroup. */
export interface Grouped {
  readonly shader: string;
  readonly size: number;
}

/**
 * The shader with as large workgroups as the target likes where each thread works alone, for itself.
 *
 * @param shader has the constant WORKGROUP and no workgroup memory
 */
export function groupThreads(shader: string, threads: number, { loneThreads }: Target): Grouped {
  if (loneThreads <= USUAL || threads <= USUAL * MANY) return { shader, size: USUAL };
  const wide = shader
    .replace("@workgroup_size(64, 1, 1)", `@workgroup_size(${loneThreads}, 1, 1)`)
    .replace(`const WORKGROUP = ${USUAL}u;`, `const WORKGROUP = ${loneThreads}u;`);
  return { shader: wide, size: loneThreads };
}

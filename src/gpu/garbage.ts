import { detectRuntime, importAtRunTime } from "./adapter-environment.ts";

/**
 * Bytes that a submit leaves to the garbage collector, about: an encoder, its passes, its commands,
 * the promises of their error scopes. Measured on llvmpipe: 2.7 kB in Deno 2.9.
 */
const SUBMIT_BYTES = 4096;
/** Bytes that a look for results leaves in Node, about: 650 in the heap, the others outside of it. */
const LOOK_BYTES = 1024;
/** Garbage beyond this is worth a collection, which takes some 5 to 20 ms. */
const MOST_BYTES = 2 ** 23;

/**
 * What was left to the garbage collector. Encoders, passes and command buffers have no `destroy`: their
 * memory, most of it outside of the JavaScript heap, is free when they are collected. A recorded step
 * makes hardly any other garbage, so that a runtime that looks at its own heap only lets thousands of
 * steps go by before it collects.
 */
export class Garbage {
  private bytes = 0;
  /** Looks that have been counted. */
  private counted: number;

  /** @param looks how often the process has looked for results so far */
  constructor(
    private readonly collect: (() => void) | undefined,
    private readonly looks: () => number = () => 0,
  ) {
    this.counted = looks();
  }

  /** Counts a read-back: its staging buffer, and the copy that was made of it. */
  read(bytes: number): void {
    this.bytes += 2 * bytes;
  }

  /** Counts a submit; collects where enough has come together. */
  submitted(): void {
    const looks = this.looks();
    this.bytes += SUBMIT_BYTES + (looks - this.counted) * LOOK_BYTES;
    this.counted = looks;
    this.tidy();
  }

  /** Collects where enough has come together. */
  tidy(): void {
    if (this.bytes < MOST_BYTES) return;
    this.bytes = 0;
    this.collect?.();
  }
}

let looks = () => 0;

/** How often this process has looked for results: Dawn for Node does (node-polling.ts). */
export function looksForResults(): number {
  return looks();
}

/** Says what counts the looks of this process. */
export function countLooks(count: () => number): void {
  looks = count;
}

/**
 * A function that collects all garbage at once, in Node and Deno; undefined elsewhere. For a program
 * that has its process for itself: a collection takes longer the more a program holds.
 */
export async function garbageCollector(): Promise<(() => void) | undefined> {
  if (!["node", "deno"].includes(detectRuntime())) return undefined;
  try {
    const v8 = await importAtRunTime<typeof import("node:v8")>("node:v8");
    const vm = await importAtRunTime<typeof import("node:vm")>("node:vm");
    v8.setFlagsFromString("--expose-gc"); // for contexts that are made from now on
    const collect: unknown = vm.runInNewContext("gc");
    return typeof collect === "function" ? () => collect() : undefined;
  } catch {
    return undefined; // a runtime that has other names for it goes by its own judgement
  }
}

import type { Counts } from "../../src/bench/counting.ts";
import type { Task } from "./tasks.ts";

/** What the comparison asks of a side, one at a time. */
export type Ask =
  | { readonly ask: "open" }
  | { readonly ask: "prepare"; readonly task: Task }
  | { readonly ask: "read" }
  | { readonly ask: "calls"; readonly count: number }
  | { readonly ask: "step"; readonly step: number };

export interface Answers {
  /**
   * `ms` from asking for the adapter to the open engine; `adapter` where the engine has one; `about`
   * says what else decides how fast it is.
   */
  readonly open: { readonly ms: number; readonly adapter?: string; readonly about?: string };
  /** Whether the engine can do the task. */
  readonly prepare: { readonly ms: number; readonly able: boolean };
  /** The result, as the base64 text of its floats. */
  readonly read: { readonly ms: number; readonly values: string };
  readonly calls: Timed;
  readonly step: Timed & { readonly loss: number };
}

/** Time of the whole, in milliseconds, and what it asked of WebGPU, of an engine that uses it. */
export interface Timed {
  readonly ms: number;
  readonly counts?: Counts;
}

export type Answer = Answers[keyof Answers];

/** Lines that begin so are answers; libraries may print others. */
export const MARK = "@bench ";

/** A process or page that runs one side. Closing it twice is once. */
export interface Runner {
  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]>;
  close(): Promise<void>;
}

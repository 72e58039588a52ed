import { report } from "./harness-entry.ts";

/** Says in the log that something was left out, and why. */
export function skip(reason: string): void {
  report({ kind: "skip", reason });
}

import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { reduceCalls } from "./reduce.ts";
import { contiguousView } from "./view.ts";

/** Adds up the shares of a split sum, always in the same order. partial: [splits, …total]. */
export function sumPartials(op: string, partial: Value, splits: number, total: Value): Call[] {
  const shape = [splits, total.size];
  return reduceCalls(op, "sum", shape, [0], contiguousView(partial, shape), total, { splits: 1 });
}

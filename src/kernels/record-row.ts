import shader from "../../shaders/record_row.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { specialise } from "./specialise.ts";

/**
 * Writes numbers into one row of a table.
 *
 * @param row one u32: the row, taken modulo `rows`
 * @param numbers one-element values, at most 6, the row's columns
 * @param table [rows, numbers.length], changed in place
 */
export function recordRowCall(
  row: Value,
  numbers: readonly Value[],
  rows: number,
  table: Value,
): Call {
  const bindings = numbers.map(
    (_, i) => `@group(0) @binding(${i + 1}) var<storage, read> n${i}: array<f32>;`,
  );
  const stores = numbers.map((_, i) => `  table[at + ${i}u] = n${i}[0];`);
  return {
    op: "recordRow",
    inputs: [row, ...numbers],
    outputs: [],
    updates: [table],
    kernel: () => ({
      name: `recordRow ${numbers.length}`,
      code: specialise(
        shader.replace(
          "@binding(1) var<storage, read_write> table",
          `@binding(${numbers.length + 1}) var<storage, read_write> table`,
        ),
        {
          op: "recordRow",
          constants: { ROWS: rows, COLUMNS: numbers.length },
          inserts: { bindings: bindings.join("\n"), stores: stores.join("\n") },
        },
      ),
      workgroups: [1, 1, 1],
      flops: 0,
      bytes: numbers.length * 8,
    }),
  };
}

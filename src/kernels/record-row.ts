import shader from "../../shaders/record_row.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { specialise } from "./specialise.ts";

/** Most vectors of one call: with the row and the table they are the 8 buffers that a kernel may have. */
export const MOST_VECTORS = 6;

/**
 * Writes the means of vectors into one row of a table.
 *
 * @param row one u32: the row, taken modulo `rows`
 * @param vectors at most MOST_VECTORS values of equal size; their means go to the columns from `first` on
 * @param table [rows, columns], changed in place
 */
export function recordRowCall(
  row: Value,
  vectors: readonly Value[],
  rows: number,
  table: Value,
  first = 0,
): Call {
  const count = vectors[0]?.size ?? 0;
  const bindings = vectors.map(
    (_, i) => `@group(0) @binding(${i + 1}) var<storage, read> v${i}: array<f32>;`,
  );
  const columns = vectors.map(
    (_, i) => `  var sum${i} = 0.0;
  for (var i = lane; i < COUNT; i += WORKGROUP) {
    sum${i} += v${i}[i];
  }
  partial[lane] = sum${i};
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < WORKGROUP; i++) {
      total += partial[i];
    }
    table[at + ${i}u] = total / f32(COUNT);
  }
  workgroupBarrier(); // the partial sums have been read`,
  );
  const output = "var<storage, read_write> table";
  const text = shader.replace(`@binding(1) ${output}`, `@binding(${vectors.length + 1}) ${output}`);
  return {
    op: "recordRow",
    inputs: [row, ...vectors],
    outputs: [],
    updates: [table],
    kernel: () => ({
      name: `recordRow ${vectors.length}×${count}${first > 0 ? ` from ${first}` : ""}`,
      code: specialise(text, {
        op: "recordRow",
        constants: { ROWS: rows, COLUMNS: table.size / rows, FIRST: first, COUNT: count },
        inserts: { bindings: bindings.join("\n"), columns: columns.join("\n") },
      }),
      workgroups: [1, 1, 1],
      flops: vectors.length * count,
      bytes: vectors.length * count * 4,
    }),
  };
}

import shader from "../../shaders/record_row.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { specialise } from "./specialise.ts";

/** Most vectors of one call: with the row and the table they are the 8 buffers that a kernel may have. */
export const MOST_VECTORS = 6;

/** How the words that say which step it is move on behind it. The first of them is the step's number. */
export interface StepAdvance {
  /** Element at which [epoch, offset of the batch] lie. */
  readonly position: number;
  /** Element of the step's number within its stage. */
  readonly stageStep: number;
  /** By which the offset grows. */
  readonly batch: number;
  /** Offset at which the next epoch begins. */
  readonly end: number;
}

/**
 * Writes the means of vectors into one row of a table.
 *
 * @param row u32, of which the first is the row, taken modulo `rows`
 * @param vectors at most MOST_VECTORS values of equal size; their means go to the columns from `first` on
 * @param table [rows, columns], changed in place
 * @param advance the row is a step's number, and `row` is moved on to the next step
 */
export function recordRowCall(
  row: Value,
  vectors: readonly Value[],
  rows: number,
  table: Value,
  first = 0,
  advance?: StepAdvance,
): Call {
  const count = vectors[0]?.size ?? 0;
  const inputs = advance ? vectors : [row, ...vectors];
  const bindings = vectors.map(
    (_, i) => `@group(0) @binding(${advance ? i : i + 1}) var<storage, read> v${i}: array<f32>;`,
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
  // The updates are bound behind the inputs.
  const text = ["table", ...(advance ? ["row"] : [])].reduce(
    (code, name, k) =>
      code.replace(
        new RegExp(`@binding\\(\\d\\) var<storage, \\w+> ${name}:`),
        `@binding(${inputs.length + k}) var<storage, read_write> ${name}:`,
      ),
    shader,
  );
  return {
    op: "recordRow",
    inputs,
    outputs: [],
    updates: advance ? [table, row] : [table],
    movable: true,
    kernel: () => ({
      name: `recordRow ${vectors.length}×${count}${first > 0 ? ` from ${first}` : ""}`,
      code: specialise(text, {
        op: "recordRow",
        constants: {
          ...{ ROWS: rows, COLUMNS: table.size / rows, FIRST: first, COUNT: count },
          ...(advance
            ? {
                ADVANCES: true,
                POSITION: advance.position,
                STAGE_STEP: advance.stageStep,
                BATCH: advance.batch,
                END: advance.end,
              }
            : {}),
        },
        inserts: { bindings: bindings.join("\n"), columns: columns.join("\n") },
      }),
      workgroups: [1, 1, 1],
      flops: vectors.length * count,
      bytes: vectors.length * count * 4,
    }),
  };
}

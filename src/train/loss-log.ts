import type { Device } from "../gpu/device.ts";
import { ShapeError } from "../gpu/errors.ts";
import { MOST_VECTORS, recordRowCall, type StepAdvance } from "../kernels/record-row.ts";
import { variable } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A table on the device: a row a step, a column a loss term's mean. Read back once in a while. */
export class LossLog {
  readonly table: Tensor;

  constructor(
    device: Device,
    readonly rows: number,
    readonly columns: readonly string[],
  ) {
    const values = new Float32Array(rows * columns.length);
    this.table = variable(device, values, [rows, columns.length], "loss log");
  }

  /**
   * Writes a step's terms.
   *
   * @param row u32 variable that begins with the step's row, which is taken modulo the number of rows
   * @param terms [batch] tensors by name, one for each column; their means are written
   * @param advance moves `row` on to the next step, when all terms are written
   */
  write(row: Tensor<"u32">, terms: Readonly<Record<string, Tensor>>, advance?: StepAdvance): void {
    const batch = terms[this.columns[0] ?? ""]?.size;
    const vectors = this.columns.map((name) => {
      const term = terms[name];
      if (!term || term.size !== batch)
        throw new ShapeError(
          "loss log",
          `term ${name} has ${term?.size ?? "no"} elements, not ${batch}`,
        );
      return term.value;
    });
    const { table, rows } = this;
    for (let first = 0; first < vectors.length; first += MOST_VECTORS) {
      const some = vectors.slice(first, first + MOST_VECTORS);
      const last = first + MOST_VECTORS >= vectors.length ? advance : undefined;
      table.device.emit(recordRowCall(row.value, some, rows, table.value, first, last));
    }
  }

  /** The table as it is behind the steps queued so far: [rows, columns]. */
  read(): Promise<Float32Array> {
    return this.table.data();
  }

  /** The terms of a step, from what `read` gave. */
  rowOf(values: Float32Array, step: number): Record<string, number> {
    const at = (step % this.rows) * this.columns.length;
    return Object.fromEntries(this.columns.map((name, c) => [name, values[at + c] as number]));
  }
}

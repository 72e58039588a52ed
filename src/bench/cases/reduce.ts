import { softmax } from "../../autograd/ops/softmax.ts";
import { sum } from "../../autograd/ops/sum.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { KernelCase } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

/** Sums of a matrix [rows, columns]: of each row, of each column, or of all. */
export function sumCase(
  over: "rows" | "columns" | "all",
  rows: number,
  columns: number,
): KernelCase {
  const size = rows * columns;
  const axes = { rows: [1], columns: [0], all: [0, 1] }[over];
  const terms = { rows: columns, columns: rows, all: size }[over];
  return {
    name: `sum-${over}`,
    shape: `${rows}x${columns}`,
    flops: size,
    bytes: 4 * (size + size / terms),
    terms,
    build: async (device) => {
      // Positive numbers: in a sum that cancels, a share that is missing is no larger than the errors.
      const inputs = randomOnDevice(device, [[rows, columns]], [0, 1]);
      const { program, result } = await record(device, () => sum(inputs[0] as Tensor, axes));
      return { program, inputs, outputs: [result] };
    },
    reference:
      ([x]) =>
      (_, element) => {
        const start = over === "rows" ? element * columns : over === "columns" ? element : 0;
        const stride = over === "columns" ? columns : 1;
        let value = 0;
        for (let i = 0; i < terms; i++) value += x?.[start + i * stride] as number;
        return { value, size: value };
      },
  };
}

/** Operations of softmax an element: the maximum, a difference, an exponential, a sum, a quotient. */
const SOFTMAX_OPERATIONS = 5;

/** Softmax of each row of a matrix. */
export function softmaxCase(rows: number, columns: number): KernelCase {
  return {
    name: "softmax",
    shape: `${rows}x${columns}`,
    flops: SOFTMAX_OPERATIONS * rows * columns,
    bytes: 8 * rows * columns,
    terms: columns,
    // exp is allowed 3 + 2|x| units in the last place.
    tolerance: 2e-5,
    build: async (device) => {
      const inputs = randomOnDevice(device, [[rows, columns]], [-4, 4]);
      const { program, result } = await record(device, () => softmax(inputs[0] as Tensor));
      return { program, inputs, outputs: [result] };
    },
    reference:
      ([x]) =>
      (_, element) => {
        const row = Math.floor(element / columns) * columns;
        let total = 0;
        for (let i = 0; i < columns; i++) total += Math.exp(x?.[row + i] as number);
        const value = Math.exp(x?.[element] as number) / total;
        return { value, size: value };
      },
  };
}

export const reduceCases: readonly KernelCase[] = [
  sumCase("rows", 4096, 4096),
  sumCase("columns", 4096, 4096),
  sumCase("all", 4096, 4096),
  // The bias gradients of the convolutional VAE: pixels × channels.
  sumCase("columns", 128 * 28 * 28, 32),
  sumCase("columns", 128 * 7 * 7, 64),
  softmaxCase(4096, 1024),
  softmaxCase(128, 10),
];

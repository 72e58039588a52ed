import { matmul } from "../../autograd/ops/matmul.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { KernelCase } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

/** Which operands are stored transposed. */
type Transposed = "" | "at" | "bt" | "at-bt";

/** C = A·B. A: [m, k], B: [k, n], C: [m, n]; `at`: A is stored [k, m]; `bt`: B is stored [n, k]. */
export function matmulCase(
  m: number,
  k: number,
  n: number,
  transposed: Transposed = "",
): KernelCase {
  const [transposeA, transposeB] = [transposed.includes("at"), transposed.includes("bt")];
  return {
    name: "matmul",
    shape: `${m}x${k}x${n}${transposed && `-${transposed}`}`,
    flops: 2 * m * k * n,
    bytes: 4 * (m * k + k * n + m * n),
    terms: k,
    build: async (device) => {
      const inputs = randomOnDevice(device, [
        transposeA ? [k, m] : [m, k],
        transposeB ? [n, k] : [k, n],
      ]);
      const [a, b] = inputs as [Tensor, Tensor];
      const { program, result } = await record(device, () =>
        matmul(a, b, { transposeA, transposeB }),
      );
      return { program, inputs, outputs: [result] };
    },
    reference:
      ([a, b]) =>
      (_, element) => {
        const [row, column] = [Math.floor(element / n), element % n];
        let [value, size] = [0, 0];
        for (let i = 0; i < k; i++) {
          const x = a?.[transposeA ? i * m + row : row * k + i] as number;
          const y = b?.[transposeB ? column * k + i : i * n + column] as number;
          value += x * y;
          size += Math.abs(x * y);
        }
        return { value, size };
      },
  };
}

/** Squares, long shapes, transposed ones, and those of the models at batch 128. */
export const matmulCases: readonly KernelCase[] = [
  ...[64, 128, 256, 512, 1024, 2048].map((side) => matmulCase(side, side, side)),
  matmulCase(512, 512, 512, "at"),
  matmulCase(512, 512, 512, "bt"),
  matmulCase(512, 512, 512, "at-bt"),
  matmulCase(4096, 64, 64), // tall
  matmulCase(64, 64, 4096), // wide
  matmulCase(64, 4096, 64), // deep
  // The dense VAE: forward, input gradient, weight gradient.
  matmulCase(128, 784, 400),
  matmulCase(128, 400, 784),
  matmulCase(128, 784, 400, "bt"),
  matmulCase(784, 128, 400, "at"),
  matmulCase(400, 128, 784, "at"),
  // The convolutional VAE, between the image and 16 features, and from 2 dimensions.
  matmulCase(128, 3136, 16),
  matmulCase(128, 16, 3136, "bt"),
  matmulCase(3136, 128, 16, "at"),
  matmulCase(128, 2, 3136),
  // MaskAAE's layers.
  matmulCase(128, 1024, 1024),
];

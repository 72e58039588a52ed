import { add, mul, relu, square, sub, tanh } from "../../autograd/ops/elementwise.ts";
import { randomNormal } from "../../autograd/ops/random.ts";
import { normalPair, philox, type Words4 } from "../../kernels/philox.ts";
import { variable } from "../../tensor/create.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { KernelCase } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

/** An elementwise computation: on tensors, and on the numbers of one element. */
interface ElementwiseMap {
  readonly name: string;
  readonly inputs: number;
  /** Operations an element; a function like tanh counts as one. */
  readonly flops: number;
  compute(inputs: readonly Tensor[]): Tensor;
  element(x: number, y: number): number;
}

const GELU = Math.sqrt(2 / Math.PI);

const maps: readonly ElementwiseMap[] = [
  {
    name: "add",
    inputs: 2,
    flops: 1,
    compute: ([x, y]) => add(x as Tensor, y as Tensor),
    element: (x, y) => x + y,
  },
  {
    name: "relu-chain",
    inputs: 2,
    flops: 5,
    compute: ([x, y]) => sub(mul(relu(add(mul(x as Tensor, 2), y as Tensor)), 0.5), x as Tensor),
    element: (x, y) => Math.max(2 * x + y, 0) * 0.5 - x,
  },
  {
    name: "gelu",
    inputs: 1,
    flops: 9,
    compute: ([input]) => {
      const x = input as Tensor;
      const inner = mul(mul(x, add(mul(square(x), 0.044715), 1)), GELU);
      return mul(mul(x, 0.5), add(tanh(inner), 1));
    },
    element: (x) => 0.5 * x * (1 + Math.tanh(GELU * x * (1 + 0.044715 * x * x))),
  },
];

function mapCase(
  { name, inputs: count, flops, compute, element }: ElementwiseMap,
  size: number,
): KernelCase {
  return {
    name,
    shape: String(size),
    flops: flops * size,
    bytes: 4 * size * (count + 1),
    terms: 1,
    build: async (device) => {
      const inputs = randomOnDevice(device, Array(count).fill([size]));
      const { program, result } = await record(device, () => compute(inputs));
      return { program, inputs, outputs: [result] };
    },
    reference:
      ([a, b]) =>
      (_, i) => ({ value: element(a?.[i] ?? 0, b?.[i] ?? 0), size: 1 }),
  };
}

/** x + 1: next to nothing beside the reading and writing. */
export function incrementCase(size: number): KernelCase {
  const compute = ([x]: readonly Tensor[]) => add(x as Tensor, 1);
  return mapCase({ name: "increment", inputs: 1, flops: 1, compute, element: (x) => x + 1 }, size);
}

/** Operations that a number of the kernel takes, whole numbers' included. */
const NORMAL_OPERATIONS = 30;
const RANDOM = { seed: [7, 9], step: 3, stream: 2 } as const;

/** Standard normal numbers by Philox and Box–Muller. */
export function randomNormalCase(size: number): KernelCase {
  const { seed, stream } = RANDOM;
  return {
    name: "random-normal",
    shape: String(size),
    flops: NORMAL_OPERATIONS * size,
    bytes: 4 * size,
    terms: 64,
    // WGSL asks for sine and cosine to 2⁻¹¹.
    tolerance: 2e-3,
    build: async (device) => {
      const step = variable(device, Uint32Array.of(RANDOM.step), [1], "step");
      const { program, result } = await record(device, () =>
        randomNormal(device, [size], { seed, step, stream }),
      );
      return { program, inputs: [], outputs: [result], others: [step] };
    },
    reference: () => (_, i) => {
      const words: Words4 = philox([Math.floor(i / 4), RANDOM.step, stream, 0], seed);
      const [a, b] = i % 4 < 2 ? [words[0], words[1]] : [words[2], words[3]];
      const pair = normalPair(a, b);
      return { value: pair[i % 2] as number, size: Math.hypot(...pair) };
    },
  };
}

/** 64 MiB for each array. */
const SIZE = 2 ** 24;

export const mapCases: readonly KernelCase[] = [
  ...maps.map((map) => mapCase(map, SIZE)),
  randomNormalCase(SIZE),
];

/** The same in another size. */
export function mapCasesOf(size: number): KernelCase[] {
  return maps.map((map) => mapCase(map, size));
}

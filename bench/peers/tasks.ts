import { convFlops, type VaeLayer, vaeLayers } from "../../src/bench/conv-layers.ts";
import type { Network } from "./data.ts";

/**
 * What the engines are compared at. A task's name is the `what` of its result and, behind
 * `peer/ENGINE/`, what `--filter` is matched against.
 */

/** A product [m, k] · [k, n]. */
export interface MatmulTask {
  readonly kind: "matmul";
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/**
 * Ways through a convolution: from the large image to the small one, back, or both images to the
 * weights. Which of them is the forward pass depends on whether the layer is a transposed one.
 */
export type Direction = "reduce" | "enlarge" | "weights";

/** One direction of a 3×3 convolution with `same` padding on square images. */
export interface ConvTask {
  readonly kind: "conv";
  readonly name: string;
  readonly direction: Direction;
  readonly batch: number;
  /** Length of a side, and channels. */
  readonly large: readonly [size: number, channels: number];
  readonly small: readonly [size: number, channels: number];
  readonly stride: number;
}

/** The training step of a VAE. */
export interface StepTask {
  readonly kind: "step";
  readonly network: Network;
  readonly batch: number;
}

export type OpTask = MatmulTask | ConvTask;
export type Task = OpTask | StepTask;

export const KERNEL = vaeLayers[0].kernel;

/** Squares, a tall and a wide one, and the dense VAE's first layer. */
const MATMULS: readonly (readonly [m: number, k: number, n: number])[] = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [4096, 64, 64],
  [64, 64, 4096],
  [128, 784, 400],
];

/** The three directions of a layer, on square images. */
function convTasks({ batch, large, small, stride, transposed }: VaeLayer): ConvTask[] {
  const layer = transposed ? "conv-transpose2d" : "conv2d";
  const task = (name: string, direction: Direction): ConvTask => ({
    ...{ kind: "conv", name, direction, batch, stride },
    large: [large[0], large[2]],
    small: [small[0], small[2]],
  });
  return [
    task(layer, transposed ? "enlarge" : "reduce"),
    task(`${layer}-input-gradient`, transposed ? "reduce" : "enlarge"),
    task(`${layer}-weight-gradient`, "weights"),
  ];
}

/**
 * All tasks; only the steps' batch is to be chosen. The convolutional VAE's step comes first, while no
 * engine has compiled anything yet.
 */
export function allTasks(stepBatch: number): Task[] {
  return [
    { kind: "step", network: "conv", batch: stepBatch },
    { kind: "step", network: "dense", batch: stepBatch },
    ...MATMULS.map(([m, k, n]): MatmulTask => ({ kind: "matmul", m, k, n })),
    ...vaeLayers.flatMap(convTasks),
  ];
}

/** NAME/SHAPE as the kernels of the benchmark are called, or step/MODEL/BATCH. */
export function taskName(task: Task): string {
  if (task.kind === "step") return `step/vae-${task.network}/${task.batch}`;
  if (task.kind === "matmul") return `matmul/${task.m}x${task.k}x${task.n}`;
  const { name, batch, large, small, stride } = task;
  const image = ([size, channels]: readonly [number, number]) => `${size}x${size}x${channels}`;
  return `${name}/${batch}x${image(large)}-${image(small)}-k${KERNEL}-s${stride}`;
}

/** Floating-point operations, a multiplication and an addition counted as two. */
export function taskFlops(task: OpTask): number {
  if (task.kind === "matmul") return 2 * task.m * task.k * task.n;
  const image = ([size, channels]: readonly [number, number]) => [size, size, channels] as const;
  const { batch, stride, large, small } = task;
  return convFlops({ batch, stride, kernel: KERNEL, large: image(large), small: image(small) });
}

/** Shapes of both operands and the result, in latentgrad's layouts: NHWC images, HWIO weights. */
export interface OpShapes {
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly result: readonly number[];
}

export function opShapes(task: OpTask): OpShapes {
  if (task.kind === "matmul") {
    const { m, k, n } = task;
    return { first: [m, k], second: [k, n], result: [m, n] };
  }
  const { batch, large, small, direction } = task;
  const x = [batch, large[0], large[0], large[1]];
  const y = [batch, small[0], small[0], small[1]];
  const w = [KERNEL, KERNEL, large[1], small[1]];
  if (direction === "reduce") return { first: x, second: w, result: y };
  if (direction === "enlarge") return { first: y, second: w, result: x };
  return { first: x, second: y, result: w };
}

/** Bytes of both operands and the result. */
export function taskBytes(task: OpTask): number {
  const sizes = Object.values(opShapes(task)).map((shape: readonly number[]) =>
    shape.reduce((a, b) => a * b, 4),
  );
  return sizes.reduce((a, b) => a + b, 0);
}

/** Streams of the generator that the operands are drawn from. */
export const OPERAND_STREAMS = { first: 2001, second: 2002 } as const;

/** What PyTorch's process is handed, in its layouts: channels before pixels, linear weights [out, in]. */
import {
  ADAM,
  images,
  initialParameters,
  LATENT,
  type Network,
  noise,
  normals,
  type Parameter,
  transpose,
} from "./data.ts";
import { OPERAND_STREAMS, type OpTask, opShapes, type StepTask, type Task } from "./tasks.ts";

/** A tensor of floats as JSON has it. */
export interface SentTensor {
  readonly shape: readonly number[];
  /** base64 of the floats. */
  readonly values: string;
}

const sent = (
  { buffer, byteOffset, byteLength }: Float32Array,
  shape: readonly number[],
): SentTensor => ({
  shape,
  values: Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
});

/** Turns an image or kernel, whose axes these are, by 180°. */
function turned(
  values: Float32Array,
  shape: readonly number[],
  [down, across]: readonly [down: number, across: number],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  const inner = (axis: number) => shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  for (let at = 0; at < values.length; at++) {
    let other = at;
    for (const axis of [down, across]) {
      const [size, stride] = [shape[axis] as number, inner(axis)];
      other += (size - 1 - 2 * (Math.floor(at / stride) % size)) * stride;
    }
    result[other] = values[at] as number;
  }
  return result;
}

/** Moves axes of an image or kernel that is turned by 180°. */
function turnedAndMoved(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly [down: number, across: number],
  order: readonly number[],
): Float32Array<ArrayBuffer> {
  return transpose(turned(values, shape, axes), shape, order);
}

/**
 * A parameter of the convolutional network. Images and kernels are turned by 180°: padding `same` of an
 * even size and stride 2 stands behind the pixels, PyTorch's in front of them, so that the network is the
 * same on turned images. Without it PyTorch would have to copy every image into a larger one.
 */
function convParameter({ name, shape, values }: Parameter): SentTensor {
  switch (name) {
    case "encoder.5.weight":
      return sent(turnedAndMoved(values, [7, 7, 64, 16], [0, 1], [3, 2, 0, 1]), [16, 3136]);
    case "decoder.0.weight":
      return sent(turnedAndMoved(values, [LATENT, 7, 7, 64], [1, 2], [3, 1, 2, 0]), [3136, LATENT]);
    case "decoder.0.bias":
      return sent(turnedAndMoved(values, [7, 7, 64], [0, 1], [2, 0, 1]), [3136]);
  }
  const [h, w, a, b] = shape as [number, number, number, number];
  // [h, w, in, out] becomes [out, in, h, w], of a transposed convolution [h, w, out, in] [in, out, h, w].
  if (shape.length === 4)
    return sent(turnedAndMoved(values, shape, [0, 1], [3, 2, 0, 1]), [b, a, h, w]);
  return denseParameter({ name, shape, values });
}

function denseParameter({ shape, values }: Parameter): SentTensor {
  if (shape.length === 1) return sent(values, shape);
  return sent(transpose(values, shape, [1, 0]), [...shape].reverse());
}

function parametersOf(network: Network): [string, SentTensor][] {
  const place = network === "conv" ? convParameter : denseParameter;
  return initialParameters(network).map((p) => [p.name, place(p)]);
}

function stepTensors({ network, batch }: StepTask): Record<string, SentTensor> {
  const x = images(batch);
  const pixels = network === "conv" ? turned(x, [batch, 28, 28], [1, 2]) : x;
  return Object.fromEntries([
    ...parametersOf(network),
    ["images", sent(pixels, [batch, 1, 28, 28])],
  ]);
}

function operands(task: OpTask): Record<string, SentTensor> {
  const { first, second } = opShapes(task);
  return {
    first: sent(normals(OPERAND_STREAMS.first, first), first),
    second: sent(normals(OPERAND_STREAMS.second, second), second),
  };
}

/** What goes with the question whether PyTorch can do a task: a step, or a product of matrices. */
export function taskData(task: Task) {
  const tensors = task.kind === "step" ? stepTensors(task) : operands(task);
  return { tensors, latent: LATENT, adam: ADAM };
}

/** The noise of a step, counted from 1. */
export const stepNoise = (batch: number, step: number): SentTensor =>
  sent(noise(batch, step), [batch, LATENT]);

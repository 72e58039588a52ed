import { CheckpointError } from "../gpu/errors.ts";
import type { ParameterLayout } from "../nn/layout.ts";

export type { ParameterLayout } from "../nn/layout.ts";

/*
 * Between the engine's parameter layouts and those of PyTorch's `state_dict`, which a checkpoint has:
 *
 * | kind          | engine                | checkpoint            |
 * | ------------- | --------------------- | --------------------- |
 * | conv          | [KH, KW, Cin, Cout]   | [Cout, Cin, KH, KW]   |
 * | convTranspose | [KH, KW, Cout, Cin]   | [Cin, Cout, KH, KW]   |
 * | linear        | [in, out]             | [out, in]             |
 * | vector        | [n]                   | [n]                   |
 * | plain         | any                   | the same              |
 *
 * The engine's transposed convolution carries the weight of the convolution whose input gradient it
 * is, and PyTorch's likewise, so both kernels permute the same way and neither is flipped.
 *
 * Images are [H, W, C] in the engine and [C, H, W] in PyTorch; a linear layer beside a flatten sees
 * the difference: `flattenIn` permutes the inputs of the layer after a flatten, `flattenOut` the
 * outputs (and the bias, a vector) of the layer before a reshape.
 */

/** Shape in the checkpoint. Throws CheckpointError for a layout that contradicts itself. */
export function checkpointShape(layout: ParameterLayout): number[] {
  const { kind, shape } = layout;
  if (kind === "plain") return [...shape];
  const rank = kind === "linear" ? 2 : kind === "vector" ? 1 : 4;
  if (shape.length !== rank) {
    throw new CheckpointError(`${kind} of shape [${shape.join(", ")}], expected ${rank} axes`);
  }
  checkFlatten(layout, "flattenIn", kind === "linear" ? shape[0] : undefined);
  checkFlatten(layout, "flattenOut", rank < 4 ? shape[rank - 1] : undefined);
  return axes(layout).map((axis) => shape[axis]!);
}

/**
 * Values in the checkpoint's layout, from the engine's. Throws CheckpointError.
 *
 * @param out where they go, as many as `values`; default an array of their own
 */
export function toCheckpoint(
  values: Float32Array,
  layout: ParameterLayout,
  out: Float32Array = new Float32Array(values.length),
): Float32Array {
  places(values, layout).forEach((engine, index) => {
    out[index] = values[engine]!;
  });
  return out;
}

/** Values in the engine's layout, from the checkpoint's. Throws CheckpointError. */
export function fromCheckpoint(values: Float32Array, layout: ParameterLayout): Float32Array {
  const out = new Float32Array(values.length);
  places(values, layout).forEach((engine, index) => {
    out[engine] = values[index]!;
  });
  return out;
}

/** For each axis of the checkpoint's shape, the engine's axis. */
function axes({ kind, shape }: ParameterLayout): readonly number[] {
  if (kind === "vector" || kind === "plain") return shape.map((_, axis) => axis);
  return kind === "linear" ? [1, 0] : [3, 2, 0, 1];
}

/** For each element in the checkpoint's order, its index in the engine's order. */
function places(values: Float32Array, layout: ParameterLayout): Uint32Array {
  const target = checkpointShape(layout);
  const count = target.reduce((product, size) => product * size, 1);
  if (values.length !== count) {
    throw new CheckpointError(
      `${layout.kind} of shape [${layout.shape.join(", ")}] has ${count} values, got ${values.length}`,
    );
  }
  const order = axes(layout);
  const strides = layout.shape.map((_, axis) =>
    layout.shape.slice(axis + 1).reduce((product, size) => product * size, 1),
  );
  // Per axis of the checkpoint, what each index adds to the engine's index.
  const steps = target.map((size, position) => {
    const axis = order[position]!;
    const permuted = channelsLast(layout, axis);
    const stride = strides[axis]!;
    return Array.from({ length: size }, (_, i) => (permuted?.[i] ?? i) * stride);
  });
  const out = new Uint32Array(count);
  let filled = 1;
  // Outer product of the steps: each axis multiplies the places found so far.
  for (const step of steps) {
    for (let i = filled - 1; i >= 0; i--) {
      const base = out[i]!;
      for (let k = step.length - 1; k >= 0; k--) {
        out[i * step.length + k] = base + step[k]!;
      }
    }
    filled *= step.length;
  }
  return out;
}

/** For each index in C, H, W order, the index in H, W, C order; undefined where the axis has none. */
function channelsLast(layout: ParameterLayout, axis: number): number[] | undefined {
  const output = axis === layout.shape.length - 1;
  const image = output ? layout.flattenOut : layout.flattenIn;
  if (image === undefined || axes(layout).length === 4) return undefined;
  const [height, width, channels] = image;
  return Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = i % (height * width);
    return pixel * channels + Math.floor(i / (height * width));
  });
}

function checkFlatten(
  layout: ParameterLayout,
  field: "flattenIn" | "flattenOut",
  size: number | undefined,
): void {
  const image = layout[field];
  if (image === undefined) return;
  const pixels = image[0] * image[1] * image[2];
  // Inputs behind the image's, such as a class, stay where they are.
  const fits = field === "flattenIn" ? pixels <= (size ?? 0) : pixels === size;
  if (!fits) {
    throw new CheckpointError(
      `${layout.kind} of shape [${layout.shape.join(", ")}]: ${field} [${image.join(", ")}] does not fit`,
    );
  }
}

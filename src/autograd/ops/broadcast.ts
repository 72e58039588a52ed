import { ShapeError } from "../../gpu/errors.ts";
import { input } from "../../kernels/expression.ts";
import { mapCall } from "../../kernels/map.ts";
import { contiguousStrides } from "../../kernels/view.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./shape.ts";

/** x repeated along axes of length 1 (and new leading axes) to `shape`. Derivative: sumTo. */
export function broadcastTo(x: Tensor, shape: readonly number[]): Tensor {
  if (`${x.shape}` === `${shape}`) return x;
  const lead = shape.length - x.rank;
  const fits = lead >= 0 && x.shape.every((n, i) => n === 1 || n === shape[i + lead]);
  if (!fits)
    throw new ShapeError("broadcastTo", `${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`);
  const out = emptyResult(x.device, "broadcastTo", shape);
  if (out.size === 0) return empty(x.device, shape);
  const strides = contiguousStrides(x.shape);
  x.device.emit(
    mapCall("broadcastTo", {
      shape,
      inputs: [{ value: x.value, offset: 0, strides: shape.map((_, i) => strides[i - lead] ?? 0) }],
      outputs: [{ value: out.value, expression: input(0) }],
    }),
  );
  return differentiable("broadcastTo", [x], out, [(dy) => sumTo(dy, x.shape)]);
}

/** x summed over the axes along which a tensor of `shape` was broadcast. Derivative: broadcastTo. */
export function sumTo(x: Tensor, shape: readonly number[]): Tensor {
  if (`${x.shape}` === `${shape}`) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  return reshape(axes.length > 0 ? sum(x, axes) : x, shape);
}

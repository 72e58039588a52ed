import { DTypeError } from "../../gpu/errors.ts";
import { type SoftmaxKind, softmaxCall } from "../../kernels/softmax.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { lineOf } from "./reduce.ts";
import { dropAxes, keptShape, sum } from "./sum.ts";

/** Runs the kernel; the result of logsumexp keeps the axis with length 1. */
function alongLine(kind: SoftmaxKind, x: Tensor, axis: number): { y: Tensor; at: number } {
  if (x.dtype !== "f32") throw new DTypeError(kind, `the tensor holds ${x.dtype}, not f32`);
  const { at, length, inner } = lineOf(kind, x.shape, axis);
  const shape = kind === "logsumexp" ? keptShape(x.shape, [at]) : x.shape;
  const y = emptyResult(x.device, kind, shape);
  if (y.size === 0) return { y: empty(x.device, shape), at };
  x.device.emit(softmaxCall(kind, x.value, length, inner, y.value));
  return { y, at };
}

/** exp(x) / Σ exp(x) along one axis, stable. Derivative: y·(dy − Σ dy·y). */
export function softmax(x: Tensor, axis = -1): Tensor {
  const { y, at } = alongLine("softmax", x, axis);
  return differentiable("softmax", [x], y, [(dy) => mul(y, sub(dy, sum(mul(dy, y), at, true)))]);
}

/** x − log Σ exp(x) along one axis, stable. Derivative: dy − softmax(x)·Σ dy. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const { y, at } = alongLine("logSoftmax", x, axis);
  return differentiable("logSoftmax", [x], y, [(dy) => sub(dy, mul(exp(y), sum(dy, at, true)))]);
}

/** log Σ exp(x) along one axis, stable. Derivative: dy·softmax(x). */
export function logsumexp(x: Tensor, axis = -1, keepAxes = false): Tensor {
  const { y, at } = alongLine("logsumexp", x, axis);
  const noted = differentiable("logsumexp", [x], y, [(dy) => mul(dy, softmax(x, at))]);
  return dropAxes(noted, [at], keepAxes);
}

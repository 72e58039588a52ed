import { type SoftmaxKind, softmaxCall } from "../../kernels/softmax.ts";
import { MOST_TURNS } from "../../kernels/turns.ts";
import { checkTensor } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, type Tensor } from "../../tensor/tensor.ts";
import { differentiable, noGrad } from "../tape.ts";
import { add, exp, log, mul, sub } from "./elementwise.ts";
import { lineOf, max } from "./reduce.ts";
import { type Axes, checkReduction, dropAxes, keptShape, sum } from "./sum.ts";

/** A single line of up to this many elements is one thread's work; longer ones are reduced in shares. */
const LONGEST_LINE = 2048;
/** So is a line of probabilities: its thread goes through it three times. */
const LONGEST_SOFTMAX = MOST_TURNS / 4;

/** Runs the kernel; the result of logsumexp keeps the axis with length 1. */
function alongLine(kind: SoftmaxKind, x: Tensor, axis: number): { y: Tensor; at: number } {
  checkTensor(kind, x, ["f32"]);
  const { at, length, inner } = lineOf(kind, x.shape, axis);
  const shape = kind === "logsumexp" ? keptShape(x.shape, [at]) : x.shape;
  const y = emptyResult(x.device, kind, shape);
  if (y.size === 0) return { y: empty(x.device, shape), at };
  if (kind !== "logsumexp" && length > LONGEST_SOFTMAX) {
    const logarithm = noGrad(() => sub(x, inShares(x, [at])));
    return { y: kind === "softmax" ? noGrad(() => exp(logarithm)) : logarithm, at };
  }
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

/** log Σ exp(x) over `axes` (default the last), stable. Derivative: dy·exp(x − y). */
export function logsumexp(x: Tensor, axes: Axes = -1, keepAxes = false): Tensor {
  const over = checkReduction("logsumexp", x, axes, keepAxes, ["f32"]);
  for (const axis of over) lineOf("logsumexp", x.shape, axis);
  const [only] = over;
  if (only === undefined) return x;
  const oneLine = over.length === 1 && (x.shape[only] as number) <= LONGEST_LINE;
  const y = oneLine ? alongLine("logsumexp", x, only).y : noGrad(() => inShares(x, over));
  const noted = differentiable("logsumexp", [x], y, [(dy) => mul(dy, exp(sub(x, y)))]);
  return dropAxes(noted, over, keepAxes);
}

/** Several axes or long ones: the largest element, then the sum of exp(x − largest), as reductions. */
function inShares(x: Tensor, axes: readonly number[]): Tensor {
  const largest = max(x, axes, true);
  return add(log(sum(exp(sub(x, largest)), axes, true)), largest);
}

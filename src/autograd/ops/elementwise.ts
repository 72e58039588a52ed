import { checkNumber, isNot } from "../../gpu/arguments.ts";
import { DTypeError, ShapeError } from "../../gpu/errors.ts";
import type { DType } from "../../gpu/value.ts";
import {
  apply,
  constant,
  type ElementFunction,
  type Expression,
  input,
} from "../../kernels/expression.ts";
import { mapCall } from "../../kernels/map.ts";
import { contiguousStrides } from "../../kernels/view.ts";
import {
  ANY,
  checkTensor,
  checkTensors,
  NUMBERS,
  type NumberType,
} from "../../tensor/arguments.ts";
import { empty, filled } from "../../tensor/create.ts";
import { emptyResult, formatShape, Tensor } from "../../tensor/tensor.ts";
import { type Derivative, differentiable } from "../tape.ts";
import { sumTo } from "./sum.ts";

/** Tensors and plain numbers mix in elementwise ops; a number is compiled into the kernel. */
export type Operand = Tensor<NumberType> | number;

/** Operands by their names in errors, in the kernel's order. */
type Operands = Readonly<Record<string, Operand>>;

/** The shape that all of `shapes` broadcast to, by NumPy's rule. */
export function broadcastShapes(op: string, shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let length = 1;
    for (const shape of shapes) {
      const n = shape[axis - (rank - shape.length)] ?? 1;
      if (n === 1 || n === length) continue;
      if (length !== 1)
        throw new ShapeError(op, `${shapes.map(formatShape).join(" and ")} do not broadcast`);
      length = n;
    }
    out.push(length);
  }
  return out;
}

/** Strides that read a tensor of `from` as one of the broadcast shape `to`. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const strides = contiguousStrides(from);
  return to.map((_, axis) => strides[axis - (to.length - from.length)] ?? 0);
}

/** Applies an elementwise function, without a derivative. */
function mapTensors(fn: ElementFunction, operands: Operands, op: string = fn): Tensor {
  const all = Object.entries(operands);
  if (all.length === 1) checkTensor(op, operands.x, NUMBERS);
  for (const [name, x] of all)
    if (typeof x !== "number" && !(x instanceof Tensor))
      throw new DTypeError(op, isNot(name, x, "a tensor or a number"));
  const given = all.filter(
    (entry): entry is [string, Tensor<NumberType>] => typeof entry[1] !== "number",
  );
  if (given.length === 0)
    throw new DTypeError(
      op,
      `${all.map(([name]) => name).join(" and ")} are numbers, wanted a tensor`,
    );
  const device = checkTensors(
    op,
    given.map(([name, x]) => [name, x, ...NUMBERS]),
  );
  const tensors = given.map(([, x]) => x);
  const shape = broadcastShapes(
    op,
    tensors.map((t) => t.shape),
  );
  const out = emptyResult(device, fn, shape);
  if (out.size === 0) return empty(device, shape);
  let next = 0;
  const args: Expression[] = all.map(([, x]) =>
    typeof x === "number" ? constant(x) : input(next++),
  );
  device.emit(
    mapCall(fn, {
      shape,
      inputs: tensors.map((t) => ({
        value: t.value,
        offset: 0,
        strides: broadcastStrides(t.shape, shape),
      })),
      outputs: [{ value: out.value, expression: apply(fn, ...args) }],
    }),
  );
  return out;
}

/** An elementwise op with derivatives for its tensor operands, in the operands' order. */
function elementwise(
  fn: ElementFunction,
  operands: Operands,
  rules: (y: Tensor) => readonly (Derivative | undefined)[],
  /** What errors about the operands call it. */
  op: string = fn,
): Tensor {
  const y = mapTensors(fn, operands, op);
  const derivatives = rules(y);
  const inputs: Tensor<NumberType>[] = [];
  const kept: (Derivative | undefined)[] = [];
  for (const [i, x] of Object.values(operands).entries()) {
    if (typeof x === "number") continue;
    const rule = derivatives[i];
    inputs.push(x);
    kept.push(rule && ((dy) => sumTo(rule(dy), x.shape)));
  }
  return differentiable(fn, inputs, y, kept);
}

// Binary. Both operands broadcast; the derivative sums over the axes that were broadcast.

/** a + b. */
export const add = (a: Operand, b: Operand): Tensor =>
  elementwise("add", { a, b }, () => [(dy) => dy, (dy) => dy]);

/** a − b. */
export const sub = (a: Operand, b: Operand): Tensor =>
  elementwise("sub", { a, b }, () => [(dy) => dy, (dy) => neg(dy)]);

/** a · b, element by element; see matmul for products of matrices. */
export const mul = (a: Operand, b: Operand): Tensor =>
  elementwise("mul", { a, b }, () => [(dy) => mul(dy, b), (dy) => mul(dy, a)]);

/** a / b; by 0 it is ±∞, and 0 / 0 is NaN. */
export const div = (a: Operand, b: Operand): Tensor =>
  elementwise("div", { a, b }, (y) => [(dy) => div(dy, b), (dy) => neg(div(mul(dy, y), b))]);

/** The larger of two; where they are equal, the derivative goes to the first. */
export const maximum = (a: Operand, b: Operand): Tensor =>
  elementwise(
    "max",
    { a, b },
    () => [(dy) => mul(dy, sub(1, greater(b, a))), (dy) => mul(dy, greater(b, a))],
    "maximum",
  );

/** The smaller of two; where they are equal, the derivative goes to the first. */
export const minimum = (a: Operand, b: Operand): Tensor =>
  elementwise(
    "min",
    { a, b },
    () => [(dy) => mul(dy, sub(1, greater(a, b))), (dy) => mul(dy, greater(a, b))],
    "minimum",
  );

/**
 * a to the power b: NaN for a < 0 unless b is whole; for a = 0 it is 0, 1 or ∞ by b's sign. For
 * a ≤ 0 only whole constant exponents have a derivative.
 */
export const pow = (a: Operand, b: Operand): Tensor =>
  elementwise("pow", { a, b }, (y) => [
    // A constant 0 would give 0 · ∞ at a = 0.
    (dy) =>
      b === 0 ? mul(dy, 0) : mul(dy, mul(b, pow(a, typeof b === "number" ? b - 1 : sub(b, 1)))),
    (dy) => mul(dy, mul(y, typeof a === "number" ? Math.log(a) : log(a))),
  ]);

/** 1 where a > b, else 0; no derivative. */
export const greater = (a: Operand, b: Operand): Tensor => mapTensors("greater", { a, b });

/** 1 where a = b, else 0; no derivative. */
export const equal = (a: Operand, b: Operand): Tensor => mapTensors("equal", { a, b });

// Ternary.

/** a where mask ≠ 0, else b. */
export const where = (mask: Tensor<NumberType>, a: Operand, b: Operand): Tensor => {
  checkTensor("where", mask, NUMBERS, "mask");
  return elementwise("where", { mask, a, b }, () => [
    undefined,
    (dy) => where(mask, dy, 0),
    (dy) => where(mask, 0, dy),
  ]);
};

/**
 * x limited to [low, high]; the derivative is 1 inside and on the bounds, 0 outside.
 *
 * @throws ShapeError where low > high: WGSL leaves open what the result would be
 */
export const clamp = (x: Tensor<NumberType>, low: number, high: number): Tensor => {
  checkTensor("clamp", x, NUMBERS);
  checkNumber("clamp", "low", low);
  checkNumber("clamp", "high", high);
  if (!(low <= high))
    throw new ShapeError("clamp", `the bounds are ${low} and ${high}, wanted low ≤ high`);
  return elementwise("clamp", { x, low, high }, () => [
    (dy) => mul(dy, mul(sub(1, greater(low, x)), sub(1, greater(x, high)))),
  ]);
};

// Unary. Rules use the output where that is cheaper, so that fused pre-activations need no storing.

const unary = (
  fn: ElementFunction,
  x: Tensor<NumberType>,
  rule: (dy: Tensor, y: Tensor) => Tensor,
): Tensor => elementwise(fn, { x }, (y) => [(dy) => rule(dy, y)]);

/** −x. */
export const neg = (x: Tensor<NumberType>): Tensor => unary("neg", x, (dy) => neg(dy));
/** |x|; derivative 0 at 0. */
export const abs = (x: Tensor<NumberType>): Tensor => unary("abs", x, (dy) => mul(dy, sign(x)));
/** −1, 0 or 1; derivative 0. */
export const sign = (x: Tensor<NumberType>): Tensor => mapTensors("sign", { x });
/** eˣ. */
export const exp = (x: Tensor<NumberType>): Tensor => unary("exp", x, (dy, y) => mul(dy, y));
/** eˣ − 1, without loss of digits near 0. */
export const expm1 = (x: Tensor<NumberType>): Tensor => unary("expm1", x, (dy) => mul(dy, exp(x)));
/** ln(1 + x), without loss of digits near 0; −∞ at −1, NaN below. */
export const log1p = (x: Tensor<NumberType>): Tensor =>
  unary("log1p", x, (dy) => div(dy, add(x, 1)));
/** The natural logarithm; −∞ at 0, NaN below. */
export const log = (x: Tensor<NumberType>): Tensor => unary("log", x, (dy) => div(dy, x));
/** √x; the derivative is infinite at 0. */
export const sqrt = (x: Tensor<NumberType>): Tensor =>
  unary("sqrt", x, (dy, y) => div(mul(dy, 0.5), y));
/** 1 / √x, for x > 0. */
export const rsqrt = (x: Tensor<NumberType>): Tensor =>
  unary("rsqrt", x, (dy, y) => mul(mul(dy, -0.5), mul(y, mul(y, y))));
/** x². */
export const square = (x: Tensor<NumberType>): Tensor =>
  unary("square", x, (dy) => mul(dy, mul(x, 2)));
/** 1 / x. */
export const reciprocal = (x: Tensor<NumberType>): Tensor =>
  unary("reciprocal", x, (dy, y) => neg(mul(dy, square(y))));
/** sin x, x in radians; WGSL permits an error of 2⁻¹¹ in [−π, π]. */
export const sin = (x: Tensor<NumberType>): Tensor => unary("sin", x, (dy) => mul(dy, cos(x)));
/** cos x, x in radians; WGSL permits an error of 2⁻¹¹ in [−π, π]. */
export const cos = (x: Tensor<NumberType>): Tensor => unary("cos", x, (dy) => neg(mul(dy, sin(x))));
/** The largest whole number not above x; derivative 0. */
export const floor = (x: Tensor<NumberType>): Tensor => mapTensors("floor", { x });
/** The hyperbolic tangent; ±1 for large arguments. */
export const tanh = (x: Tensor<NumberType>): Tensor =>
  unary("tanh", x, (dy, y) => mul(dy, sub(1, square(y))));
/** 1 / (1 + e⁻ˣ), stable. */
export const sigmoid = (x: Tensor<NumberType>): Tensor =>
  unary("sigmoid", x, (dy, y) => mul(dy, mul(y, sub(1, y))));
/** log(1 + exp(x)), stable. */
export const softplus = (x: Tensor<NumberType>): Tensor =>
  unary("softplus", x, (dy) => mul(dy, sigmoid(x)));
/**
 * −x·ln σ(l) − (1 − x)·ln(1 − σ(l)), the cross-entropy of a logit l with x in [0, 1]. It keeps the
 * digits of small losses, which softplus(l) − l·x loses for large l.
 */
export const logisticLoss = (logits: Tensor, x: Operand): Tensor =>
  elementwise("logisticLoss", { logits, x }, () => [
    (dy) => mul(dy, sub(sigmoid(logits), x)),
    (dy) => neg(mul(dy, logits)),
  ]);
/** max(x, 0); derivative 0 at 0. */
export const relu = (x: Tensor<NumberType>): Tensor => {
  checkTensor("relu", x, NUMBERS);
  return elementwise("max", { x, zero: 0 }, (y) => [(dy) => mul(dy, greater(y, 0))]);
};
/** x for x > 0, else slope·x. */
export const leakyRelu = (x: Tensor<NumberType>, slope = 0.2): Tensor => {
  checkTensor("leakyRelu", x, NUMBERS);
  checkNumber("leakyRelu", "slope", slope);
  return mul(x, add(slope, mul(greater(x, 0), 1 - slope)));
};

/** A tensor of x's shape filled with a number. */
export const fullLike = (x: Tensor<DType>, value: number): Tensor =>
  filled("fullLike", checkTensor("fullLike", x, ANY), x.shape, value, "value");

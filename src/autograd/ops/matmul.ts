import { checkOptions, type OptionRules } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import { type MatmulFamily, matmulCalls } from "../../kernels/matmul.ts";
import type { MatmulGeometry } from "../../kernels/matmul-geometry.ts";
import { sizeOf } from "../../kernels/view.ts";
import { checkFloats } from "../../tensor/arguments.ts";
import { empty, zeros } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable } from "../tape.ts";
import { sumTo } from "./sum.ts";

/** Which operands of a product are taken transposed. */
export interface MatmulOptions {
  /** A is stored [..., k, m]. */
  readonly transposeA?: boolean;
  /** B is stored [..., n, k]. */
  readonly transposeB?: boolean;
  /** Kernel to use in place of the adapter's default. */
  readonly variant?: MatmulFamily;
}

const optionRules: OptionRules<MatmulOptions> = {
  transposeA: "boolean?",
  transposeB: "boolean?",
  variant: "any?",
};

/**
 * Matrix product over the last two axes, batched over the leading ones.
 *
 * @param a [..., m, k] (or [..., k, m] with transposeA)
 * @param b [..., k, n] (or [..., n, k] with transposeB)
 * @returns [..., m, n]. Leading axes must be equal, or absent in one operand, which then serves all.
 *
 * Derivatives: dA = dC·Bᵀ, dB = Aᵀ·dC, each again one product with the matching transpositions.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  checkFloats("matmul", { a, b });
  checkOptions("matmul", options, optionRules);
  const { transposeA = false, transposeB = false } = options;
  const { geometry: g, shape } = resolve(a, b, transposeA, transposeB);
  const run = (): Tensor => {
    const out = emptyResult(a.device, "matmul", shape);
    if (out.size === 0) return empty(a.device, shape);
    if (g.k === 0) return zeros(a.device, shape);
    for (const call of matmulCalls("matmul", a.value, b.value, g, out.value, options.variant))
      a.device.emit(call);
    return out;
  };
  // With op(A)·op(B) = C: the derivative of a transposed operand is the transposed product.
  const flag = (transposeA: boolean, transposeB: boolean) => ({ transposeA, transposeB });
  return differentiable("matmul", [a, b], run(), [
    (dc) =>
      sumTo(
        transposeA
          ? matmul(b, dc, flag(transposeB, true))
          : matmul(dc, b, flag(false, !transposeB)),
        a.shape,
      ),
    (dc) =>
      sumTo(
        transposeB
          ? matmul(dc, a, flag(true, transposeA))
          : matmul(a, dc, flag(!transposeA, false)),
        b.shape,
      ),
  ]);
}

function resolve(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
): { geometry: MatmulGeometry; shape: number[] } {
  const wrong = (why: string): ShapeError =>
    new ShapeError("matmul", `${formatShape(a.shape)} and ${formatShape(b.shape)}: ${why}`);
  if (a.rank < 2 || b.rank < 2) throw wrong("both must have at least two axes");
  const [ar, ac] = a.shape.slice(-2) as [number, number];
  const [br, bc] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [ac, ar] : [ar, ac];
  const [kb, n] = transposeB ? [bc, br] : [br, bc];
  if (k !== kb) throw wrong(`the summed lengths are ${k} and ${kb}`);
  const leadA = a.shape.slice(0, -2);
  const leadB = b.shape.slice(0, -2);
  if (leadA.length > 0 && leadB.length > 0 && `${leadA}` !== `${leadB}`)
    throw wrong("the leading axes differ");
  const lead = leadA.length > 0 ? leadA : leadB;
  const shape = [...lead, m, n];
  const batch = sizeOf(lead);
  // A batch of matrices times one matrix is one tall product.
  if (leadA.length > 0 && leadB.length === 0 && !transposeA)
    return { geometry: { batch: 1, m: batch * m, n, k, transposeA, transposeB }, shape };
  const sharedA = leadA.length === 0 && batch > 1;
  const sharedB = leadB.length === 0 && batch > 1;
  return { geometry: { batch, m, n, k, transposeA, transposeB, sharedA, sharedB }, shape };
}

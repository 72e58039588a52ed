import { checkFunction, checkOptions, type OptionRules } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { DTypeError, ShapeError } from "../gpu/errors.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import type { DType } from "../gpu/value.ts";
import { apply, input } from "../kernels/expression.ts";
import { mapCall } from "../kernels/map.ts";
import { contiguousView } from "../kernels/view.ts";
import { ANY, checkTensor, checkTensors, eachOf } from "../tensor/arguments.ts";
import { ones } from "../tensor/create.ts";
import { emptyResult, formatShape, type Provenance, Tensor } from "../tensor/tensor.ts";

/** Gives the cotangent of one input from the cotangent of the output (a vector-Jacobian product). */
export type Derivative = (dy: Tensor) => Tensor;

/** One op on the tape. */
interface Entry extends Provenance {
  /** Order of execution: an entry's inputs have smaller numbers. */
  readonly order: number;
  readonly inputs: readonly Tensor<DType>[];
  readonly derivatives: readonly (Derivative | undefined)[];
}

let nextOrder = 0;
let recording = true;
let passes = 0;

/**
 * Notes on the tape how `output` was computed.
 *
 * @param derivatives one for each input, undefined where there is none (indices, masks). They are
 *   written with ops, so that derivatives of derivatives need nothing more, and each is called only
 *   if that input's cotangent is wanted.
 */
export function differentiable<D extends DType>(
  op: string,
  inputs: readonly Tensor<DType>[],
  output: Tensor<D>,
  derivatives: readonly (Derivative | undefined)[],
): Tensor<D> {
  if (!recording || !inputs.some((t, i) => t.tracked && derivatives[i])) return output;
  output.tracked = true;
  output.provenance = { op, order: nextOrder++, inputs, derivatives } as Entry;
  return output;
}

/**
 * Number of the reverse pass at work. Derivatives of one op that share intermediate results may
 * keep them for the length of a pass, no longer: their memory is freed with its scope.
 */
export function reversePass(): number {
  return passes;
}

/**
 * Runs `body` without a tape.
 *
 * @throws UsageError for a body that is asynchronous: behind its first await the tape is on again
 */
export function noGrad<T>(body: () => T): T {
  checkFunction("noGrad", "body", body, "a function, such as () => add(x, y)");
  const before = recording;
  recording = false;
  try {
    const result = body();
    checkSynchronous("noGrad", "body", result);
    return result;
  } finally {
    recording = before;
  }
}

/** The same numbers, cut off from the tape: derivatives do not pass. */
export function stopGradient<D extends DType>(x: Tensor<D>): Tensor<D> {
  checkTensor("stopGradient", x, ANY);
  return Tensor.of<D>(x.device, x.value, x.shape);
}

/** The same numbers as a tensor that derivatives may be taken with respect to. */
export function track(x: Tensor): Tensor {
  checkTensor("track", x, ["f32"]);
  const leaf = Tensor.of(x.device, x.value, x.shape);
  leaf.tracked = true;
  return leaf;
}

/** How derivatives are taken. */
export interface GradOptions {
  /** Cotangent of the output; default 1, for which the output must have one element. */
  readonly dy?: Tensor;
  /** Put the derivative itself on the tape, so that it can be differentiated. */
  readonly createGraph?: boolean;
  /** Give undefined instead of throwing for tensors that the output does not depend on. */
  readonly allowUnused?: boolean;
}

/**
 * Derivatives of `output` with respect to each of `wrt`, by reverse mode. Cotangents are computed
 * only along paths that lead to `wrt`.
 */
export function grad(output: Tensor, wrt: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  checkTensor("grad", output, ["f32"], "output");
  if (wrt instanceof Tensor)
    throw new DTypeError("grad", "wrt is a tensor, wanted an array of tensors: grad(y, [x])");
  const named = eachOf("grad", "wrt", wrt, ["f32"]);
  checkOptions("grad", options, optionRules);
  if (options.dy !== undefined) named.push(["dy", options.dy, "f32"]);
  checkTensors("grad", [["output", output, "f32"], ...named]);
  if (!options.allowUnused)
    for (const [i, t] of wrt.entries())
      if (!t.tracked && t !== output) throw new ShapeError("grad", whyUnused(output, t, i));
  const cotangents = reverse(output, wrt, options);
  return wrt.map((t, i) => {
    const g = cotangents.get(t);
    if (g || options.allowUnused) return g as Tensor;
    throw new ShapeError("grad", whyUnused(output, t, i));
  });
}

const optionRules: OptionRules<GradOptions> = {
  dy: "any?",
  createGraph: "boolean?",
  allowUnused: "boolean?",
};

/** Why an output has no derivative with respect to a tensor, and what to do. */
function whyUnused(output: Tensor, t: Tensor, i: number): string {
  const name = `wrt[${i}] (${t.value.label} ${formatShape(t.shape)})`;
  if (!t.tracked)
    return `${name} is not tracked: compute the output from x = track(tensor), or from a parameter, and ask for x`;
  if (!output.tracked)
    return `the output is not on the tape: it was computed without the tape, by ops that have no derivative, or before track() gave ${name}`;
  return `the output does not depend on ${name}: use the very tensor that track() gave; allowUnused gives undefined instead`;
}

function reverse(
  output: Tensor,
  wrt: readonly Tensor[],
  options: GradOptions,
): Map<Tensor<DType>, Tensor> {
  if (!options.dy && output.size !== 1)
    throw new ShapeError(
      "grad",
      `the output is ${formatShape(output.shape)}, wanted one element: reduce it, as with sum(y) or mean(y), or give its cotangent as the option dy`,
    );
  if (options.dy && `${options.dy.shape}` !== `${output.shape}`)
    throw new ShapeError(
      "grad",
      `the cotangent is ${formatShape(options.dy.shape)}, the output ${formatShape(output.shape)}`,
    );
  const tape = reachable(output);
  // A tensor is wanted if it is asked for, or if one of the inputs it was computed from is.
  const wanted = new Set<Tensor<DType>>(wrt);
  for (const t of tape)
    if (entryOf(t)?.inputs.some((x, i) => wanted.has(x) && entryOf(t)?.derivatives[i]))
      wanted.add(t);

  passes++;
  const run = (): Map<Tensor<DType>, Tensor> => {
    const cotangents = new Map<Tensor<DType>, Tensor>();
    if (wanted.has(output))
      cotangents.set(output, options.dy ?? ones(output.device as Device, output.shape));
    for (const t of tape.reverse()) {
      const entry = entryOf(t);
      const dy = cotangents.get(t);
      if (!entry || !dy) continue;
      for (const [i, x] of entry.inputs.entries()) {
        const derivative = entry.derivatives[i];
        if (!derivative || !wanted.has(x)) continue;
        const dx = derivative(dy);
        if (`${dx.shape}` !== `${x.shape}`)
          throw new ShapeError(
            entry.op,
            `derivative ${i} is ${formatShape(dx.shape)}, its input ${formatShape(x.shape)}`,
          );
        const sum = cotangents.get(x);
        cotangents.set(x, sum ? accumulate(sum, dx) : dx);
      }
    }
    return cotangents;
  };
  return options.createGraph ? run() : noGrad(run);
}

function entryOf(t: Tensor<DType>): Entry | undefined {
  return t.provenance as Entry | undefined;
}

/** Tensors that `output` was computed from, in the order of their computation. */
function reachable(output: Tensor): Tensor<DType>[] {
  const found = new Set<Tensor<DType>>();
  const stack: Tensor<DType>[] = [output];
  for (let t = stack.pop(); t; t = stack.pop()) {
    if (found.has(t)) continue;
    found.add(t);
    for (const x of entryOf(t)?.inputs ?? []) if (x.tracked) stack.push(x);
  }
  return [...found].sort((a, b) => (entryOf(a)?.order ?? -1) - (entryOf(b)?.order ?? -1));
}

/** a + b for cotangents of one shape; linear, so it is its own derivative rule. */
function accumulate(a: Tensor, b: Tensor): Tensor {
  const out = emptyResult(a.device, "accumulate", a.shape);
  a.device.emit(
    mapCall("accumulate", {
      shape: a.shape,
      inputs: [contiguousView(a.value, a.shape), contiguousView(b.value, b.shape)],
      outputs: [{ value: out.value, expression: apply("add", input(0), input(1)) }],
    }),
  );
  return differentiable("accumulate", [a, b], out, [(dy) => dy, (dy) => dy]);
}

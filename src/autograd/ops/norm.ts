import { checkNumber, checkObject, checkOptions, type OptionRules } from "../../gpu/arguments.ts";
import { ShapeError } from "../../gpu/errors.ts";
import { apply, constant, input } from "../../kernels/expression.ts";
import { mapCall } from "../../kernels/map.ts";
import { contiguousView } from "../../kernels/view.ts";
import { checkFloats } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";
import { differentiable, noGrad, reversePass } from "../tape.ts";
import { add, broadcastStrides, mul, rsqrt, sub } from "./elementwise.ts";
import { mean, variance } from "./reduce.ts";
import { sum } from "./sum.ts";

/** Averages over the batches seen so far, both [channels]: variables that batchNorm updates. */
export interface RunningStatistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** What batch normalisation adds to the variance, and where it keeps running statistics. */
export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Share of the new batch in the running statistics; default 0.1 (Keras' momentum 0.9). */
  readonly momentum?: number;
  readonly running?: RunningStatistics;
}

const optionRules: OptionRules<BatchNormOptions> = {
  epsilon: "number?",
  momentum: "number?",
  running: "any?",
};

/**
 * Batch normalisation for training (Ioffe and Szegedy 2015): every channel is brought to mean 0 and
 * variance 1 over all axes but the last, then y = x̂·γ + β. The running variance takes the unbiased
 * estimate, as PyTorch's does.
 *
 * @param x [batch, …, channels], at least one element a channel
 * @param gamma [channels] @param beta [channels]
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  options: BatchNormOptions = {},
): Tensor {
  checkOptions("batchNorm", options, optionRules);
  const { epsilon = 1e-5, momentum = 0.1, running } = options;
  const vectors = running === undefined ? {} : named("batchNorm", running);
  const channels = requireChannels("batchNorm", x, { gamma, beta, ...vectors });
  if (x.size === 0) throw new ShapeError("batchNorm", `${formatShape(x.shape)} has no elements`);
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const count = x.size / channels;
  const centre = mean(x, axes);
  const spread = variance(x, axes);
  if (running)
    noGrad(() => {
      blend(running.mean, centre, momentum, 1);
      blend(running.variance, spread, momentum, count > 1 ? count / (count - 1) : 1);
    });
  const y = normalised("batchNorm", x, centre, spread, gamma, beta, epsilon);

  // dx = γ/σ · (dy − mean(dy) − x̂·mean(dy·x̂)); the two sums are the derivatives of β and γ. Centre
  // and spread are on the tape, so that these rules can be differentiated too.
  const inverse = () => rsqrt(add(spread, epsilon));
  const standard = () => mul(sub(x, centre), inverse());
  let shared: { pass: number; dy: Tensor; total: Tensor; along: Tensor } | undefined;
  const sums = (dy: Tensor) => {
    if (!shared || shared.pass !== reversePass() || shared.dy !== dy)
      shared = {
        pass: reversePass(),
        dy,
        total: sum(dy, axes),
        along: sum(mul(dy, standard()), axes),
      };
    return shared;
  };
  return differentiable("batchNorm", [x, gamma, beta], y, [
    (dy) => {
      const { total, along } = sums(dy);
      const shift = add(mul(total, 1 / count), mul(standard(), mul(along, 1 / count)));
      return mul(mul(gamma, inverse()), sub(dy, shift));
    },
    (dy) => sums(dy).along,
    (dy) => sums(dy).total,
  ]);
}

/** Batch normalisation by the running statistics, for evaluation; shapes as `batchNorm`. */
export function batchNormEval(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  running: RunningStatistics,
  epsilon = 1e-5,
): Tensor {
  requireChannels("batchNormEval", x, { gamma, beta, ...named("batchNormEval", running) });
  checkNumber("batchNormEval", "epsilon", epsilon);
  const scale = mul(gamma, rsqrt(add(running.variance, epsilon)));
  return add(mul(sub(x, running.mean), scale), beta);
}

/** Running statistics under the names that errors give them. */
function named(op: string, running: RunningStatistics): Record<string, Tensor> {
  checkObject(op, "running", running, []);
  return { "running.mean": running.mean, "running.variance": running.variance };
}

function requireChannels(op: string, x: Tensor, vectors: Readonly<Record<string, Tensor>>): number {
  checkFloats(op, { x, ...vectors });
  const channels = x.shape.at(-1);
  if (channels === undefined || x.rank < 2)
    throw new ShapeError(op, `${formatShape(x.shape)} is not [batch, …, channels]`);
  for (const [name, t] of Object.entries(vectors))
    if (`${t.shape}` !== `${channels}`)
      throw new ShapeError(
        op,
        `${name} is ${formatShape(t.shape)} for ${channels} channels of ${formatShape(x.shape)}`,
      );
  return channels;
}

/** (x − centre) / √(spread + ε) · γ + β in one map. */
function normalised(
  op: string,
  x: Tensor,
  centre: Tensor,
  spread: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): Tensor {
  const out = emptyResult(x.device, op, x.shape);
  if (out.size === 0) return empty(x.device, x.shape);
  const vectors = [centre, spread, gamma, beta].map((t) => ({
    value: t.value,
    offset: 0,
    strides: broadcastStrides(t.shape, x.shape),
  }));
  const inverse = apply("rsqrt", apply("add", input(2), constant(epsilon)));
  const standard = apply("mul", apply("sub", input(0), input(1)), inverse);
  const expression = apply("add", apply("mul", standard, input(3)), input(4));
  x.device.emit(
    mapCall(op, {
      shape: x.shape,
      inputs: [contiguousView(x.value, x.shape), ...vectors],
      outputs: [{ value: out.value, expression }],
    }),
  );
  return out;
}

/** variable ← (1 − share)·variable + share·factor·fresh, in a variable's own memory. */
function blend(variable: Tensor, fresh: Tensor, share: number, factor: number): void {
  const next = add(mul(variable, 1 - share), mul(fresh, share * factor));
  variable.device.emit({
    op: "batchNorm",
    pack: true,
    inputs: [next.value],
    target: variable.value,
    offsets: [0],
  });
}

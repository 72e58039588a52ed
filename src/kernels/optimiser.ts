import adamShader from "../../shaders/adam.wgsl";
import normShader from "../../shaders/global_norm.wgsl";
import checkShader from "../../shaders/gradient_check.wgsl";
import rmspropShader from "../../shaders/rmsprop.wgsl";
import sgdShader from "../../shaders/sgd.wgsl";
import averageShader from "../../shaders/weight_average.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { helpersBesideF } from "./elementwise.ts";
import { type PlainKernel, plainCall } from "./plain.ts";
import { specialise } from "./specialise.ts";

/** Elements that one thread of an update visits; arenas are multiples of it. */
const PER_THREAD = 16;

/** What every update reads and writes. Arenas: f32, all parameters one behind the other. */
export interface UpdateValues {
  readonly gradients: Value;
  /** One f32. */
  readonly learningRate: Value;
  /** f32 [factor of the gradients, their norm]. */
  readonly control: Value;
  /** One u32: the first step that was not finite; from then on nothing changes. */
  readonly flag: Value;
  /** One u32: the number of the step, from 1. */
  readonly step: Value;
  /** One u32: the number of the optimiser's own step, from 1; mostly `step` itself. */
  readonly count: Value;
  readonly parameters: Value;
}

/** Which of a step's updates it is. */
export interface Substep {
  /** Updates in a step. */
  readonly substeps: number;
  /** From 0. */
  readonly substep: number;
}

/** Number of shares that the check leaves of the sum of squares: one for each of its threads. */
export function squareShares(gradients: Value): number {
  const most = gradients.device.target.spread.checkThreads;
  return Math.min(most, gradients.size / 4);
}

/**
 * Sets `flag` to the step's number if a gradient or a guarded value is not finite and the flag was
 * not set before.
 *
 * @param guards f32 values, at most 4
 * @param shares squareShares() f32: gets the shares of the gradients' sum of squares
 */
export function gradientCheckCall(
  values: Pick<UpdateValues, "gradients" | "flag" | "step">,
  guards: readonly Value[],
  shares: Value | undefined,
): Call {
  const { gradients, flag, step } = values;
  const length = gradients.size / 4;
  let binding = 2;
  const bindings = guards.map(
    (_, k) => `@group(0) @binding(${binding++}) var<storage, read> guard${k}: array<u32>;`,
  );
  if (shares)
    bindings.push(`@group(0) @binding(${binding++}) var<storage, read_write> shares: array<f32>;`);
  bindings.push(`@group(0) @binding(${binding}) var<storage, read_write> flag: atomic<u32>;`);
  const loops = guards.map(
    ({ size }, k) => `  for (var i = thread; i < ${size}u; i += THREADS) {
    largest.x = max(largest.x, guard${k}[i] & 0x7fffffffu);
  }`,
  );
  return plainCall({
    op: "gradientCheck",
    detail: `${gradients.size}`,
    shader: checkShader,
    threads: squareShares(gradients),
    inputs: [gradients, step, ...guards],
    outputs: shares ? [shares] : [],
    updates: [flag],
    constants: { LENGTH: length, SQUARES: shares !== undefined },
    inserts: {
      bindings: bindings.join("\n"),
      guards: loops.join("\n"),
      helpers: shares ? helpersBesideF(checkShader, 4) : "",
    },
    flops: shares ? gradients.size * 2 : 0,
    bytes: gradients.bytes,
  });
}

/** Writes [factor that limits the norm to `clip`, norm] to `control`. */
export function globalNormCall(shares: Value, clip: number, control: Value): Call {
  return {
    op: "globalNorm",
    inputs: [shares],
    outputs: [],
    updates: [control],
    kernel: () => ({
      name: `globalNorm ${shares.size}`,
      code: specialise(normShader, {
        op: "globalNorm",
        constants: { SHARES: shares.size, CLIP: clip },
      }),
      workgroups: [1, 1, 1],
      flops: shares.size,
      bytes: shares.bytes,
    }),
  };
}

/** @param velocity arena of the momentum; without it there is none */
export function sgdCall(
  values: UpdateValues,
  velocity: Value | undefined,
  options: { readonly momentum: number; readonly nesterov: boolean; readonly weightDecay: number },
): Call {
  return updateCall("sgd", sgdShader, values, [], velocity ? [velocity] : [], {
    constants: {
      DECAY: options.weightDecay,
      MOMENTUM: options.momentum,
      WITH_MOMENTUM: velocity !== undefined,
      NESTEROV: options.nesterov,
    },
    inserts: { velocity: velocityBinding(5, velocity) },
    flops: 4,
  });
}

/** @param first arena of the gradients' running mean; second: of their squares' */
export function adamCall(
  values: UpdateValues,
  first: Value,
  second: Value,
  options: {
    readonly beta1: number;
    readonly beta2: number;
    readonly epsilon: number;
    readonly weightDecay: number;
    /** The decay shrinks the parameters themselves (AdamW) instead of adding to the gradient. */
    readonly decoupled: boolean;
  },
  { substeps, substep }: Substep,
): Call {
  const { beta1, beta2 } = options;
  const logarithm = (beta: number): number => Math.max(-80, Math.log(beta));
  return updateCall("adam", adamShader, values, [values.count], [first, second], {
    constants: {
      BETA_1: beta1,
      BETA_2: beta2,
      REST_1: 1 - beta1,
      REST_2: 1 - beta2,
      LOG_BETA_1: logarithm(beta1),
      LOG_BETA_2: logarithm(beta2),
      EPSILON: options.epsilon,
      DECAY: options.weightDecay,
      DECOUPLED: options.decoupled,
      SUBSTEPS: substeps,
      BEHIND: substeps - 1 - substep,
    },
    flops: 14,
  });
}

/** @param square arena of the squares' running mean; velocity: of the momentum, if there is one */
export function rmspropCall(
  values: UpdateValues,
  square: Value,
  velocity: Value | undefined,
  options: {
    readonly decay: number;
    readonly epsilon: number;
    readonly momentum: number;
    readonly weightDecay: number;
    /** ε under the root, and the rate within the momentum. */
    readonly tensorflow: boolean;
  },
): Call {
  return updateCall(
    "rmsprop",
    rmspropShader,
    values,
    [],
    velocity ? [square, velocity] : [square],
    {
      constants: {
        DECAY: options.decay,
        REST: 1 - options.decay,
        MOMENTUM: options.momentum,
        WITH_MOMENTUM: velocity !== undefined,
        EPSILON: options.epsilon,
        TENSORFLOW: options.tensorflow,
        WEIGHT_DECAY: options.weightDecay,
      },
      inserts: { velocity: velocityBinding(6, velocity) },
      flops: 9,
    },
  );
}

/** Moves `average` towards the parameters by 1 − decay, in place. */
export function weightAverageCall(
  { parameters, flag, step }: Pick<UpdateValues, "parameters" | "flag" | "step">,
  average: Value,
  decay: number,
): Call {
  return plainCall({
    op: "weightAverage",
    detail: `${parameters.size}`,
    shader: averageShader,
    threads: parameters.size / PER_THREAD,
    inputs: [parameters, flag, step],
    updates: [average],
    readsFirst: true,
    constants: { REST: 1 - decay },
    flops: 3 * parameters.size,
  });
}

function velocityBinding(binding: number, velocity: Value | undefined): string {
  return velocity
    ? `@group(0) @binding(${binding}) var<storage, read_write> velocity: array<vec4f>;`
    : "";
}

function updateCall(
  op: string,
  shader: string,
  values: UpdateValues,
  inputs: readonly Value[],
  state: readonly Value[],
  kernel: Pick<PlainKernel, "constants" | "inserts"> & { readonly flops: number },
): Call {
  const { gradients, learningRate, control, flag, parameters } = values;
  return plainCall({
    ...kernel,
    op,
    detail: `${parameters.size}`,
    shader,
    threads: parameters.size / PER_THREAD,
    inputs: [gradients, learningRate, control, flag, ...inputs],
    updates: [parameters, ...state],
    readsFirst: true,
    flops: kernel.flops * parameters.size,
  });
}

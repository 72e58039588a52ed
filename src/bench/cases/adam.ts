import type { Device } from "../../gpu/device.ts";
import { adamCall } from "../../kernels/optimiser.ts";
import { ALL_FINITE } from "../../optim/step-state.ts";
import { variable } from "../../tensor/create.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { BuiltCase, KernelCase } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

const RULE = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false };
const RATE = 1e-3;
const STEP = 5;

/** One update of an arena of `size` parameters: p, m and v change in place. */
export function adamCase(size: number): KernelCase {
  return {
    name: "adam",
    shape: String(size),
    flops: 14 * size,
    bytes: 4 * 7 * size,
    terms: 1,
    build: (device) => build(device, size),
    reference:
      ([g, p, m, v]) =>
      (output, i) => {
        const { beta1, beta2, epsilon } = RULE;
        const gradient = g?.[i] as number;
        const first = beta1 * (m?.[i] as number) + (1 - beta1) * gradient;
        const second = beta2 * (v?.[i] as number) + (1 - beta2) * gradient ** 2;
        if (output === 1) return { value: first, size: 1 };
        if (output === 2) return { value: second, size: Math.abs(second) };
        const root = Math.sqrt(second / (1 - beta2 ** STEP)) + epsilon;
        const change = (RATE * first) / (1 - beta1 ** STEP) / root;
        // Parameters are small, so that an update shows in them.
        return { value: (p?.[i] as number) - change, size: 100 * RATE + Math.abs(change) };
      },
  };
}

async function build(device: Device, size: number): Promise<BuiltCase> {
  const [gradients, first] = randomOnDevice(device, [[size], [size]]) as [Tensor, Tensor];
  const [parameters] = randomOnDevice(device, [[size]], [-RATE, RATE]) as [Tensor];
  const [second] = randomOnDevice(device, [[size]], [0.01, 1]) as [Tensor];
  const word = <A extends Float32Array | Uint32Array>(data: A, label: string) =>
    variable(device, data, [data.length], label);
  const learningRate = word(Float32Array.of(RATE), "learning rate");
  const control = word(Float32Array.of(1, 0), "clipping");
  const flag = word(Uint32Array.of(ALL_FINITE), "flag");
  const step = word(Uint32Array.of(STEP), "step");
  const values = {
    gradients: gradients.value,
    learningRate: learningRate.value,
    control: control.value,
    flag: flag.value,
    step: step.value,
    count: step.value,
    parameters: parameters.value,
  };
  const substep = { substeps: 1, substep: 0 };
  const { program } = await record(device, () =>
    device.emit(adamCall(values, first.value, second.value, RULE, substep)),
  );
  return {
    program,
    inputs: [gradients, parameters, first, second],
    outputs: [parameters, first, second],
    others: [learningRate, control, flag, step],
  };
}

/** A million parameters, and those of the dense and of the convolutional VAE. */
export const adamCases: readonly KernelCase[] = [2 ** 20, 631_424, 134_464].map(adamCase);

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { Adam, AdamW } from "../../src/optim/adam.ts";
import type { Optimiser } from "../../src/optim/optimiser.ts";
import { RmsProp } from "../../src/optim/rmsprop.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { distance, expected, Problem, type Rule } from "./problem.ts";

const test = suite("optimisers");
const STEPS = 10;
const RATE = 0.05;

interface Case {
  readonly name: string;
  readonly make: (device: Device, parameters: readonly Tensor[]) => Optimiser;
  readonly rule: Rule;
}

// The rules are PyTorch's and TensorFlow's formulas, element by element.
const sgd =
  (momentum: number, nesterov: boolean, decay: number): Rule =>
  (p, gradient, s) => {
    const g = gradient + decay * p;
    s.v = momentum * (s.v ?? 0) + g;
    return p - RATE * (nesterov ? g + momentum * s.v : s.v);
  };

const adam =
  (b1: number, b2: number, epsilon: number, decay: number, decoupled: boolean): Rule =>
  (start, gradient, s, t) => {
    const p = decoupled ? start * (1 - RATE * decay) : start;
    const g = decoupled ? gradient : gradient + decay * start;
    s.m = b1 * (s.m ?? 0) + (1 - b1) * g;
    s.v = b2 * (s.v ?? 0) + (1 - b2) * g * g;
    return p - (RATE * (s.m / (1 - b1 ** t))) / (Math.sqrt(s.v / (1 - b2 ** t)) + epsilon);
  };

const rmspropPytorch =
  (alpha: number, epsilon: number, momentum: number, decay: number): Rule =>
  (p, gradient, s) => {
    const g = gradient + decay * p;
    s.square = alpha * (s.square ?? 0) + (1 - alpha) * g * g;
    s.u = momentum * (s.u ?? 0) + g / (Math.sqrt(s.square) + epsilon);
    return p - RATE * s.u;
  };

const rmspropTensorflow =
  (rho: number, epsilon: number, momentum: number): Rule =>
  (p, g, s) => {
    s.square = rho * (s.square ?? 1) + (1 - rho) * g * g;
    s.u = momentum * (s.u ?? 0) + (RATE * g) / Math.sqrt(s.square + epsilon);
    return p - s.u;
  };

const rate = { learningRate: RATE };
const cases: Case[] = [
  { name: "SGD", make: (d, p) => new Sgd(d, p, rate), rule: sgd(0, false, 0) },
  {
    name: "SGD with momentum and weight decay",
    make: (d, p) => new Sgd(d, p, { ...rate, momentum: 0.9, weightDecay: 0.1 }),
    rule: sgd(0.9, false, 0.1),
  },
  {
    name: "SGD with Nesterov's momentum",
    make: (d, p) => new Sgd(d, p, { ...rate, momentum: 0.8, nesterov: true }),
    rule: sgd(0.8, true, 0),
  },
  { name: "Adam", make: (d, p) => new Adam(d, p, rate), rule: adam(0.9, 0.999, 1e-8, 0, false) },
  {
    name: "Adam with its own settings",
    make: (d, p) =>
      new Adam(d, p, { ...rate, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
    rule: adam(0.5, 0.9, 1e-3, 0.1, false),
  },
  {
    name: "Adam without momentum",
    make: (d, p) => new Adam(d, p, { ...rate, beta1: 0 }),
    rule: adam(0, 0.999, 1e-8, 0, false),
  },
  {
    name: "AdamW",
    make: (d, p) => new AdamW(d, p, { ...rate, weightDecay: 0.2 }),
    rule: adam(0.9, 0.999, 1e-8, 0.2, true),
  },
  {
    name: "RMSProp of PyTorch",
    make: (d, p) => new RmsProp(d, p, rate),
    rule: rmspropPytorch(0.99, 1e-8, 0, 0),
  },
  {
    name: "RMSProp of PyTorch with momentum and weight decay",
    make: (d, p) =>
      new RmsProp(d, p, { ...rate, decay: 0.9, epsilon: 0.1, momentum: 0.5, weightDecay: 0.1 }),
    rule: rmspropPytorch(0.9, 0.1, 0.5, 0.1),
  },
  {
    name: "RMSProp of TensorFlow",
    make: (d, p) => new RmsProp(d, p, { ...rate, convention: "tensorflow" }),
    rule: rmspropTensorflow(0.9, 1e-10, 0),
  },
  {
    name: "RMSProp of TensorFlow with momentum",
    make: (d, p) =>
      new RmsProp(d, p, { ...rate, convention: "tensorflow", epsilon: 0.1, momentum: 0.5 }),
    rule: rmspropTensorflow(0.9, 0.1, 0.5),
  },
];

for (const { name, make, rule } of cases) {
  test(`${name} follows its formula, recorded`, async () => {
    const device = await testDevice();
    const problem = new Problem(device);
    const optimiser = make(device, problem.parameters);
    const program = await problem.record(optimiser);
    assert.is(program.statistics.copies, 0, "gradients are written in place");
    for (let step = 1; step <= STEPS; step++) {
      problem.setInputs(Problem.inputs(step));
      optimiser.setStep(step);
      program.run();
    }
    const error = distance(await problem.read(), expected(problem, rule, STEPS));
    assert.ok(error < 2e-5, `off by ${error}`);
    program.release();
  });
}

for (const { name, make, rule } of cases.filter((_, i) => i % 3 === 0)) {
  test(`${name} follows its formula, eager`, async () => {
    const device = await testDevice();
    const problem = new Problem(device);
    const optimiser = make(device, problem.parameters);
    for (let step = 1; step <= 4; step++) {
      problem.setInputs(Problem.inputs(step));
      optimiser.setStep(step);
      scope(device, () => optimiser.step(problem.gradients()));
    }
    const error = distance(await problem.read(), expected(problem, rule, 4));
    assert.ok(error < 2e-5, `off by ${error}`);
  });
}

test("Adam's bias correction is accurate at every step number", async () => {
  const device = await testDevice();
  const problem = new Problem(device);
  const optimiser = new Adam(device, problem.parameters, { learningRate: 1 });
  const program = await problem.record(optimiser);
  const state = Object.fromEntries(
    Object.entries(optimiser.state()).map(([name, { size }]) => [name, new Float32Array(size)]),
  );
  problem.setInputs(Problem.inputs(1));
  const start = problem.initial[1]?.[0] as number;
  const g = 2 * start * (Problem.inputs(1)[1]?.[0] as number);
  for (const t of [1, 2, 10, 100, 694, 1000, 12345, 1e6, 2 ** 31]) {
    for (const [i, p] of problem.parameters.entries())
      device.write(p.value, problem.initial[i] as Float32Array<ArrayBuffer>);
    optimiser.loadState(state);
    optimiser.setStep(t);
    program.run();
    const first = (0.1 * g) / (1 - 0.9 ** t);
    const second = (0.001 * g * g) / -Math.expm1(t * Math.log(0.999));
    const wanted = start - first / Math.sqrt(second);
    const [actual] = await (problem.parameters[1] as Tensor).data();
    const change = Math.abs(wanted - start);
    assert.ok(Math.abs((actual as number) - wanted) < 2e-6 * (1 + change), `step ${t}`);
  }
  program.release();
});

test.run();

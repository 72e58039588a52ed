import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import { CheckpointError, DTypeError, ShapeError, UsageError } from "../../src/gpu/errors.ts";
import { Value } from "../../src/gpu/value.ts";
import { globalNormCall } from "../../src/kernels/optimiser.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { Adam, AdamW } from "../../src/optim/adam.ts";
import { RmsProp } from "../../src/optim/rmsprop.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { ALL_FINITE } from "../../src/optim/step-state.ts";
import { parameter, scalar, tensor, variable } from "../../src/tensor/create.ts";
import { record, scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";
import { distance, expected, Problem, type Rule } from "./problem.ts";

const test = suite("optimiser");

const descent =
  (rate: (step: number) => number): Rule =>
  (p, g, _, step) =>
    p - rate(step) * g;

function norm(gradients: readonly (readonly number[])[]): number {
  return Math.hypot(...gradients.flat());
}

test("parameters keep their values when they move into the arena", async () => {
  const device = await testDevice();
  const problem = new Problem(device);
  new Sgd(device, problem.parameters, { learningRate: 0.1 });
  new Adam(device, problem.parameters, { learningRate: 0.1 }); // and on to the next one
  for (const [i, values] of (await problem.read()).entries())
    assert.equal(values, problem.initial[i]);
});

test("clips by the global norm", async () => {
  const device = await testDevice();
  const problem = new Problem(device);
  const optimiser = new Sgd(device, problem.parameters, { learningRate: 0.1, clipNorm: 5 });
  const program = await problem.record(optimiser);
  const clip = (gradients: readonly number[][]) => Math.min(1, 5 / (norm(gradients) + 1e-6));
  const factors: number[] = [];
  for (let step = 1; step <= 6; step++) {
    problem.setInputs(Problem.inputs(step));
    optimiser.setStep(step);
    program.run();
    factors.push((await optimiser.clipping.data())[0] as number);
  }
  const wanted: number[] = [];
  const end = expected(
    problem,
    descent(() => 0.1),
    6,
    (g) => {
      wanted.push(clip(g));
      return wanted.at(-1) as number;
    },
  );
  assert.ok(
    wanted.some((f) => f < 1),
    "clips at some step",
  );
  for (const [i, f] of wanted.entries())
    assert.ok(Math.abs((factors[i] as number) - f) < 1e-5, `factor ${factors[i]}, not ${f}`);
  assert.ok(distance(await problem.read(), end) < 1e-5);
  program.release();
});

test("leaves gradients below the limit alone, to the bit", async () => {
  const device = await testDevice();
  const results: Float32Array[][] = [];
  for (const clip of [{}, { clipNorm: 1e6 }]) {
    const problem = new Problem(device);
    const optimiser = new Adam(device, problem.parameters, { learningRate: 0.1, ...clip });
    problem.setInputs(Problem.inputs(1));
    scope(device, () => optimiser.step(problem.gradients()));
    const [factor, length] = await optimiser.clipping.data();
    assert.is(factor, 1);
    if (clip.clipNorm) {
      const x = Problem.inputs(1);
      const g = problem.initial.map((p, i) =>
        Array.from(p, (v, k) => 2 * v * (x[i]?.[k] as number)),
      );
      assert.ok(Math.abs((length as number) / norm(g) - 1) < 1e-5, "the norm is noted");
    }
    results.push(await problem.read());
  }
  assert.equal(results[0], results[1]);
});

test("a norm that overflows moves nothing", async () => {
  const device = await testDevice();
  const p = parameter(device, Float32Array.of(1, 2), [2], "p");
  const optimiser = new Sgd(device, [p], { learningRate: 1, clipNorm: 1 });
  optimiser.step([tensor(device, [1e30, 1])]);
  assert.equal(await p.data(), Float32Array.of(1, 2));
  assert.is(await optimiser.stepState.nonFiniteStep.item(), ALL_FINITE);
});

test("a gradient that is not finite stops the updates and notes the step", async () => {
  const device = await testDevice();
  for (const [clip, bad] of [
    [{}, Number.NaN],
    [{ clipNorm: 1 }, Number.NEGATIVE_INFINITY],
  ] as const) {
    const problem = new Problem(device);
    const optimiser = new Adam(device, problem.parameters, { learningRate: 0.1, ...clip });
    const program = await problem.record(optimiser);
    let before: Float32Array[] = [];
    let state: Float32Array[] = [];
    const read = () => Promise.all(Object.values(optimiser.state()).map((t) => t.data()));
    for (let step = 1; step <= 5; step++) {
      const inputs = Problem.inputs(step);
      if (step === 3) (inputs[4] as Float32Array)[77] = bad;
      problem.setInputs(inputs);
      optimiser.setStep(step);
      program.run();
      if (step === 2) {
        before = await problem.read();
        state = await read();
        assert.is(await optimiser.stepState.nonFiniteStep.item(), ALL_FINITE);
      }
    }
    assert.is(await optimiser.stepState.nonFiniteStep.item(), 3);
    assert.equal(await problem.read(), before, "parameters stay");
    assert.equal(await read(), state, "the state stays");

    // Cleared, the optimiser goes on.
    optimiser.stepState.clearNonFinite();
    program.run();
    assert.not.equal(await problem.read(), before);
    program.release();
  }
});

test("a guarded tensor that is not finite stops the updates", async () => {
  const device = await testDevice();
  const p = parameter(device, Float32Array.of(1, 2, 3), [3], "p");
  const optimiser = new Sgd(device, [p], { learningRate: 1 });
  const g = tensor(device, [1, 1, 1]);
  const fine = tensor(device, new Float32Array(1000));
  const spoilt = tensor(device, new Float32Array(1001).fill(Number.NaN, 1000));
  optimiser.step([g], { guard: [fine, scalar(device, 3)] });
  assert.equal(await p.data(), Float32Array.of(0, 1, 2));
  optimiser.setStep(7);
  optimiser.step([g], { guard: [fine, spoilt] });
  optimiser.setStep(8);
  optimiser.step([g]);
  assert.equal(await p.data(), Float32Array.of(0, 1, 2));
  assert.is(await optimiser.stepState.nonFiniteStep.item(), 7);
});

test("optimisers that work together stop together", async () => {
  const device = await testDevice();
  const p = parameter(device, Float32Array.of(1), [1], "p");
  const q = parameter(device, Float32Array.of(1), [1], "q");
  const first = new Sgd(device, [p], { learningRate: 1 });
  const second = new Adam(device, [q], { learningRate: 1, stepState: first.stepState });
  first.setStep(4);
  first.step([tensor(device, [Number.NaN])]);
  second.step([tensor(device, [1])]);
  assert.is(await second.stepState.nonFiniteStep.item(), 4);
  assert.equal(await q.data(), Float32Array.of(1));
});

test("a new learning rate takes effect without a new recording", async () => {
  const device = await testDevice();
  const problem = new Problem(device);
  const optimiser = new Sgd(device, problem.parameters, { learningRate: 0.1 });
  const program = await problem.record(optimiser);
  const rate = (step: number) => 0.1 / step;
  for (let step = 1; step <= 4; step++) {
    problem.setInputs(Problem.inputs(step));
    optimiser.setStep(step);
    optimiser.setLearningRate(rate(step));
    program.run();
  }
  assert.ok(distance(await problem.read(), expected(problem, descent(rate), 4)) < 1e-5);
  program.release();
});

test("a step is two dispatches, three with clipping, and no copy", async () => {
  const device = await testDevice();
  for (const [options, dispatches] of [
    [{}, 2],
    [{ clipNorm: 1 }, 3],
  ] as const) {
    const problem = new Problem(device);
    const optimiser = new RmsProp(device, problem.parameters, { learningRate: 0.1, ...options });
    const program = await problem.record(optimiser);
    const updates = program.steps.filter(
      (s) => s.kind === "dispatch" && /gradientCheck|globalNorm|rmsprop/.test(s.op),
    );
    assert.is(updates.length, dispatches);
    assert.is(program.statistics.copies, 0);
    assert.is(program.statistics.submits, 1);
    program.release();
  }
});

test("state that was read and put back continues the same path, to the bit", async () => {
  const device = await testDevice();
  const run = async (interrupted: boolean) => {
    const problem = new Problem(device);
    let optimiser = new Adam(device, problem.parameters, { learningRate: 0.1 });
    for (let step = 1; step <= 4; step++) {
      if (interrupted && step === 3) {
        const saved = Object.fromEntries(
          await Promise.all(
            Object.entries(optimiser.state()).map(async ([k, t]) => [k, await t.data()] as const),
          ),
        );
        optimiser = new Adam(device, problem.parameters, { learningRate: 0.1 });
        optimiser.loadState(saved);
      }
      problem.setInputs(Problem.inputs(step));
      optimiser.setStep(step);
      scope(device, () => optimiser.step(problem.gradients()));
    }
    return problem.read();
  };
  assert.equal(await run(true), await run(false));
});

test("refuses state of another optimiser and changes nothing", async () => {
  const device = await testDevice();
  const p = parameter(device, new Float32Array(3), [3], "p");
  const adam = new Adam(device, [p], { learningRate: 0.1 });
  const arena = () => new Float32Array(64).fill(1);
  for (const [state, pattern] of [
    [{ exp_avg: arena() }, /adam: state "exp_avg_sq" is missing, expected 64/],
    [{ exp_avg: arena(), exp_avg_sq: new Float32Array(3) }, /"exp_avg_sq" has 3 elements/],
    [{ exp_avg: arena(), exp_avg_sq: arena(), square_avg: arena() }, /no state "square_avg"/],
  ] as const)
    await rejects(() => adam.loadState(state), CheckpointError, pattern);
  for (const t of Object.values(adam.state())) assert.equal(await t.data(), new Float32Array(64));
});

test("refuses gradients that do not fit, naming the parameter", async () => {
  const device = await testDevice();
  const p = parameter(device, new Float32Array(3), [3], "encoder.weight");
  const q = parameter(device, new Float32Array(2), [2], "encoder.bias");
  const sgd = new Sgd(device, [p, q], { learningRate: 0.1 });
  const good = tensor(device, [1, 1, 1]);
  const step = (gradients: (Tensor | undefined)[]) => () => sgd.step(gradients);
  await rejects(step([good]), ShapeError, /no gradient of parameters\[1\] \(encoder\.bias \[2\]\)/);
  await rejects(step([undefined, good]), ShapeError, /no gradient of parameters\[0\]/);
  await rejects(step([good, good]), ShapeError, /parameters\[1\] \(encoder\.bias \[2\]\) is \[3\]/);
  await rejects(step([good, good, good]), ShapeError, /3 gradients for 2 parameters/);
  const integers = tensor(device, new Uint32Array(2));
  await rejects(step([good, integers as never]), DTypeError, /holds u32/);
  const guard = Array.from({ length: 5 }, () => scalar(device, 1));
  const two = tensor(device, [1, 1]);
  await rejects(() => sgd.step([good, two], { guard }), ShapeError, /5 guards, at most 4/);
});

test("refuses parameters and settings that make no sense", async () => {
  const device = await testDevice();
  const make = () => parameter(device, new Float32Array(3), [3], "w");
  const p = make();
  const rate = { learningRate: 0.1 };
  await rejects(() => new Sgd(device, [], rate), ShapeError, /no parameters/);
  await rejects(
    () => new Sgd(device, [p, p], rate),
    UsageError,
    /^sgd: parameters\[1\] \(w \[3\]\) is given twice$/,
  );
  for (const [op, Kind] of Object.entries({ adam: Adam, adamw: AdamW, rmsprop: RmsProp, sgd: Sgd }))
    await rejects(
      () => new Kind(device, [p, tensor(device, [1])], rate),
      UsageError,
      new RegExp(
        `^${op}: parameters\\[1\\] \\(tensor \\[1\\]\\) is no variable that can change, wanted a parameter: .+ makes one$`,
      ),
    );
  const words = variable(device, new Uint32Array(2), [2], "w");
  await rejects(() => new Adam(device, [words as never], rate), DTypeError, /holds u32/);
  const settings: [() => unknown, RegExp][] = [
    [() => new Sgd(device, [make()], { learningRate: Number.NaN }), /learningRate is NaN/],
    [() => new Sgd(device, [make()], { learningRate: -1 }), /learningRate is -1/],
    [() => new Adam(device, [make()], { ...rate, beta1: 1 }), /beta1 is 1, outside \[0, 1\)/],
    [() => new Adam(device, [make()], { ...rate, epsilon: -1 }), /epsilon is -1/],
    [() => new RmsProp(device, [make()], { ...rate, decay: 1.5 }), /decay is 1.5/],
    [() => new Sgd(device, [make()], { ...rate, clipNorm: -2 }), /clipNorm is -2/],
  ];
  for (const [run, pattern] of settings) await rejects(run, ShapeError, pattern);
  await rejects(() => new Sgd(device, [p], { ...rate, nesterov: true }), UsageError, /momentum/);
  await rejects(
    () => record(device, () => void new Sgd(device, [make()], rate)),
    UsageError,
    /before the step is recorded/,
  );
});

test("empty parameters take part", async () => {
  const device = await testDevice();
  const none = parameter(device, new Float32Array(0), [0, 3], "none");
  const p = parameter(device, Float32Array.of(1), [1], "p");
  const sgd = new Sgd(device, [none, p], { learningRate: 1 });
  sgd.step([tensor(device, new Float32Array(0), [0, 3]), tensor(device, [0.25])]);
  assert.equal(await p.data(), Float32Array.of(0.75));
  assert.is((await none.data()).length, 0);
});

test("the kernel of the norm has no races", async () => {
  const device = await testDevice();
  const values = new HostRandom(3).uniform(150);
  const control = new Float32Array(2);
  const shares = new Value(device, "f32", values.length, "shares");
  const { code } = globalNormCall(shares, 2, new Value(device, "f32", 2, "control")).kernel();
  const run = (text: string) =>
    detectRaces(text, "main", [1, 1, 1], { 0: { 0: values, 1: control } });
  const { races, errors } = run(code);
  assert.equal(errors, []);
  assert.is(races.length, 0);
  const wanted = Math.sqrt(values.reduce((a, b) => a + b, 0));
  assert.ok(Math.abs((control[1] as number) / wanted - 1) < 1e-5);
  assert.ok(run(code.replaceAll("workgroupBarrier();", "")).races.length > 0);
});

test.run();

/** Several updates in a step, and several optimisers on the same parameters. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ShapeError, UsageError } from "../../src/gpu/errors.ts";
import { Adam } from "../../src/optim/adam.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { ALL_FINITE } from "../../src/optim/step-state.ts";
import { parameter, tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("several updates");

const rule = { learningRate: 0.1, beta1: 0.5, beta2: 0.9 };
const gradients = [0.3, -2, 0.7, 1.5, -0.4, 0.2];

/** Three parameters of different lengths, beginning at 1, 2 and 3. */
async function weights() {
  const device = await testDevice();
  const made = [1, 2, 3].map((x) => parameter(device, new Float32Array(70).fill(x), [70], `p${x}`));
  const filled = (x: number) => tensor(device, new Float32Array(70).fill(x), [70]);
  const values = async () => {
    const all = await Promise.all(made.map((p) => p.data()));
    return all.map((data) => data[69] as number);
  };
  return { device, made, filled, values };
}

test("three updates in each of two steps are the six of a plain optimiser", async () => {
  const plain = await weights();
  const reference = new Adam(plain.device, plain.made, rule);
  for (const [i, g] of gradients.entries()) {
    reference.setStep(i + 1);
    reference.step(plain.made.map(() => plain.filled(g)));
  }
  const several = await weights();
  const optimiser = new Adam(several.device, several.made, { ...rule, substeps: 3 });
  for (const [i, g] of gradients.entries()) {
    optimiser.setStep(Math.floor(i / 3) + 1);
    const substep = i % 3;
    optimiser.step(
      several.made.map(() => several.filled(g)),
      { substep },
    );
  }
  assert.equal(await several.values(), await plain.values());
  await rejects(
    () => optimiser.step([], { substep: 3 }),
    ShapeError,
    /substep 3 of a step with 3 updates/,
  );
});

test("an optimiser of a later stage counts the steps of that stage", async () => {
  const { device, made, filled, values } = await weights();
  const first = new Sgd(device, made.slice(0, 1), { learningRate: 1 });
  const later = new Adam(device, made.slice(1), {
    ...{ ...rule, stepState: first.stepState },
  });
  first.stepState.moveTo({ step: 1000, stageStep: 1 });
  later.step([filled(0.5), filled(-3)]);
  // The first step of Adam is the learning rate itself, whatever the gradient.
  const [, b = 0, c = 0] = await values();
  assert.ok(Math.abs(b - 1.9) < 1e-6 && Math.abs(c - 3.1) < 1e-6, `${b} ${c}`);
  // What is not finite is noted by the step's number, not by the stage's.
  first.stepState.moveTo({ step: 1001, stageStep: 2 });
  later.step([filled(Number.NaN), filled(1)]);
  assert.equal(await first.stepState.nonFiniteStep.item(), 1001);
});

test("a second optimiser moves some of the first one's parameters, with a state of its own", async () => {
  const { device, made, filled, values } = await weights();
  const [a, b, c] = made as [(typeof made)[0], (typeof made)[0], (typeof made)[0]];
  const all = new Sgd(device, made, { learningRate: 1 });
  const some = new Adam(device, [b, c], {
    ...rule,
    stepState: all.stepState,
    parameterGroupOf: all,
  });
  all.step([filled(0.5), filled(0.5), filled(0.5)]);
  assert.equal(await values(), [0.5, 1.5, 2.5]);
  some.step([filled(3), filled(-3)]);
  const after = await values();
  assert.is(after[0], 0.5);
  // Adam's first step is the rate itself, against the sign of the gradient.
  assert.ok(Math.abs(after[1]! - 1.4) < 1e-5 && Math.abs(after[2]! - 2.6) < 1e-5, `${after}`);
  all.step([filled(0), filled(1), filled(0)]);
  assert.ok(Math.abs((await values())[1]! - 0.4) < 1e-5, "both work on one memory");
  const state = some.state();
  assert.is(state.exp_avg!.size, 2 * 128);
  await rejects(
    async () =>
      new Adam(device, [a, c], { ...rule, stepState: all.stepState, parameterGroupOf: all }),
    UsageError,
    /^adam: parameters\[1\] .* has another place in options\.parameterGroupOf, sgd$/,
  );
});

test("a value that is not finite in one stops all of them", async () => {
  const { device, made, filled, values } = await weights();
  const all = new Sgd(device, made, { learningRate: 1 });
  const some = new Adam(device, made.slice(0, 1), {
    ...rule,
    stepState: all.stepState,
    parameterGroupOf: all,
  });
  all.setStep(4);
  some.step([filled(Number.NaN)]);
  all.step(made.map(() => filled(1)));
  assert.equal(await values(), [1, 2, 3]);
  assert.is(await all.stepState.nonFiniteStep.item(), 4);
  assert.is(some.stepState, all.stepState);
  some.loadState(
    Object.fromEntries(
      Object.entries(some.state()).map(([name, t]) => [name, new Float32Array(t.size)]),
    ),
  );
  assert.is(await all.stepState.nonFiniteStep.item(), ALL_FINITE);
});

test.run();

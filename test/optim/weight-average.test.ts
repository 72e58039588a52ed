import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { Sgd } from "../../src/optim/sgd.ts";
import { WeightAverage } from "../../src/optim/weight-average.ts";
import { parameter, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("average of the weights");

/** Two parameters that gradient descent moves by −rate · slope in each step. */
async function problem(decay: number) {
  const device = await testDevice();
  const a = parameter(device, Float32Array.of(1, -2, 3), [3], "a");
  const b = parameter(device, new Float32Array(100).fill(0.5), [100], "b");
  const slope = variable(device, Float32Array.of(1), [], "slope");
  const optimiser = new Sgd(device, [a, b], { learningRate: 0.25 });
  const average = new WeightAverage(optimiser, decay);
  const { program } = await record(device, () => {
    const loss = mul(sum(mul(a, 1)), slope);
    const other = mul(sum(b), slope);
    optimiser.step([...grad(loss, [a]), ...grad(other, [b])]);
    average.update();
  });
  const step = (number: number, value = 1) => {
    slope.set(Float32Array.of(value));
    optimiser.setStep(number);
    program.run();
  };
  const averages = async () => optimiser.partsOf(await average.arena.data());
  return { a, b, step, average, averages };
}

test("follows the formula, with the decay growing to its value", async () => {
  for (const decay of [0, 0.5, 0.99]) {
    const { a, b, step, averages } = await problem(decay);
    const weights = [1, -2, 3, 0.5];
    const expected = [...weights];
    for (let t = 1; t <= 30; t++) {
      step(t);
      const d = Math.min(decay, (1 + t) / (10 + t));
      for (let i = 0; i < 4; i++) {
        weights[i]! -= 0.25;
        expected[i]! += (1 - d) * (weights[i]! - expected[i]!);
      }
    }
    const [first, second] = (await averages()) as [Float32Array, Float32Array];
    const found = [...first, second[99]!];
    for (const [i, value] of found.entries())
      assert.ok(Math.abs(value - expected[i]!) < 1e-5 * Math.abs(expected[i]!) + 1e-6, `${found}`);
    assert.is((await a.data())[0], weights[0]);
    assert.is((await b.data())[7], weights[3]);
  }
});

test("begins with the weights as they are", async () => {
  const { averages } = await problem(0.9);
  const [first, second] = (await averages()) as [Float32Array, Float32Array];
  assert.equal([...first], [1, -2, 3]);
  assert.ok(second.every((value) => value === 0.5));
});

test("exchange swaps both, bit for bit, and back", async () => {
  const { a, step, average, averages } = await problem(0.9);
  for (let t = 1; t <= 3; t++) step(t);
  const weights = [...(await a.data())];
  const means = [...((await averages())[0] as Float32Array)];
  assert.not.equal(weights, means);
  average.exchange();
  assert.equal([...(await a.data())], means);
  assert.equal([...((await averages())[0] as Float32Array)], weights);
  average.exchange();
  assert.equal([...(await a.data())], weights);
  assert.equal([...((await averages())[0] as Float32Array)], means);
});

test("stays as it is from a step on that is not finite", async () => {
  const { step, averages } = await problem(0.9);
  step(1);
  const before = [...((await averages())[0] as Float32Array)];
  step(2, Number.NaN);
  step(3);
  assert.equal([...((await averages())[0] as Float32Array)], before);
});

test("refuses a decay of 1 and more", async () => {
  const device = await testDevice();
  const optimiser = new Sgd(device, [parameter(device, Float32Array.of(1), [1], "w")], {
    learningRate: 1,
  });
  for (const decay of [1, -0.1, Number.NaN])
    await rejects(() => new WeightAverage(optimiser, decay), ShapeError, /decay is/);
});

test.run();

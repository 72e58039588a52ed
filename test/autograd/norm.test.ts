import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { square, tanh } from "../../src/autograd/ops/elementwise.ts";
import { batchNorm, batchNormEval } from "../../src/autograd/ops/norm.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { assertClose, type Host, randomHost, upload } from "../support/host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("batch normalisation");

function statistics(x: Host): { mean: number[]; variance: number[]; count: number } {
  const channels = x.shape.at(-1)!;
  const count = x.data.length / channels;
  const of = (f: (v: number, c: number) => number) =>
    Array.from({ length: channels }, (_, c) =>
      x.data.reduce((s, v, i) => (i % channels === c ? s + f(v, c) : s), 0),
    ).map((s) => s / count);
  const mean = of((v) => v);
  return { mean, variance: of((v, c) => (v - mean[c]!) ** 2), count };
}

test("train: normalises every channel and moves the running statistics", async () => {
  const device = await testDevice();
  for (const shape of [
    [6, 3],
    [4, 3, 2, 4],
    [2, 5, 5, 3],
  ]) {
    const channels = shape.at(-1)!;
    const x = randomHost(shape, 1);
    const [gamma, beta] = [randomHost([channels], 2), randomHost([channels], 3)];
    const running = {
      mean: variable(device, new Float32Array(channels).fill(0.5), [channels], "mean"),
      variance: variable(device, new Float32Array(channels).fill(2), [channels], "variance"),
    };
    const options = { epsilon: 1e-3, momentum: 0.25, running };
    const y = batchNorm(await upload(x), await upload(gamma), await upload(beta), options);
    const { mean, variance, count } = statistics(x);
    const want = x.data.map((v, i) => {
      const c = i % channels;
      const standard = (v - mean[c]!) / Math.sqrt(variance[c]! + 1e-3);
      return standard * gamma.data[c]! + beta.data[c]!;
    });
    await assertClose(y, { shape, data: want }, `${shape}`);
    const moved = Float64Array.from(mean, (m) => 0.75 * 0.5 + 0.25 * m);
    await assertClose(running.mean, { shape: [channels], data: moved }, "running mean");
    const spread = Float64Array.from(variance, (v) => 0.75 * 2 + (0.25 * v * count) / (count - 1));
    await assertClose(running.variance, { shape: [channels], data: spread }, "running variance");
  }
});

test("eval uses the running statistics and leaves them alone", async () => {
  const device = await testDevice();
  const x = tensor(device, [
    [1, 2],
    [3, 4],
  ]);
  const running = {
    mean: variable(device, Float32Array.of(1, 0), [2], "mean"),
    variance: variable(device, Float32Array.of(4, 1), [2], "variance"),
  };
  const y = batchNormEval(x, tensor(device, [1, 2]), tensor(device, [0, 1]), running, 0);
  assert.equal(
    [...(await y.data())].map((v) => Math.round(v * 1e5) / 1e5),
    [0, 5, 1, 9],
  );
  assert.equal([...(await running.mean.data())], [1, 0]);
});

test("first and second derivatives of x, γ and β", async () => {
  const gamma = await upload(randomHost([3], 2));
  const beta = await upload(randomHost([3], 3));
  for (const shape of [
    [5, 3],
    [2, 3, 2, 3],
  ]) {
    const x = await upload(randomHost(shape, 4));
    await checkGradients(
      (t, g, b) => tanh(batchNorm(t, g, b, { epsilon: 0.1 })),
      [x, gamma, beta],
      {
        second: true,
      },
    );
  }
  const x = await upload(randomHost([5, 3], 5));
  const running = {
    mean: await upload(randomHost([3], 6)),
    variance: await upload({ shape: [3], data: Float64Array.of(1, 2, 0.5) }),
  };
  await checkGradients((t, g, b) => square(batchNormEval(t, g, b, running)), [x, gamma, beta], {
    second: true,
  });
});

test("a recorded step updates the running statistics at every run", async () => {
  const device = await testDevice();
  const x = await upload(randomHost([8, 4], 1));
  const gamma = track(tensor(device, new Float32Array(4).fill(1)));
  const beta = track(tensor(device, new Float32Array(4)));
  const running = {
    mean: variable(device, new Float32Array(4), [4], "mean"),
    variance: variable(device, new Float32Array(4).fill(1), [4], "variance"),
  };
  const { program } = await record(device, () =>
    grad(sum(square(batchNorm(x, gamma, beta, { running, momentum: 0.5 }))), [gamma, beta]),
  );
  for (let i = 0; i < 3; i++) program.run();
  const { mean } = statistics(randomHost([8, 4], 1));
  const want = Float64Array.from(mean, (m) => m * (1 - 0.5 ** 3));
  await assertClose(running.mean, { shape: [4], data: want }, "running mean after three runs");
  program.release();
});

test("vectors of another length are refused", async () => {
  const device = await testDevice();
  const x = await upload(randomHost([4, 3]));
  const [three, two] = [tensor(device, [1, 1, 1]), tensor(device, [1, 1])];
  await rejects(() => batchNorm(x, two, three), ShapeError, /gamma is \[2\] for 3 channels/);
  await rejects(() => batchNorm(two, two, two), ShapeError, /\[2\] is not \[batch/);
});

test.run();

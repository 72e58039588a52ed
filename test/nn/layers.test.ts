import { suite } from "uvu";
import * as assert from "uvu/assert";
import { square } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import { BatchNorm } from "../../src/nn/batch-norm.ts";
import { Conv2d, ConvTranspose2d } from "../../src/nn/convolution.ts";
import { HostRandom, heNormal } from "../../src/nn/initialisers.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Flatten, LeakyReLU, ReLU, Sequential, Tanh, Unflatten } from "../../src/nn/sequential.ts";
import { tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";

const test = suite("layers");

const close = (a: ArrayLike<number>, b: readonly number[], within = 1e-5): void => {
  assert.is(a.length, b.length);
  for (let i = 0; i < b.length; i++)
    assert.ok(
      Math.abs((a[i] as number) - (b[i] as number)) <= within,
      `element ${i}: ${a[i]}, expected ${b[i]}`,
    );
};

test("linear multiplies and adds its bias", async () => {
  const device = await testDevice();
  const layer = new Linear(device, new HostRandom(1), 3, 2);
  const [w, x] = [await layer.weight.data(), [1, -2, 0.5, 3, 0, 1]];
  const y = await layer.forward(tensor(device, Float32Array.from(x), [2, 3])).data();
  const expected = [0, 1].flatMap((row) =>
    [0, 1].map((col) =>
      [0, 1, 2].reduce((s, k) => s + (x[row * 3 + k] as number) * (w[k * 2 + col] as number), 0),
    ),
  );
  close(y, expected);
  assert.is(new Linear(device, new HostRandom(1), 3, 2, { bias: false }).parameters().length, 1);
});

test("a network's parameters have PyTorch's names, in order", async () => {
  const device = await testDevice();
  const random = new HostRandom(1);
  const net = new Sequential(
    new Conv2d(device, random, 1, 2, 3, { stride: 2, initialiser: heNormal }),
    new BatchNorm(device, 2),
    ReLU(),
    new Sequential(Flatten(), new Linear(device, random, 8, 8), Tanh(), Unflatten([2, 2, 2])),
    new ConvTranspose2d(device, random, 2, 1, 3, { stride: 2, bias: false }),
    LeakyReLU(),
  );
  assert.equal(
    net.parameters().map((p) => p.name),
    ["0.weight", "0.bias", "1.weight", "1.bias", "3.1.weight", "3.1.bias", "4.weight"],
  );
  assert.equal(
    net.buffers().map((p) => p.name),
    ["1.running_mean", "1.running_var"],
  );
  assert.is(net.parameterCount(), 18 + 2 + 2 + 2 + 64 + 8 + 18);
  const y = net.forward(tensor(device, random.uniform(32), [2, 4, 4, 1]));
  assert.equal(y.shape, [2, 4, 4, 1]);
  const tensors = net.parameters().map((p) => p.tensor);
  const gradients = grad(sum(square(y)), tensors);
  for (const [i, g] of gradients.entries()) assert.equal(g.shape, tensors[i]?.shape);
});

test("batch norm trains on the batch and evaluates on running statistics", async () => {
  const device = await testDevice();
  const layer = new BatchNorm(device, 1, { momentum: 0.5, epsilon: 0 });
  const x = tensor(device, [[1], [3], [5], [7]]);
  const root5 = Math.sqrt(5);
  close(await layer.forward(x).data(), [-3 / root5, -1 / root5, 1 / root5, 3 / root5]);
  // Mean 4 and unbiased variance 20/3, half of them in place of 0 and 1.
  close(await layer.runningMean.data(), [2]);
  close(await layer.runningVariance.data(), [0.5 + 10 / 3]);
  layer.train(false);
  const scale = Math.sqrt(0.5 + 10 / 3);
  close(await layer.forward(x).data(), [-1 / scale, 1 / scale, 3 / scale, 5 / scale]);
  close(await layer.runningMean.data(), [2]);
});

test("switching to evaluation reaches nested layers", async () => {
  const device = await testDevice();
  const inner = new BatchNorm(device, 1);
  const net = new Sequential(new Sequential(inner)).train(false);
  assert.not(inner.training);
  net.train();
  assert.ok(inner.training);
});

test.run();

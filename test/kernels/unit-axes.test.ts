/** Recordings in which a reduction along axes of length 1 meets what else reads its input. */
import { suite } from "uvu";
import { leakyRelu, mul, neg, square, sub } from "../../src/autograd/ops/elementwise.ts";
import { mean, min } from "../../src/autograd/ops/reduce.ts";
import { logSoftmax } from "../../src/autograd/ops/softmax.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import { variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { checkFused } from "../support/fused.ts";
import { numbers } from "../support/products.ts";

const test = suite("axes of length 1");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function random(shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return variable(device, numbers(size, seed), shape, `x${seed}`);
}

test("a tensor minus its mean over one row", async () => {
  const x = random([1, 4], 1);
  await checkFused(device, "centred", () => {
    const u = mul(x, x);
    return sub(u, mean(u, 0, true));
  });
});

test("the derivative of logSoftmax along one element", async () => {
  const x = random([3, 1], 2);
  const weights = random([3, 1], 3);
  await checkFused(device, "logSoftmax", () => {
    const t = track(x);
    return grad(sum(mul(square(logSoftmax(t)), weights)), [t]);
  });
});

test("weighted cross-entropy with one class", async () => {
  const [x, weights, target] = [random([4, 1], 4), random([1], 5), random([4, 1], 6)];
  await checkFused(device, "cross-entropy", () => {
    const t = track(x);
    const loss = neg(mean(sum(mul(mul(target, weights), logSoftmax(t)), 1)));
    return [loss, ...grad(loss, [t])];
  });
});

test("the second derivative of the smallest over a batch of one", async () => {
  const x = random([1, 4], 7);
  await checkFused(device, "min", () => {
    const t = track(x);
    const [first] = grad(sum(square(min(leakyRelu(t), 0))), [t], { createGraph: true });
    return [first as Tensor, ...grad(sum(square(first as Tensor)), [t])];
  });
});

test.run();

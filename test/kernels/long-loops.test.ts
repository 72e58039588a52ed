/** Work that is too long for the loops of one thread: some adapters end them without a word. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { scatterAdd } from "../../src/autograd/ops/indexing.ts";
import { argmax, max } from "../../src/autograd/ops/reduce.ts";
import { logSoftmax, softmax } from "../../src/autograd/ops/softmax.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import { full, tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";

const test = suite("long loops");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

/** Zeros, and 1 at the end. */
function lastOfMany(n: number): Tensor {
  const data = new Float32Array(n);
  data[n - 1] = 1;
  return tensor(device, data, [n]);
}

// No multiples of 4, which threads would take four at a time.
for (const n of [229_375, 262_143])
  test(`a sum and an extremum of ${n} elements`, async () => {
    assert.equal([...(await sum(full(device, [n], 1)).data())], [n]);
    assert.equal([...(await max(lastOfMany(n)).data())], [1]);
  });

test("the place of the largest of 200,000", async () => {
  assert.equal([...(await argmax(lastOfMany(200_000)).data())], [199_999]);
});

test("sums over 70,001 indices", async () => {
  const indices = new Uint32Array(70_001).map((_, i) => i % 2);
  const sums = scatterAdd(full(device, [70_001, 3], 1), tensor(device, indices), 3);
  assert.equal([...(await sums.data())], [35_001, 35_001, 35_001, 35_000, 35_000, 35_000, 0, 0, 0]);
});

test("probabilities of 30,001 classes", async () => {
  const classes = full(device, [1, 30_001], 2.5);
  const [p, log] = [await softmax(classes).data(), await logSoftmax(classes).data()];
  for (const i of [0, 15_000, 30_000]) {
    assert.ok(Math.abs(p[i]! * 30_001 - 1) < 1e-5, `${p[i]}`);
    assert.ok(Math.abs(log[i]! + Math.log(30_001)) < 1e-5, `${log[i]}`);
  }
});

test.run();

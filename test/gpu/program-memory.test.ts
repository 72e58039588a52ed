/** Where the values of a recorded program lie. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import type { Device } from "../../src/gpu/device.ts";
import { GpuValidationError } from "../../src/gpu/errors.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record, scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { assign, list, opaque, scale } from "../support/hand-ops.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("memory of recorded programs");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function weights(numbers: readonly number[], label = "w"): Tensor {
  return variable(device, Float32Array.from(numbers), [numbers.length], label);
}

test("a part of an arena and the arena are known to be the same memory", async () => {
  const arena = weights(new Array(128).fill(1), "arena");
  const part = weights(new Array(64).fill(0), "part");
  device.rehome(part.value, arena.value, 256);
  const { program, result } = await record(device, () => {
    const before = mul(part, 10);
    scale(arena, 3);
    return { before: add(before, 1), after: add(part, 0) };
  });
  program.run();
  assert.is((await result.before.data())[5], 11);
  assert.is((await result.after.data())[5], 1 * 3);
  program.run();
  assert.is((await result.before.data())[5], 31);
  program.release();
});

test("values packed into an arena are written there, without a copy", async () => {
  const arena = weights(new Array(160).fill(0), "arena");
  const x = weights(Array.from({ length: 64 }, (_, i) => i));
  const { program } = await record(device, () => {
    const [a, b] = [opaque(x, 2), opaque(x, 3)];
    assign(arena, [a, 0], [b, 64]);
    scale(arena, 10);
  });
  assert.equal(program.statistics.copies, 0);
  assert.is(program.statistics.peakBytes, 0);
  program.run();
  const data = await arena.data();
  for (const i of [0, 1, 63]) {
    assert.is(data[i], 10 * (2 * i + 1));
    assert.is(data[64 + i], 10 * (3 * i + 1));
  }
  assert.is(data[128], 0);
  program.release();
});

test("what cannot be written in place is copied, to its last element and no further", async () => {
  const arena = weights(new Array(132).fill(-1), "arena");
  const x = weights([1, 2, 3]);
  const { program } = await record(device, () => {
    const a = opaque(x, 2);
    const b = opaque(a, 3); // reads a and would write beside it
    assign(arena, [a, 64], [b, 0], [opaque(x), 61], [a, 129]);
  });
  assert.ok(program.statistics.copies >= 3);
  for (const run of [() => program.run(), () => program.runEager()]) {
    arena.set(new Float32Array(132).fill(-1));
    run();
    const data = [...(await arena.data())];
    assert.equal(data.slice(0, 4), [10, 16, 22, -1]);
    assert.equal(data.slice(60, 68), [-1, 2, 3, 4, 3, 5, 7, -1]);
    assert.equal(data.slice(128), [-1, 3, 5, 7]);
  }
  program.release();
});

test("copies within one buffer work, eager and recorded", async () => {
  const arena = weights([1, 2, 3, 4, 5, 6, 7, 8].concat(new Array(120).fill(0)), "arena");
  const part = weights(new Array(4).fill(0), "part");
  device.rehome(part.value, arena.value, 256);
  const head = weights([0, 0, 0, 0], "head");
  device.rehome(head.value, arena.value, 0);
  const move = () => assign(arena, [head, 64], [head, 2], [head, 0]);
  move();
  assert.equal(await list(part), [1, 2, 3, 4]);
  assert.equal((await list(arena)).slice(0, 8), [1, 2, 1, 2, 3, 4, 7, 8]);
  const { program } = await record(device, move);
  program.run();
  assert.equal(await list(part), [1, 2, 1, 2]);
  assert.equal((await list(arena)).slice(0, 8), [1, 2, 1, 2, 1, 2, 7, 8]);
  program.release();
});

test("memory is planned: a chain takes less than the sum of its values", async () => {
  const x = variable(device, new Float32Array(1000), [1000], "x");
  const { program, result } = await record(device, () => {
    let y = x;
    for (let i = 0; i < 20; i++) y = opaque(y);
    return y;
  });
  assert.is(program.statistics.dispatches, 20);
  assert.is(program.statistics.peakBytes, 3 * 4000, "two in turn, and the result");
  program.run();
  assert.is((await result.data())[63], 20);
  program.release();
});

test("constants made while recording stay, also those of inner scopes", async () => {
  const x = weights([1, 2]);
  const { program, result } = await record(device, () => {
    const inner = scope(device, () =>
      mul(add(x, tensor(device, [10, 20])), tensor(device, [3, 3])),
    );
    return { sum: add(inner, tensor(device, [0.5, 0.5])), constant: tensor(device, [7]) };
  });
  for (let i = 0; i < 3; i++) {
    scope(device, () => exp(tensor(device, [1, 2, 3]))); // would overwrite released constants
    program.run();
    assert.equal(await list(result.sum), [33.5, 66.5]);
    assert.equal(await list(result.constant), [7]);
  }
  program.release();
  await rejects(() => result.constant.data(), GpuValidationError, /after its scope ended/);
});

test("variables made while recording outlive the program", async () => {
  const { program, result } = await record(device, () => {
    const counter = weights([5], "counter");
    return { counter, sum: add(counter, 1) };
  });
  program.run();
  assert.equal(await list(result.sum), [6]);
  program.release();
  assert.equal(await list(result.counter), [5]);
});

test.run();

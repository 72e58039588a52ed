import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { add, mul, square, sub, tanh } from "../../src/autograd/ops/elementwise.ts";
import { max, mean, min, variance } from "../../src/autograd/ops/reduce.ts";
import { pad, reshape, transpose } from "../../src/autograd/ops/shape.ts";
import { logSoftmax, logsumexp, softmax } from "../../src/autograd/ops/softmax.ts";
import { broadcastTo, sum, sumTo } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { empty, tensor } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import {
  assertClose,
  build,
  forAll,
  randomHost,
  reduceHost,
  shapes,
  upload,
} from "../support/host.ts";
import { assertRecordedEqualsEager } from "../support/recorded.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("reductions and softmax");

type Reduction = (x: Tensor, axes?: number | readonly number[]) => Tensor;
const reductions: Record<string, Reduction> = { sum, mean, variance };
for (const [name, op] of Object.entries(reductions))
  test(`${name}: first and second derivatives over one, several and all axes`, async () => {
    const x = await upload(randomHost([3, 4, 2], 3));
    for (const axes of [0, [0, 2], [1, 2], undefined])
      await checkGradients((t) => square(op(tanh(t), axes)), [x], { second: true });
  });

test("max and min: derivatives where the extremum is single", async () => {
  // Numbers 0.3 apart, in a scattered order: no step of the differences changes their order.
  const x = await upload(build([4, 6], ([i, j]) => ((7 * (6 * i! + j!)) % 24) * 0.3 - 3));
  for (const op of [max, min])
    for (const axes of [0, 1, undefined])
      await checkGradients((t) => square(op(t, axes)), [x], { second: true, epsilon: 0.01 });
});

test("max and min share the derivative among equals", async () => {
  const device = await testDevice();
  const x = track(
    tensor(device, [
      [1, 3, 3, 0],
      [2, 2, 2, 2],
    ]),
  );
  const [g] = grad(sum(max(x, 1)), [x]);
  assert.equal([...(await g!.data())], [0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25]);
  const [h] = grad(sum(min(x, 1)), [x]);
  assert.equal([...(await h!.data())], [0, 0, 0, 1, 0.25, 0.25, 0.25, 0.25]);
});

test("softmax, its logarithm and log-sum-exp agree with float64 along random axes", async () => {
  await forAll(shapes(), async (shape) => {
    const x = randomHost(shape, 5);
    const data = await upload(x);
    const at = shape.length - 1 - (shape[0]! % shape.length);
    const top = reduceHost(x, [at], (e) => Math.max(...e));
    const total = reduceHost(x, [at], (e) => Math.log(e.reduce((s, v) => s + Math.exp(v), 0)));
    assert.equal(top.shape, total.shape);
    const log = build(shape, (c) => {
      const own = c.reduce((i, k, a) => i * shape[a]! + k, 0);
      const line = c.reduce((i, k, a) => i * total.shape[a]! + (a === at ? 0 : k), 0);
      return x.data[own]! - total.data[line]!;
    });
    const probability = { shape, data: log.data.map(Math.exp) };
    await Promise.all([
      assertClose(logsumexp(data, at, true), total, "logsumexp"),
      assertClose(logSoftmax(data, at), log, "logSoftmax"),
      assertClose(softmax(data, at), probability, "softmax"),
    ]);
  });
});

test("log-sum-exp over several axes and over long ones", async () => {
  const total = (e: number[]) => Math.log(e.reduce((s, v) => s + Math.exp(v), 0));
  for (const [shape, axes] of [
    [
      [3, 4, 5],
      [0, 2],
    ],
    [[2, 3000], [1]],
    [
      [3, 4],
      [0, 1],
    ],
  ] as [number[], number[]][]) {
    const x = randomHost(shape, 6);
    const y = logsumexp(await upload(x), axes, true);
    await assertClose(y, reduceHost(x, axes, total), `${shape}/${axes}`);
  }
  const x = await upload(randomHost([3, 4, 2], 7));
  await checkGradients((t) => logsumexp(t, [0, 2]), [x], { second: true });
});

test("softmax of large numbers stays finite", async () => {
  const device = await testDevice();
  const x = tensor(device, [
    [1000, 1001, 999],
    [-1000, -1001, -999],
  ]);
  const y = await softmax(x).data();
  const z = [1, Math.E, 1 / Math.E];
  for (let i = 0; i < 3; i++)
    assert.ok(Math.abs(y[i]! - z[i]! / (z[0]! + z[1]! + z[2]!)) < 1e-5, `${y}`);
  assert.ok(Math.abs((await logsumexp(x).data())[0]! - 1001.40760596) < 1e-3);
});

for (const [name, op] of Object.entries({ softmax, logSoftmax, logsumexp }))
  test(`${name}: first and second derivatives`, async () => {
    const x = await upload(randomHost([3, 5], 8));
    for (const axis of [0, 1]) await checkGradients((t) => op(t, axis), [x], { second: true });
    const y = await upload(randomHost([2, 3, 4], 9));
    await checkGradients((t) => square(op(t, 1)), [y]);
  });

test("a recorded loss map fuses into its sum, and what follows into the sum's end", async () => {
  const device = await testDevice();
  const [a, b] = [await upload(randomHost([6, 40], 1)), await upload(randomHost([6, 40], 2))];
  for (const axes of [0, 1, undefined]) {
    const loss = () => mul(square(sum(square(sub(a, b)), axes)), 0.5);
    const want = await loss().data();
    const { program, result } = await record(device, loss);
    program.run();
    const got = await result.data();
    assert.is(program.statistics.dispatches, 1, `over ${axes}`);
    for (const [i, w] of want.entries())
      assert.ok(Math.abs(got[i]! - w) <= 1e-5 * Math.abs(w), `${got[i]} is not ${w}`);
    program.release();
  }
});

test("recorded reductions agree with eager ones, with what is fused before and behind them", async () => {
  const two =
    (f: (a: Tensor, b: Tensor) => Tensor) =>
    ([a, b]: readonly Tensor[]) =>
      f(a!, b!);
  const cases: [number[], number[], (inputs: readonly Tensor[]) => Tensor, number][] = [
    // Neighbours along the kept axis, with a broadcast row in front and behind.
    [[9, 8], [8], two((a, b) => mul(sum(square(sub(a, b)), 0), b)), 1],
    // Neighbours along the reduced axis; what is behind reads one number a result.
    [[6, 12], [6], two((a, b) => tanh(mul(sum(square(a), 1), b))), 1],
    // Odd lengths, a transposed operand.
    [[5, 7], [7, 5], two((a, b) => square(sum(mul(a, transpose(b)), 0))), 1],
    // A reshaped result.
    [[4, 6], [2, 3], two((a, b) => add(reshape(sum(square(a), 0), [2, 3]), b)), 1],
    // Two passes.
    [[70_000, 4], [4], two((a, b) => mul(mean(square(a), 0), b)), 2],
    [[3, 90_001], [3], two((a, b) => mul(sum(tanh(a), 1), b)), 2],
  ];
  for (const [left, right, f, dispatches] of cases)
    await assertRecordedEqualsEager([{ shape: left }, { shape: right }], f, { dispatches });
});

test("axes that are not there and empty lines are refused", async () => {
  const device = await testDevice();
  const x = tensor(device, [1, 2]);
  await rejects(() => softmax(x, 1), ShapeError, /softmax: \[2\] has no axis 1/);
  await rejects(() => logsumexp(empty(device, [3, 0])), ShapeError, /logsumexp: \[3, 0\] is empty/);
  await rejects(() => max(x, [0, 2]), ShapeError, /max: \[2\] has no axis 0, 2/);
  await rejects(() => max(x, [0, -1]), ShapeError, /max: axis 0 is named twice/);
  assert.equal(softmax(empty(device, [0, 3])).shape, [0, 3]);
});

test("whole numbers become floats, even where nothing is left to do", async () => {
  const device = await testDevice();
  const whole = tensor(device, Uint32Array.of(1, 2));
  for (const x of [
    sum(whole, []),
    mean(whole, []),
    max(whole, []),
    broadcastTo(whole, [2]),
    sumTo(whole, [2]),
  ])
    assert.equal(await x.data(), Float32Array.of(1, 2));
  const padded = pad(empty(device, [0], "u32"), [[1, 1]]);
  assert.equal(await padded.data(), Uint32Array.of(0, 0));
});

test.run();

import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { square, tanh } from "../../src/autograd/ops/elementwise.ts";
import { gather, gatherParts, oneHot, scatterAdd } from "../../src/autograd/ops/indexing.ts";
import { concat, stack } from "../../src/autograd/ops/join.ts";
import { pad, slice, transpose } from "../../src/autograd/ops/shape.ts";
import { DTypeError, ShapeError } from "../../src/gpu/errors.ts";
import { bytes, empty, tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import {
  assertClose,
  build,
  forAll,
  place,
  randomHost,
  shapes,
  sizeOf,
  upload,
} from "../support/host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("indexing and joining");

/** Reproducible indices below `rows`, with repetitions. */
const indicesFor = (count: number, rows: number) =>
  Uint32Array.from({ length: count }, (_, i) => (i * i * 7 + 3 * i) % rows);

const tables = fc.record({
  rows: fc.constantFrom(1, 2, 5, 9),
  row: fc.constantFrom([], [1], [3], [4], [2, 6], [5, 1, 4]),
  count: fc.constantFrom(1, 3, 8),
});

test("gather and scatterAdd agree with float64 for random tables", async () => {
  const device = await testDevice();
  await forAll(tables, async ({ rows, row, count }) => {
    const table = randomHost([rows, ...row]);
    const indices = indicesFor(count, rows);
    const place = tensor(device, indices);
    const length = sizeOf(row);
    const gathered = build([count, ...row], () => 0);
    for (let i = 0; i < count; i++)
      for (let k = 0; k < length; k++)
        gathered.data[i * length + k] = table.data[indices[i]! * length + k]!;
    const picked = gather(await upload(table), place);
    await assertClose(picked, gathered, "gather", 0);
    const summed = build([rows, ...row], () => 0);
    for (let i = 0; i < count; i++)
      for (let k = 0; k < length; k++)
        summed.data[indices[i]! * length + k]! += gathered.data[i * length + k]!;
    await assertClose(scatterAdd(picked, place, rows), summed, "scatterAdd", 1e-6);
  });
});

test("rows of a table in parts are those of the whole", async () => {
  const device = await testDevice();
  const place = tensor(device, Uint32Array.of(4, 0, 2, 1, 3, 4, 9, 2 ** 32 - 1));
  for (const row of [[3], [4], [2, 2]]) {
    const whole = randomHost([5, ...row]);
    const length = sizeOf(row);
    const expected = await gather(await upload(whole), place).data();
    for (const cuts of [[5], [2, 3], [4, 1], [1, 1, 1, 2]]) {
      let from = 0;
      const parts = cuts.map((rows) => {
        const data = Float32Array.from(whole.data).subarray(from * length, (from + rows) * length);
        from += rows;
        return tensor(device, data, [rows, ...row]);
      });
      const gathered = gatherParts(parts, place);
      assert.equal(gathered.shape, [8, ...row]);
      assert.equal(await gathered.data(), expected, `${cuts}`);
    }
  }
});

test("parts that do not go together are refused", async () => {
  const device = await testDevice();
  const [place, two] = [tensor(device, Uint32Array.of(0)), tensor(device, [[1, 2]])];
  const refused = (
    parts: readonly Tensor[],
    kind: typeof ShapeError | typeof DTypeError,
    text: RegExp,
  ) => rejects(() => gatherParts(parts, place), kind, text);
  await refused([], ShapeError, /^gatherParts: there are no parts$/);
  await refused([two, tensor(device, [[1]])], ShapeError, /\[1, 1\] is no part with such rows/);
  await refused([two, empty(device, [0, 2])], ShapeError, /\[0, 2\] is no part/);
  const integers = tensor(device, Uint32Array.of(1, 2), [1, 2]);
  await refused(
    [two, integers as never],
    DTypeError,
    /^gatherParts: parts\[1\] holds u32, wanted f32 or u8$/,
  );
});

test("bytes become floats, whatever the length of a row", async () => {
  const device = await testDevice();
  for (const length of [1, 3, 4, 6, 8]) {
    const data = Uint8Array.from({ length: 5 * length }, (_, i) => (i * 37) % 256);
    const table = bytes(device, data, [5, length]);
    const indices = Uint32Array.of(4, 0, 2, 2);
    const want = build([4, length], ([i, k]) => data[indices[i!]! * length + k!]! / 255);
    await assertClose(gather(table, tensor(device, indices)), want, `${length} bytes`, 1e-7);
    const raw = { ...want, data: want.data.map((v) => v * 255) };
    await assertClose(gather(table, tensor(device, indices), 1), raw, "unscaled", 1e-7);
  }
});

test("labels stay whole numbers; indices beyond the end read the last row", async () => {
  const device = await testDevice();
  const labels = tensor(device, Uint32Array.of(7, 8, 9));
  const taken = gather(labels, tensor(device, Uint32Array.of(2, 0, 99)));
  assert.equal([...(await taken.data())], [9, 7, 9]);
  const spread = scatterAdd(tensor(device, [1, 2]), tensor(device, Uint32Array.of(0, 99)), 2);
  assert.equal([...(await spread.data())], [1, 0]);
});

test("oneHot", async () => {
  const device = await testDevice();
  const y = oneHot(tensor(device, Uint32Array.of(2, 0, 5), [3, 1]), 3);
  assert.equal(y.shape, [3, 1, 3]);
  assert.equal([...(await y.data())], [0, 0, 1, 1, 0, 0, 0, 0, 0]);
  assert.equal(oneHot(empty(device, [0], "u32"), 3).shape, [0, 3]);
});

test("concat along any axis agrees with the host", async () => {
  const cases = shapes().chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.nat(shape.length - 1),
      lengths: fc.array(fc.constantFrom(0, 1, 2, 4, 5), { minLength: 2, maxLength: 9 }),
    }),
  );
  await forAll(cases, async ({ shape, axis, lengths }) => {
    const at = (n: number) => shape.map((m, a) => (a === axis ? n : m));
    const parts = lengths.map((n, k) => randomHost(at(n), k));
    const total = lengths.reduce<number>((a, b) => a + b, 0);
    const want = build(at(total), (c) => {
      let k = 0;
      let along = c[axis]!;
      while (along >= lengths[k]!) along -= lengths[k++]!;
      return parts[k]!.data[
        place(
          parts[k]!.shape,
          c.map((v, a) => (a === axis ? along : v)),
        )
      ]!;
    });
    const joined = concat(await Promise.all(parts.map(upload)), axis);
    await assertClose(joined, want, `${shape} along ${axis}: ${lengths}`, 0);
  });
});

test("pad, slice and transpose agree with the host", async () => {
  await forAll(shapes(), async (shape) => {
    const x = randomHost(shape, 3);
    const data = await upload(x);
    const widths = shape.map((n, a) => [(n + a) % 3, (n * 2 + a) % 4] as const);
    const padded = build(
      shape.map((n, a) => n + widths[a]![0] + widths[a]![1]),
      (c) => {
        const inner = c.map((v, a) => v - widths[a]![0]);
        return inner.every((v, a) => v >= 0 && v < shape[a]!) ? x.data[place(shape, inner)]! : 0;
      },
    );
    const big = pad(data, widths);
    await assertClose(big, padded, "pad", 0);
    const back = slice(
      big,
      widths.map(([before]) => before),
      shape,
    );
    await assertClose(back, x, "slice of pad", 0);
    const order = shape.map((_, a) => (a + 1) % shape.length);
    const turned = build(
      order.map((a) => shape[a]!),
      (c) => {
        const own = new Array<number>(shape.length);
        for (const [i, a] of order.entries()) own[a] = c[i]!;
        return x.data[own.reduce((i, v, a) => i * shape[a]! + v, 0)]!;
      },
    );
    await assertClose(transpose(data, order), turned, "transpose", 0);
  });
});

test("derivatives of gather, scatterAdd, concat, stack, pad, slice and transpose", async () => {
  const device = await testDevice();
  const x = await upload(randomHost([4, 3], 1));
  const y = await upload(randomHost([2, 3], 2));
  const indices = tensor(device, Uint32Array.of(3, 0, 3, 1, 3));
  const second = { second: true };
  await checkGradients((t) => tanh(gather(t, indices)), [x], second);
  const rows = tensor(device, Uint32Array.of(2, 0, 2, 1));
  await checkGradients((t) => tanh(scatterAdd(t, rows, 4)), [x], second);
  await checkGradients((a, b) => square(concat([a, b, a], 0)), [x, y], second);
  await checkGradients((a) => square(stack([a, tanh(a)], 1)), [x], second);
  await checkGradients(
    (t) =>
      tanh(
        pad(t, [
          [1, 0],
          [0, 2],
        ]),
      ),
    [x],
    second,
  );
  await checkGradients((t) => square(slice(t, [1, 0], [2, 2])), [x], second);
  await checkGradients((t) => square(transpose(t)), [x], second);
});

test("what does not fit is refused", async () => {
  const device = await testDevice();
  const x = tensor(device, [
    [1, 2],
    [3, 4],
  ]);
  const indices = tensor(device, Uint32Array.of(0, 1, 1));
  await rejects(() => gather(x, x as never), DTypeError, /^gather: indices holds f32, wanted u32$/);
  await rejects(
    () => gather(empty(device, [0, 2]), indices),
    ShapeError,
    /gather: \[0, 2\] has no rows/,
  );
  await rejects(() => scatterAdd(x, indices, 4), ShapeError, /scatterAdd: rows \[2, 2\] .* \[3\]/);
  await rejects(
    () => concat([x, tensor(device, [1, 2])], 0),
    ShapeError,
    /concat: \[2, 2\] and \[2\]/,
  );
  await rejects(() => concat([]), ShapeError, /^concat: there are no tensors$/);
  await rejects(() => concat([x, indices], 0), ShapeError, /concat/);
  await rejects(() => pad(x, [[1, 1]]), ShapeError, /pad/);
  await rejects(() => slice(x, [1, 0], [2, 2]), ShapeError, /slice: \[2, 2\] from \[1, 0\]/);
  await rejects(
    () => slice(bytes(device, new Uint8Array(4), [4]) as never, [1], [2]),
    DTypeError,
    /^slice: x holds u8, .*: bytes must/,
  );
});

test.run();

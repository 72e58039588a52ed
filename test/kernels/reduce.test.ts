import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import { argmax, max, mean, min, variance } from "../../src/autograd/ops/reduce.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { Value } from "../../src/gpu/value.ts";
import { apply, input } from "../../src/kernels/expression.ts";
import { type ReduceOptions, reduceCalls } from "../../src/kernels/reduce.ts";
import type { ReduceKind } from "../../src/kernels/reduce-code.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { empty, tensor } from "../../src/tensor/create.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import {
  assertClose,
  forAll,
  type Host,
  randomHost,
  reduceHost,
  shapeAndAxes,
  upload,
} from "../support/host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("reduce kernel");

const references: Record<ReduceKind, (x: number[]) => number> = {
  sum: (x) => x.reduce((a, b) => a + b, 0),
  max: (x) => Math.max(...x),
  min: (x) => Math.min(...x),
};

async function reduced(
  kind: ReduceKind,
  x: Host,
  axes: readonly number[],
  options: ReduceOptions,
): Promise<{ result: Tensor; calls: number }> {
  const device = await testDevice();
  const data = await upload(x);
  const shape = x.shape.map((n, a) => (axes.includes(a) ? 1 : n));
  const out = new Value(
    device,
    "f32",
    shape.reduce((a, b) => a * b, 1),
    "result",
  );
  const view = contiguousView(data.value, x.shape);
  const calls = reduceCalls(kind, kind, x.shape, axes, view, out, options);
  for (const call of calls) device.emit(call);
  return { result: Tensor.of(device, out, shape), calls: calls.length };
}

test("sum, max and min over random axes agree with float64", async () => {
  await forAll(shapeAndAxes(), async ({ shape, axes }) => {
    const x = randomHost(shape);
    for (const kind of ["sum", "max", "min"] as const) {
      const { result } = await reduced(kind, x, axes, {});
      await assertClose(result, reduceHost(x, axes, references[kind]), `${kind} ${shape}/${axes}`);
    }
  });
});

test("sums over random shapes with empty axes", async () => {
  await forAll(shapeAndAxes(true), async ({ shape, axes }) => {
    const x = randomHost(shape);
    const want = reduceHost(x, axes, references.sum);
    await assertClose(sum(await upload(x), axes, true), want, `${shape}/${axes}`);
  });
});

test("long axes take two passes, along kept and reduced neighbours and along neither", async () => {
  const cases: { shape: number[]; axes: number[] }[] = [
    { shape: [1030, 8], axes: [0] },
    { shape: [3001, 3], axes: [0] },
    { shape: [5, 2000], axes: [1] },
    { shape: [4099], axes: [0] },
    { shape: [31, 4, 33], axes: [0, 2] },
    { shape: [2, 700, 3, 4], axes: [1, 3] },
  ];
  for (const { shape, axes } of cases) {
    const x = randomHost(shape);
    for (const kind of ["sum", "max"] as const) {
      const { result, calls } = await reduced(kind, x, axes, { splits: 9, variant: "thread" });
      assert.is(calls, 2, `${shape}/${axes}`);
      await assertClose(result, reduceHost(x, axes, references[kind]), `${kind} ${shape}/${axes}`);
    }
  }
});

test("the tree in workgroup memory agrees with float64 on any device", async () => {
  const cases: { shape: number[]; axes: number[]; splits: number }[] = [
    { shape: [3, 260], axes: [1], splits: 1 },
    { shape: [2, 7, 63], axes: [1, 2], splits: 1 },
    { shape: [5, 40], axes: [1], splits: 1 },
    { shape: [2, 3000], axes: [1], splits: 3 },
    { shape: [70, 6], axes: [0], splits: 1 },
  ];
  for (const { shape, axes, splits } of cases) {
    const x = randomHost(shape);
    for (const kind of ["sum", "max", "min"] as const) {
      const { result } = await reduced(kind, x, axes, { variant: "tree", splits });
      await assertClose(result, reduceHost(x, axes, references[kind]), `${kind} ${shape}/${axes}`);
    }
  }
});

test("reduces an expression of broadcast, transposed and whole inputs", async () => {
  const device = await testDevice();
  for (const [rows, columns] of [
    [6, 8],
    [5, 7],
    [300, 4],
  ] as const)
    for (const axis of [0, 1]) {
      const x = randomHost([rows, columns], 1);
      const turned = randomHost([columns, rows], 2);
      const row = randomHost([columns], 3);
      const [a, b, c] = await Promise.all([x, turned, row].map(upload));
      const length = axis === 0 ? columns : rows;
      const out = new Value(device, "f32", length, "result");
      const prologue = {
        shape: [rows, columns],
        inputs: [
          contiguousView(a!.value, [rows, columns]),
          { value: b!.value, offset: 0, strides: [1, rows] },
          { value: c!.value, offset: 0, strides: [0, 1] },
        ],
        expression: apply("add", apply("mul", input(0), input(1)), input(2)),
      };
      for (const variant of ["thread", "tree"] as const) {
        const options = { variant, scale: 0.5 };
        for (const call of reduceCalls(
          "sum",
          "sum",
          [rows, columns],
          [axis],
          prologue,
          out,
          options,
        ))
          device.emit(call);
        const mixed = {
          shape: x.shape,
          data: x.data.map((v, i) => {
            const [r, k] = [Math.floor(i / columns), i % columns];
            return v * turned.data[k * rows + r]! + row.data[k]!;
          }),
        };
        const want = reduceHost(mixed, [axis], (e) => 0.5 * references.sum(e));
        await assertClose(
          Tensor.of(device, out, [length]),
          { ...want, shape: [length] },
          `${variant} ${rows}×${columns} over ${axis}`,
        );
      }
    }
});

test("mean and variance agree with float64; a large mean does not cancel", async () => {
  const varianceOf = (x: number[], ddof = 0) => {
    const m = references.sum(x) / x.length;
    return references.sum(x.map((v) => (v - m) ** 2)) / (x.length - ddof);
  };
  await forAll(
    shapeAndAxes(),
    async ({ shape, axes }) => {
      const x = randomHost(shape);
      const data = await upload(x);
      const dropped = (h: Host) => ({ ...h, shape: shape.filter((_, a) => !axes.includes(a)) });
      const means = reduceHost(x, axes, (e) => references.sum(e) / e.length);
      await assertClose(mean(data, axes), dropped(means), "mean");
      await assertClose(mean(data, axes, true), means, "mean with its axes");
      await assertClose(variance(data, axes, true), reduceHost(x, axes, varianceOf), "variance");
      if (axes.reduce((n, a) => n * shape[a]!, 1) > 1)
        await assertClose(
          variance(data, axes, true, { ddof: 1 }),
          reduceHost(x, axes, (e) => varianceOf(e, 1)),
          "unbiased variance",
        );
    },
    8,
  );
  const far = { shape: [400], data: randomHost([400]).data.map((v) => Math.fround(v + 1000)) };
  const near = varianceOf([...far.data]);
  await assertClose(
    variance(await upload(far)),
    { shape: [], data: Float64Array.of(near) },
    "",
    1e-3,
  );
});

test("argmax finds the first of equals, in one pass and in two", async () => {
  const device = await testDevice();
  const firstLargest = (x: number[]) => x.indexOf(Math.max(...x));
  for (const [shape, axis] of [
    [[5], 0],
    [[3, 10], 1],
    [[10, 3], 0],
    [[2, 5, 3], 1],
    [[1, 1], 1],
    [[2, 700, 2], 1],
    [[1500], 0],
  ] as [number[], number][]) {
    // Few distinct numbers, so that equals occur.
    const x = { shape, data: randomHost(shape).data.map((v) => Math.round(2 * v)) };
    const want = reduceHost(x, [axis], firstLargest);
    const result = argmax(await upload(x), axis);
    assert.is(result.dtype, "u32");
    const kept = shape.filter((_, a) => a !== axis);
    await assertClose(result, { ...want, shape: kept }, `argmax ${shape}/${axis}`);
  }
  assert.equal(argmax(empty(device, [0, 3]), 1).shape, [0]);
  const x = randomHost([3, 4, 5]);
  const over = { ...reduceHost(x, [0, 2], firstLargest), shape: [4] };
  await assertClose(argmax(await upload(x), [0, 2]), over, "over two axes");
});

test("empty axes: sums are 0, everything else has no answer", async () => {
  const device = await testDevice();
  const x = empty(device, [0, 3]);
  assert.equal([...(await sum(x, 0).data())], [0, 0, 0]);
  assert.equal([...(await sum(x).data())], [0]);
  assert.equal(sum(x, 1).shape, [0]);
  // By these names: a bundle gives a function another where two have the same.
  for (const [name, f] of Object.entries({ mean, max, min, variance }))
    await rejects(() => f(x, 0), ShapeError, new RegExp(`${name}.*\\[0, 3\\]`));
  await rejects(() => argmax(x, 0), ShapeError, /argmax: \[0, 3\]/);
  await rejects(() => sum(tensor(device, [1, 2]), 1), ShapeError, /sum: \[2\] has no axis 1/);
});

test("no axes leave the tensor as it is; negative ones count from the end", async () => {
  const x = await upload(randomHost([2, 3]));
  assert.is(sum(x, []), x);
  assert.equal(sum(x, -1).shape, [2]);
  assert.equal(sum(x, [-1, 0], true).shape, [1, 1]);
});

test("a sum is the same bits every time", async () => {
  const x = await upload(randomHost([3001, 5]));
  const [a, b] = await Promise.all([sum(x).data(), sum(x).data()]);
  assert.equal(a, b);
});

/** Runs the tree on the CPU, a workgroup's threads in lockstep; `edit` may break its text first. */
async function interpreted(kind: ReduceKind, x: Host, edit = (code: string) => code) {
  const device = await testDevice();
  const [rows, columns] = x.shape as [number, number];
  const [data, out] = [x.data.length, rows].map((n) => new Value(device, "f32", n, ""));
  const view = contiguousView(data!, x.shape);
  const options = { variant: "tree", splits: 1 } as const;
  const [call] = reduceCalls(kind, kind, [rows, columns], [1], view, out!, options);
  // The interpreter mixes up the results of functions that several threads call.
  const inline = kind === "sum" ? "($1 + $2)" : `${kind}($1, $2)`;
  const code = call!.kernel().code.replace(/= ?combine\((.*), ?(.*)\);/g, `= ${inline};`);
  const result = new Float32Array(rows);
  const buffers = { 0: { 0: Float32Array.from(x.data), 1: result } };
  return { ...detectRaces(edit(code), "main", [rows, 1, 1], buffers), result };
}

test("the tree has no races, with vectors and without; without its barriers it has", async () => {
  for (const columns of [130, 132])
    for (const kind of ["sum", "max"] as const) {
      const x = randomHost([2, columns], columns);
      const { races, errors, result } = await interpreted(kind, x);
      assert.equal(errors, []);
      assert.is(races.length, 0);
      const want = reduceHost(x, [1], references[kind]).data;
      for (const [i, w] of want.entries())
        assert.ok(Math.abs(result[i]! - w) < 1e-4, `${kind} ${i}`);
    }
  const x = randomHost([1, 130]);
  const barrier = "workgroupBarrier();";
  const first = await interpreted("sum", x, (code) => code.replace(barrier, ""));
  assert.ok(first.races.length > 0, "between storing and the tree");
  const inside = await interpreted("sum", x, (code) => {
    const at = code.lastIndexOf(barrier);
    return code.slice(0, at) + code.slice(at + barrier.length);
  });
  assert.ok(inside.races.length > 0, "between two levels of the tree");
});

test("grids beyond 65,535 workgroups fold", async () => {
  const device = await testDevice();
  const length = 70_000 * 64;
  const [x, out] = [2 * length, length].map((n) => new Value(device, "f32", n, ""));
  for (const variant of ["thread", "tree"] as const) {
    const view = contiguousView(x!, [length, 2]);
    const [call] = reduceCalls("sum", "sum", [length, 2], [1], view, out!, { variant, splits: 1 });
    const { workgroups } = call!.kernel();
    assert.ok(workgroups.every((n) => n <= 65535));
    assert.ok(workgroups.reduce((a, b) => a * b, 1) >= (variant === "tree" ? length : 70_000));
  }
});

test.run();

import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { handCall } from "../support/kernels.ts";
import { numbers } from "../support/products.ts";

const test = suite("merged sums");
readTextures(test);

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function random(shape: readonly number[], seed: number): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return variable(device, numbers(length, seed), shape, `x${seed}`);
}

/** Σ over the rows of x [rows, columns], on the host. */
async function columnSums(x: Tensor): Promise<number[]> {
  const [rows = 1, columns = 1] = x.shape;
  const values = await x.data();
  return Array.from({ length: columns }, (_, c) => {
    let total = 0;
    for (let r = 0; r < rows; r++) total += values[r * columns + c] as number;
    return total;
  });
}

const FILLER = 7;

/** Packs what `body` gives into an arena, each at the next multiple of `align` elements. */
async function packed(
  body: () => Tensor[],
  align: number,
): Promise<{ program: Program; arena: Tensor; starts: number[] }> {
  const arena = variable(device, new Float32Array(32768).fill(FILLER), [32768], "arena");
  const starts: number[] = [];
  const { program } = await record(device, () => {
    const parts = body();
    let end = 0;
    for (const { size } of parts) {
      starts.push(end);
      end = Math.ceil((end + size) / align) * align;
    }
    device.emit({
      op: "assign",
      pack: true,
      inputs: parts.map((t) => t.value),
      target: arena.value,
      offsets: starts.map((n) => n * 4),
    });
  });
  return { program, arena, starts };
}

/** Asserts that the arena holds the sums, that nothing else of it changed, and that replays repeat. */
async function assertSums(
  what: string,
  { program, arena, starts }: Awaited<ReturnType<typeof packed>>,
  wanted: readonly number[][],
): Promise<void> {
  program.run();
  const got = await arena.data();
  const expected = new Float32Array(got.length).fill(FILLER);
  for (const [k, sums] of wanted.entries()) expected.set(sums, starts[k]);
  for (const [i, v] of expected.entries())
    if (!(Math.abs(got[i]! - v) <= 1e-4 * (1 + Math.abs(v))))
      assert.unreachable(`${what}: element ${i}: ${got[i]}, expected ${v}`);
  program.runEager();
  assert.equal(await arena.data(), got, `${what}: eager bits`);
  program.release();
}

test("sums of several matrices are one dispatch, of long ones two", async () => {
  const short = [random([5, 8], 1), random([128, 3], 2), random([256, 1], 3), random([7, 66], 4)];
  const long = [
    random([4096, 8], 5),
    random([1028, 1], 6),
    random([514, 6], 7),
    random([4100, 64], 8),
  ];
  const want = async (matrices: readonly Tensor[]) => Promise.all(matrices.map(columnSums));
  for (const [matrices, dispatches] of [
    [short, 1],
    [long, 2],
    [[...short, ...long], 2],
  ] as const) {
    const run = await packed(() => matrices.map((x) => sum(x, 0)), 64);
    assert.is(run.program.statistics.dispatches, dispatches);
    assert.is(run.program.statistics.copies, 0);
    await assertSums(`${matrices.length} matrices`, run, await want(matrices));
  }
});

test("more matrices than a kernel may bind take further dispatches", async () => {
  const matrices = Array.from({ length: 16 }, (_, k) => random([300 + 4 * k, 4], k + 1));
  const run = await packed(() => matrices.map((x) => sum(x, 0)), 64);
  assert.is(run.program.statistics.dispatches, 4, "7 + 7 + 2 matrices, then all chunks");
  await assertSums("16", run, await Promise.all(matrices.map(columnSums)));
  const few = matrices.map((_, k) => random([9, k + 1], 100 + k));
  const direct = await packed(() => few.map((x) => sum(x, 0)), 64);
  assert.is(direct.program.statistics.dispatches, 3);
  await assertSums("16 short", direct, await Promise.all(few.map(columnSums)));
});

test("shares of split products are added up where their sums are packed", async () => {
  const a = [random([4096, 8], 1), random([4096, 6], 2)];
  const b = [random([4096, 8], 3), random([4096, 5], 4)];
  const products = () => a.map((x, k) => matmul(x, b[k] as Tensor, { transposeA: true }));
  const run = await packed(() => [...products(), sum(a[0] as Tensor, 0)], 64);
  const wanted: number[][] = [];
  for (const [k, x] of a.entries()) {
    const [left, right] = [await x.data(), await (b[k] as Tensor).data()];
    const [m, n] = [x.shape[1] as number, b[k]!.shape[1] as number];
    const product = new Array<number>(m * n).fill(0);
    for (let r = 0; r < 4096; r++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) product[i * n + j]! += left[r * m + i]! * right[r * n + j]!;
    wanted.push(product);
  }
  wanted.push(await columnSums(a[0] as Tensor));
  assert.is(run.program.statistics.copies, 0);
  const sums = run.program.steps.filter((s) => s.kind === "dispatch" && s.op === "sum");
  assert.is(sums.length, 2, "chunks of the one sum; then it and the shares of both products");
  await assertSums("products", run, wanted);
});

test("neighbours without a gap keep their numbers", async () => {
  const matrices = [random([9, 3], 1), random([4, 5], 2), random([600, 6], 3), random([2, 1], 4)];
  for (const align of [1, 2, 4]) {
    const run = await packed(() => matrices.map((x) => sum(x, 0)), align);
    await assertSums(`aligned to ${align}`, run, await Promise.all(matrices.map(columnSums)));
  }
});

test("a sum that something else reads, or that is kept, is left where it is", async () => {
  const [x, y, z] = [random([40, 8], 1), random([40, 8], 2), random([40, 8], 3)];
  const arena = variable(device, new Float32Array(256), [256], "arena");
  const { program, result } = await record(device, () => {
    const [a, b, c] = [sum(x, 0), sum(y, 0), sum(z, 0)];
    const inputs = [a, b, c].map((t) => t.value);
    const pack = { op: "assign", pack: true, inputs, target: arena.value } as const;
    device.emit({ ...pack, offsets: [0, 256, 512] });
    return [a, mul(b, 2)];
  });
  program.run();
  const [kept, doubled] = [await result[0]!.data(), await result[1]!.data()];
  const values = await arena.data();
  const wanted = await Promise.all([x, y, z].map(columnSums));
  for (let i = 0; i < 8; i++) {
    assert.is(kept[i], values[i]);
    assert.is(doubled[i], 2 * values[64 + i]!);
    for (const [k, sums] of wanted.entries())
      assert.ok(Math.abs(values[64 * k + i]! - sums[i]!) < 1e-4, `sum ${k}, ${i}`);
  }
  program.release();
});

test("a matrix that changes before the pack is summed up before it changes", async () => {
  const [x, y, z] = [random([40, 8], 1), random([40, 8], 2), random([40, 8], 3)];
  const before = await Promise.all([x, y, z].map(columnSums));
  const double = () =>
    device.emit(handCall({ op: "double", updates: [y.value], body: "out0[i] *= 2.0;", groups: 5 }));
  const body = () => {
    const sums = [x, y, z].map((t) => sum(t, 0));
    double();
    return sums;
  };
  const { program, arena, starts } = await packed(body, 64);
  program.run();
  const values = await arena.data();
  for (const [k, sums] of before.entries())
    for (const [i, v] of sums.entries())
      assert.ok(Math.abs(values[starts[k]! + i]! - v) < 1e-4, `sum ${k}, ${i}`);
  program.release();
});

test("matrices of any shape", async () => {
  const shape = fc.tuple(fc.integer({ min: 1, max: 1100 }), fc.integer({ min: 1, max: 9 }));
  await fc.assert(
    fc.asyncProperty(fc.array(shape, { minLength: 2, maxLength: 9 }), async (shapes) => {
      const matrices = shapes.map((s, k) => random(s, k + 1));
      const run = await packed(() => matrices.map((x) => sum(x, 0)), 4);
      await assertSums(`${shapes}`, run, await Promise.all(matrices.map(columnSums)));
    }),
    { seed: 5, numRuns: 15, endOnFailure: true },
  );
});

test.run();

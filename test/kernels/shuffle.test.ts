import { suite } from "uvu";
import * as assert from "uvu/assert";
import { batchIndices } from "../../src/autograd/ops/random.ts";
import { DTypeError, ShapeError } from "../../src/gpu/errors.ts";
import { shuffledIndex } from "../../src/kernels/shuffle.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("shuffle");

function order(count: number, epoch: number, seed: readonly [number, number]): number[] {
  return Array.from({ length: count }, (_, i) => shuffledIndex(count, i, epoch, seed));
}

const ascending = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test("every order is a permutation", () => {
  for (const count of [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 127, 128, 1025, 10_000, 60_000])
    for (const epoch of [0, 1, 0xffffffff]) {
      const sorted = order(count, epoch, [count, epoch]).sort((a, b) => a - b);
      assert.equal(sorted, ascending(count), `${count} examples, epoch ${epoch}`);
    }
});

test("epochs and seeds have orders of their own", () => {
  const n = 1000;
  const keys: [number, [number, number]][] = [
    [0, [0, 0]],
    [1, [0, 0]],
    [2, [0, 0]],
    [0, [1, 0]],
    [1, [1, 0]],
    [0, [0, 1]],
    [1, [0, 1]],
  ];
  const orders = keys.map(([epoch, seed]) => order(n, epoch, seed));
  for (const [i, a] of orders.entries())
    for (const b of orders.slice(i + 1)) {
      // Two independent orders agree in one place on average.
      const same = a.filter((v, k) => v === b[k]).length;
      assert.ok(same < 9, `${same} places agree`);
    }
});

test("no order shows in the numbers", () => {
  const n = 10_000;
  for (let epoch = 0; epoch < 5; epoch++) {
    const x = order(n, epoch, [7, 0]).map((v) => (v / (n - 1) - 0.5) * Math.sqrt(12));
    // Correlations of independent numbers deviate by 1/√n.
    const bound = 5 / Math.sqrt(n);
    const place = x.reduce((sum, v, i) => sum + v * (i / (n - 1) - 0.5) * Math.sqrt(12), 0) / n;
    assert.ok(Math.abs(place) < bound, `place ${place}`);
    for (const lag of [1, 2, 3, 64, 128]) {
      const c = x.reduce((sum, v, i) => sum + v * (x[(i + lag) % n] as number), 0) / n;
      assert.ok(Math.abs(c) < bound, `lag ${lag}: ${c}`);
    }
    // Steps between neighbours are as likely up as down.
    const ups = x.filter((v, i) => v > (x[i - 1] ?? Number.POSITIVE_INFINITY)).length;
    assert.ok(Math.abs(ups - n / 2) < 5 * Math.sqrt(n / 12), `${ups} ups`);
  }
});

test("every example comes first about equally often", () => {
  const n = 10;
  const counts = new Array<number>(n).fill(0);
  for (let epoch = 0; epoch < 5000; epoch++) {
    const first = shuffledIndex(n, 0, epoch, [3, 0]);
    counts[first] = (counts[first] as number) + 1;
  }
  const chi = counts.reduce((sum, c) => sum + (c - 500) ** 2 / 500, 0);
  assert.ok(chi < 36, `χ² = ${chi} with 9 degrees of freedom`);
});

test("the device draws what the host does, batch by batch", async () => {
  const device = await testDevice();
  const seed = [0x89abcdef, 2] as const;
  const cases = [
    { count: 1, batch: 5, epoch: 3, offset: 0 },
    { count: 3, batch: 3, epoch: 1, offset: 0 },
    { count: 127, batch: 127, epoch: 0, offset: 0 },
    { count: 10_000, batch: 128, epoch: 9, offset: 9_950 }, // behind the last from the first again
    { count: 60_000, batch: 1000, epoch: 0xffffffff, offset: 31_000 },
  ];
  const reads = cases.map(({ count, batch, epoch, offset }) => {
    const position = variable(device, Uint32Array.of(epoch, offset), [2], "position");
    return batchIndices(device, count, batch, position, seed).data();
  });
  for (const [c, { count, batch, epoch, offset }] of cases.entries()) {
    const wanted = ascending(batch).map((i) => shuffledIndex(count, offset + i, epoch, seed));
    assert.equal(Array.from((await reads[c]) as Uint32Array), wanted, `${count} examples`);
  }
});

test("the batches of a replayed program make up an epoch", async () => {
  const device = await testDevice();
  const position = variable(device, new Uint32Array(2), [2], "position");
  const { program, result } = await record(device, () =>
    batchIndices(device, 96, 32, position, [1, 0]),
  );
  const drawn: number[] = [];
  for (const offset of [0, 32, 64]) {
    position.set(Uint32Array.of(5, offset));
    program.run();
    drawn.push(...(await result.data()));
  }
  assert.equal(drawn, order(96, 5, [1, 0]));
  program.release();
});

test("refuses what makes no sense", async () => {
  const device = await testDevice();
  const position = variable(device, new Uint32Array(2), [2], "position");
  const draw = (count: number, batch: number, at = position) => {
    return () => batchIndices(device, count, batch, at, [1, 0]);
  };
  await rejects(draw(0, 4), ShapeError, /^batchIndices: count is 0, wanted a whole number from 1/);
  await rejects(draw(2.5, 4), ShapeError, /count is 2.5/);
  await rejects(
    draw(10, -1),
    ShapeError,
    /^batchIndices: batch is -1, wanted a whole number from 0/,
  );
  await rejects(draw(10, 4, tensor(device, [1, 2]) as never), DTypeError, /position holds f32/);
  const one = tensor(device, new Uint32Array(1));
  await rejects(draw(10, 4, one), ShapeError, /position is \[1\], expected 2/);
  assert.is((await draw(10, 0)().data()).length, 0);
});

test.run();

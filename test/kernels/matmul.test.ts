import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type MatmulFamily, matmulCalls } from "../../src/kernels/matmul.ts";
import type { MatmulGeometry } from "../../src/kernels/matmul-geometry.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertSums, compute, matmulReference, numbers, upload } from "../support/products.ts";

const test = suite("matmul kernel");
readTextures(test);

const sizeOfA = (g: MatmulGeometry): number => (g.sharedA ? 1 : g.batch) * g.m * g.k;
const sizeOfB = (g: MatmulGeometry): number => (g.sharedB ? 1 : g.batch) * g.k * g.n;

async function check(g: MatmulGeometry, variant?: MatmulFamily): Promise<void> {
  const device = await testDevice();
  const a = numbers(sizeOfA(g), 1);
  const b = numbers(sizeOfB(g), 2);
  const [valueA, valueB] = [upload(device, a), upload(device, b)];
  const c = await compute(device, g.batch * g.m * g.n, (out) =>
    matmulCalls("matmul", valueA, valueB, g, out, variant),
  );
  assertSums(c, matmulReference(a, b, g), `${JSON.stringify(g)} ${variant}`);
}

const cases = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];

/** Lengths on both sides of the tiles' edges and of the loads' four elements. */
const length = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 33);
const batches = fc.constantFrom(
  { batch: 1 },
  { batch: 1 },
  { batch: 3 },
  { batch: 2, sharedA: true },
  { batch: 3, sharedB: true },
);

for (const flags of cases) {
  const name = `${flags.transposeA ? "Aᵀ" : "A"}·${flags.transposeB ? "Bᵀ" : "B"}`;
  test(`${name} agrees with float64 for random lengths`, async () => {
    const lengths = fc.record({ m: length, n: length, k: length });
    await fc.assert(
      fc.asyncProperty(lengths, batches, (l, b) => check({ ...l, ...b, ...flags })),
      { seed: 41, numRuns: 10 },
    );
  });

  test(`${name} in workgroup memory agrees with float64 for random lengths`, async () => {
    const edge = fc.constantFrom(1, 3, 4, 20, 63, 64, 65, 68);
    const lengths = fc.record({ m: edge, n: edge, k: fc.constantFrom(1, 5, 8, 9, 16, 19) });
    await fc.assert(
      fc.asyncProperty(lengths, batches, (l, b) => check({ ...l, ...b, ...flags }, "tiled")),
      { seed: 42, numRuns: 2 },
    );
  });

  test(`${name} splits a long sum`, async () => {
    const device = await testDevice();
    const g = { batch: 1, m: 5, n: 8, k: 1030, ...flags };
    const dummy = upload(device, numbers(4));
    const calls = matmulCalls("matmul", dummy, dummy, g, dummy, "registers");
    assert.is(calls.length, 2, "a product and a sum of its shares");
    await check(g, "registers");
    await check({ ...g, batch: 2, m: 4, n: 3, k: 772 }, "registers");
  });
}

test("single rows and columns", async () => {
  const flags = { batch: 1, transposeA: false, transposeB: false };
  await check({ ...flags, m: 1, n: 1, k: 1 });
  await check({ ...flags, m: 1, n: 100, k: 3 });
  await check({ ...flags, m: 100, n: 1, k: 4 });
  await check({ ...flags, m: 1, n: 1, k: 2000 });
});

test("both variants fold a grid beyond 65,535 workgroups", async () => {
  const device = await testDevice();
  const value = upload(device, numbers(4));
  const g = { batch: 70_000 * 64, m: 1, n: 1, k: 1, transposeA: false, transposeB: false };
  for (const variant of ["registers", "tiled"] as const) {
    const [call] = matmulCalls("matmul", value, value, g, value, variant);
    const { workgroups, code } = call!.kernel();
    assert.ok(workgroups.every((n) => n <= 65535));
    assert.ok(
      workgroups[0] * workgroups[1] * workgroups[2] >= (variant === "tiled" ? 64 : 1) * 70_000,
    );
    assert.match(code, `const GROUPS_X = ${workgroups[0]}u;`);
  }
});

test("a folded grid computes every matrix of the batch", async () => {
  // One thread a matrix in groups of 64: the second row of workgroups is needed.
  const batch = 65_536 * 64 + 64;
  await check({ batch, m: 1, n: 1, k: 1, sharedA: true, transposeA: false, transposeB: false });
});

test.run();

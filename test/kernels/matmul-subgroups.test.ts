import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { GpuValidationError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Value } from "../../src/gpu/value.ts";
import { apply, input } from "../../src/kernels/expression.ts";
import { facetOf } from "../../src/kernels/facets.ts";
import type { MatmulGeometry } from "../../src/kernels/matmul-geometry.ts";
import { matmulSubgroupsCalls } from "../../src/kernels/matmul-subgroups.ts";
import type { Tile, Variant } from "../../src/kernels/variants.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { assertSums, compute, matmulReference, numbers, upload } from "../support/products.ts";
import { madeSubgroups, type Rewrite, rewritten, withSubgroups } from "../support/subgroups.ts";

const test = suite("matmul kernel with subgroups");
readTextures(test);

let opened: Promise<Device> | undefined;

/** A device with subgroups, or undefined where the adapter has none. */
async function subgroupsDevice(): Promise<Device | undefined> {
  opened ??= openDevice({ features: ["subgroups"] });
  return withSubgroups(await opened);
}

test.after(async () => {
  (await opened)?.close();
});

const variantOf = (tile: Tile): Variant => ({
  ...tile,
  family: "subgroups",
  splits: 1,
  half: false,
});

async function check(
  device: Device,
  g: MatmulGeometry,
  options: { readonly tile?: Tile; readonly rewrite?: Rewrite } = {},
): Promise<void> {
  const a = numbers((g.sharedA ? 1 : g.batch) * g.m * g.k, 1);
  const b = numbers((g.sharedB ? 1 : g.batch) * g.k * g.n, 2);
  const [x, y] = [upload(device, a), upload(device, b)];
  const rewrite = options.rewrite ?? ((code) => code);
  const variant = options.tile && variantOf(options.tile);
  const c = await compute(device, g.batch * g.m * g.n, (out) =>
    matmulSubgroupsCalls("matmul", x, y, g, out, variant).map((call) => rewritten(call, rewrite)),
  );
  assertSums(c, matmulReference(a, b, g), `${JSON.stringify(g)} ${JSON.stringify(options.tile)}`);
}

const turned = [
  { transposeA: false, transposeB: false },
  { transposeA: false, transposeB: true },
  { transposeA: true, transposeB: false },
  { transposeA: true, transposeB: true },
];
const nameOf = (flags: (typeof turned)[number]): string =>
  `${flags.transposeA ? "Aᵀ" : "A"}·${flags.transposeB ? "Bᵀ" : "B"}`;

const rows = fc.constantFrom(1, 3, 4, 8, 9, 17, 20);
/** On both sides of what a workgroup computes in units of one element and of four. */
const columns = fc.constantFrom(1, 5, 63, 64, 65, 132, 256, 260, 516);
const depths = fc.constantFrom(1, 2, 3, 4, 5, 12, 16, 20, 37, 64);
const batches = fc.constantFrom(
  { batch: 1 },
  { batch: 3 },
  { batch: 2, sharedA: true },
  { batch: 3, sharedB: true },
);
const lengths = fc.record({ m: rows, n: columns, k: depths });

for (const flags of turned) {
  test(`${nameOf(flags)} agrees with float64 for random lengths`, async () => {
    const device = await subgroupsDevice();
    if (!device) return;
    await fc.assert(
      fc.asyncProperty(lengths, batches, (l, b) => check(device, { ...l, ...b, ...flags })),
      { seed: 43, numRuns: 4 },
    );
  });

  test(`${nameOf(flags)} is right whatever the size of a subgroup`, async () => {
    const device = await testDevice();
    const narrow = { batch: 2, m: 9, n: 70, k: 37, ...flags };
    const wide = { batch: 1, m: 12, n: 260, k: 44, ...flags };
    // One lane has no other to ask; 64 lanes have more blocks than there are.
    await check(device, narrow, { rewrite: madeSubgroups(1) });
    await check(device, wide, { rewrite: madeSubgroups(2) });
    await check(device, narrow, { rewrite: madeSubgroups(16) });
    await check(device, wide, { rewrite: madeSubgroups(64) });
  });
}

test("lanes may be numbered from anywhere; with a gap they load for themselves", async () => {
  const g = { batch: 1, m: 8, n: 64, k: 40, transposeA: false, transposeB: false };
  await check(await testDevice(), g, { rewrite: madeSubgroups(8, 24) });
  await check(await testDevice(), g, { rewrite: madeSubgroups(8, 24, 32) });
});

test("takes other tiles than its own choice, and refuses those that its loads do not fit", async () => {
  const flags = { transposeA: true, transposeB: false };
  const device = await testDevice();
  const rewrite = madeSubgroups(4);
  const even = { batch: 1, m: 12, n: 260, k: 8, ...flags };
  const odd = { batch: 1, m: 7, n: 67, k: 5, ...flags };
  for (const tile of [
    { rows: 4, cols: 4 },
    { rows: 8, cols: 8 },
  ])
    await check(device, even, { tile, rewrite });
  for (const tile of [
    { rows: 1, cols: 1 },
    { rows: 3, cols: 2 },
  ])
    await check(device, odd, { tile, rewrite });
  const value = upload(device, numbers(4));
  const refused = (g: MatmulGeometry, tile: Tile, splits = 1) =>
    assert.throws(
      () => matmulSubgroupsCalls("matmul", value, value, g, value, { ...variantOf(tile), splits }),
      (e: unknown) => e instanceof GpuValidationError && /no tile/.test(e.message),
    );
  refused(even, { rows: 4, cols: 2 });
  refused(even, { rows: 2, cols: 4 });
  refused(odd, { rows: 1, cols: 1 }, 2);
});

test("stores its results through an epilogue", async () => {
  const device = await subgroupsDevice();
  if (!device) return;
  for (const n of [67, 260]) {
    const g = { batch: 1, m: 5, n, k: 12, transposeA: false, transposeB: false };
    const [x, y, bias] = [numbers(g.m * g.k, 1), numbers(g.k * n, 2), numbers(g.m * n, 3)];
    const product = new Value(device, "f32", g.m * n, "product");
    const operands = [upload(device, x), upload(device, y)] as const;
    const [call] = matmulSubgroupsCalls("matmul", ...operands, g, product);
    const facet = facetOf(call!);
    if (facet?.kind !== "kernel" || !facet.withEpilogue) throw new Error("takes no epilogue");
    const { withEpilogue } = facet;
    const shape = [g.m * n];
    const sum = await compute(device, g.m * n, (output) => {
      const inputs = [product, upload(device, bias)].map((v) => contiguousView(v, shape));
      const expression = apply("add", input(0), input(1));
      return [withEpilogue({ shape, inputs, hole: product, expression, output })];
    });
    const want = matmulReference(x, y, g);
    for (const [i, b] of bias.entries()) {
      want.sum[i]! += b;
      want.size[i]! += Math.abs(b);
    }
    assertSums(sum, want, `with a bias, ${n} columns`);
  }
});

test("folds a grid beyond 65,535 workgroups", async () => {
  const device = await testDevice();
  const value = upload(device, numbers(4));
  const g = { batch: 70_000, m: 1, n: 1, k: 1, transposeA: false, transposeB: false };
  const [call] = matmulSubgroupsCalls("matmul", value, value, g, value);
  const { workgroups, code } = call!.kernel();
  assert.ok(workgroups.every((n) => n <= 65535));
  assert.ok(workgroups[0] * workgroups[1] * workgroups[2] >= 70_000);
  assert.match(code, `const GROUPS_X = ${workgroups[0]}u;`);
  await check(device, g, { rewrite: madeSubgroups(4) });
});

test.run();

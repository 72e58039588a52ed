import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import shader from "../../shaders/matmul_tiled.wgsl";
import { Value } from "../../src/gpu/value.ts";
import type { ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import type { MatmulGeometry } from "../../src/kernels/matmul-geometry.ts";
import { specialise } from "../../src/kernels/specialise.ts";
import { same } from "../support/conv-cases.ts";
import { type Direction, directions } from "../support/conv-tiled.ts";
import { testDevice } from "../support/device.ts";
import { assertSums, matmulReference, numbers } from "../support/products.ts";

const test = suite("races of kernels with barriers");

/** The tiled product on a block that an interpreter can compute: still 64 threads. */
function small(g: MatmulGeometry, side: 2 | 4): string {
  const width = side === 4 && g.n % 4 === 0 ? 4 : 1;
  const code = specialise(shader, {
    op: "matmul",
    aliases: { F: width === 4 ? "vec4f" : "f32" },
    constants: {
      TRANSPOSE_A: g.transposeA,
      TRANSPOSE_B: g.transposeB,
      BATCH: g.batch,
      A_STRIDE: g.m * g.k,
      B_STRIDE: g.k * g.n,
      M: g.m,
      N: g.n,
      K: g.k,
      F_WIDTH: width,
      TILE: 8 * side,
      SIDE: side,
      DEPTH: 4,
    },
  });
  return withoutEpilogue(code);
}

/** The interpreter mixes up the results of functions that several threads call. */
function withoutEpilogue(code: string): string {
  return code.replace(/= ?epilogue\((.*), ?.*\);/g, "= $1;");
}

/** Runs a kernel in lockstep on the CPU. */
function interpret(code: string, g: MatmulGeometry, side: number) {
  const a = numbers(g.batch * g.m * g.k, 1);
  const b = numbers(g.batch * g.k * g.n, 2);
  const c = new Float32Array(g.batch * g.m * g.n);
  const groups = g.batch * Math.ceil(g.m / (8 * side)) * Math.ceil(g.n / (8 * side));
  const { races, errors } = detectRaces(code, "main", [groups, 1, 1], { 0: { 0: a, 1: b, 2: c } });
  return { races, errors, c, want: matmulReference(a, b, g) };
}

const shapes: readonly MatmulGeometry[] = [
  { batch: 1, m: 16, n: 16, k: 8, transposeA: false, transposeB: false },
  { batch: 1, m: 13, n: 11, k: 6, transposeA: true, transposeB: true },
  { batch: 2, m: 5, n: 18, k: 5, transposeA: true, transposeB: false },
];

for (const g of shapes)
  test(`the tiled product has none: ${g.batch}×${g.m}×${g.k}×${g.n}`, () => {
    const { races, errors, c, want } = interpret(small(g, 2), g, 2);
    assert.equal(errors, []);
    assert.is(races.length, 0);
    assertSums(c, want, "the interpreter's result");
  });

test("the tiled product that stores vectors has none", () => {
  const g = { batch: 1, m: 9, n: 20, k: 5, transposeA: false, transposeB: true };
  const { races, errors, c, want } = interpret(small(g, 4), g, 4);
  assert.equal(errors, []);
  assert.is(races.length, 0);
  assertSums(c, want, "the interpreter's result");
});

/** Code with one of its two barriers, or the other. */
function withoutBarrier(code: string): string[] {
  const parts = code.split("workgroupBarrier();");
  assert.is(parts.length, 3);
  return [
    `${parts[0]}${parts[1]}workgroupBarrier();${parts[2]}`,
    `${parts[0]}workgroupBarrier();${parts[1]}${parts[2]}`,
  ];
}

test("without either of its barriers it has", () => {
  const g = shapes[0]!;
  for (const broken of withoutBarrier(small(g, 2)))
    assert.ok(interpret(broken, g, 2).races.length > 0);
});

/** Runs the product of a direction in lockstep on the CPU, as the host writes it. */
async function interpretConv(
  direction: Direction,
  g: ConvGeometry,
  change: (code: string) => string = (code) => code,
) {
  const device = await testDevice();
  const [sizeA, sizeB, size] = direction.sizes(g);
  const [a, b] = [numbers(sizeA, 3), numbers(sizeB, 4)];
  const operand = new Value(device, "f32", 4, "operand");
  const out = new Value(device, "f32", size, "result");
  const { code, workgroups } = direction.calls(operand, operand, g, out)[0]!.kernel();
  const c = new Float32Array(direction.calls(operand, operand, g, out)[0]!.outputs[0]!.size);
  const buffers = { 0: { 0: a, 1: b, 2: c } };
  const { races, errors } = detectRaces(
    change(withoutEpilogue(code)),
    "main",
    [...workgroups],
    buffers,
  );
  const shares = c.length / size;
  const sum = new Float32Array(size).map((_, i) =>
    Array.from({ length: shares }, (_, share) => c[share * size + i]!).reduce((p, q) => p + q),
  );
  return { races, errors, sum, want: direction.reference(a, b, g) };
}

for (const [name, direction] of Object.entries(directions)) {
  // Neighbouring threads read along either axis; two slices or more, the last not full.
  for (const g of [same(1, 5, 2, 3, 3, 2), same(1, 3, 4, 5, 3, 1)])
    test(`the ${name} of conv2d has none: ${g.inC}→${g.outC}`, async () => {
      const { races, errors, sum, want } = await interpretConv(direction, g);
      assert.equal(errors, []);
      assert.is(races.length, 0);
      assertSums(sum, want, "the interpreter's result");
    });
}

test("conv2d without either of its barriers has", async () => {
  const g = same(1, 3, 1, 3, 3, 1); // 9 taps are two slices
  for (const which of [0, 1]) {
    const remove = (code: string) => withoutBarrier(code)[which]!;
    const { races } = await interpretConv(directions.forward!, g, remove);
    assert.ok(races.length > 0, `barrier ${which}`);
  }
});

test.run();

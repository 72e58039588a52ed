import { suite } from "uvu";
import * as assert from "uvu/assert";
import splitText from "../../shaders/ladder/matmul/12_split_k.wgsl";
import {
  LADDER_FEATURES,
  type Ladder,
  Operands,
  type Rung,
  runLadder,
  speedOf,
  whyNot,
} from "../../src/bench/ladder.ts";
import { formatLadder } from "../../src/bench/ladder-report.ts";
import { convWeightGradientLadder } from "../../src/bench/ladders/conv-weight-gradient.ts";
import { matmulLadder } from "../../src/bench/ladders/matmul.ts";
import { ladders } from "../../src/bench/ladders/registry.ts";
import { runNamedLadder } from "../../src/bench/ladders/run.ts";
import { fileRung } from "../../src/bench/ladders/step.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Value } from "../../src/gpu/value.ts";
import { same } from "../support/conv-cases.ts";
import { testDevice } from "../support/device.ts";
import { matmulReference, weightGradientReference } from "../support/products.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("ladders");
const device = openDevice({ features: LADDER_FEATURES });

/**
 * Lengths on both sides of the tiles' edges, in fours and not, and sums shorter than the shares; and
 * how many rungs compute them that ask for no feature.
 */
const shapes: readonly (readonly [what: string, rungs: number, ladder: () => Ladder])[] = [
  ["matmul 21×28×36", 14, () => matmulLadder({ m: 21, n: 36, k: 28 })],
  ["matmul 65×4×268", 14, () => matmulLadder({ m: 65, n: 268, k: 4 })],
  ["matmul 13×7×11", 8, () => matmulLadder({ m: 13, n: 11, k: 7 })],
  ["conv-weight-gradient, uneven", 10, () => ladders["conv-weight-gradient"]!().small],
  [
    "conv-weight-gradient, 5×5 taps on 3×3",
    10,
    () => convWeightGradientLadder({ ...same(2, 3, 8, 4, 5, 1), padLeft: 1, outW: 2 }),
  ],
  ["conv-weight-gradient, 3→5 channels", 5, () => convWeightGradientLadder(same(2, 7, 3, 5, 4, 3))],
];

for (const [what, count, make] of shapes)
  test(`${what}: every rung agrees with float64`, async () => {
    const opened = await device;
    const ladder = make();
    const operands = Operands.make(opened, ladder);
    let ran = 0;
    for (const rung of ladder.rungs) {
      if (whyNot(opened, rung) !== undefined) continue;
      assert.is(await operands.check(rung), undefined, rung.name);
      if (!rung.feature) ran++;
    }
    operands.release();
    assert.is(ran, count);
  });

test("a rung says why it is not run", async () => {
  const plain = await testDevice();
  const { rungs } = matmulLadder({ m: 8, n: 8, k: 8 });
  const reasons = (all: readonly Rung[]) =>
    all.flatMap((rung) => (whyNot(plain, rung) ? [`${rung.name}: ${whyNot(plain, rung)}`] : []));
  assert.equal(reasons(rungs), [
    "13_subgroups: the adapter offers no subgroups",
    "14_half_storage: the adapter offers no shader-f16",
  ]);
  const odd = matmulLadder({ m: 7, n: 6, k: 5 }).rungs.filter((r) => !r.feature);
  assert.equal(
    reasons(odd),
    [
      "06_vec4",
      "07_block_of_four",
      "08_larger_tile",
      "09_textures",
      "10_loads_first",
      "12_split_k",
    ].map((rung) => `${rung}: the shape is no multiple of 4`),
  );
});

test("the ladders' references are those of the kernels' tests", () => {
  const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
  const geometry = { ...same(2, 5, 3, 2, 3, 2), padTop: 2, outW: 2 };
  const conv = convWeightGradientLadder(geometry);
  const [x, dy] = conv.inputs.map(numbers) as [Float32Array, Float32Array];
  const want = weightGradientReference(x, dy, geometry);
  assert.is(want.sum.length, conv.output);
  for (const [at, sum] of want.sum.entries())
    assert.equal(conv.reference([x, dy], at), { sum, size: want.size[at] });
  const product = matmulLadder({ m: 3, n: 4, k: 5 });
  const [a, b] = product.inputs.map(numbers) as [Float32Array, Float32Array];
  const flags = { batch: 1, transposeA: false, transposeB: false };
  const c = matmulReference(a, b, { m: 3, n: 4, k: 5, ...flags });
  for (const [at, sum] of c.sum.entries())
    assert.equal(product.reference([a, b], at), { sum, size: c.size[at] });
});

/** A matmul ladder of a right rung, one that leaves out the last share, and the right one again. */
function withBroken(k: number): Ladder {
  const shape = { m: 8, n: 8, k };
  const ladder = matmulLadder(shape);
  const constants = { M: 8, N: 8, K: k };
  const broken = splitText.replace(
    "min((share + 1u) * SHARE, BLOCKS)",
    "(share + 1u) * SHARE - 1u",
  );
  assert.is.not(broken, splitText);
  const made = fileRung(
    "02_broken",
    broken,
    { constants, flops: ladder.flops },
    {
      workgroups: [1, 1, 2],
      splits: 2,
    },
  );
  return {
    ...ladder,
    rungs: [
      ladder.rungs[7]!,
      made,
      { ...ladder.rungs[0]!, name: "03_naive", from: "08_larger_tile" },
    ],
  };
}

test("a wrong result is not timed, and said", async () => {
  const shape = { small: withBroken(8), large: withBroken(16) };
  const told: string[] = [];
  const report = await runLadder(await device, "matmul", shape, {}, (line) => told.push(line));
  const names = ["08_larger_tile", "02_broken", "03_naive"];
  assert.equal(
    told.slice(0, 3),
    names.map((name) => `ladder/matmul/${name}`),
  );
  assert.equal(
    told.slice(3),
    [1, 2, 3].map((round) => `ladder/matmul: round ${round} of 3`),
  );
  assert.equal(
    report.rungs.map(({ name }) => name),
    names,
  );
  assert.is(report.ladder, "matmul");
  assert.is(report.shape, "8×16×8");
  const [first, broken, last] = report.rungs;
  assert.match(broken!.wrong!, /^8×8×8: element 0 is .*, not /);
  assert.is(broken!.speed, undefined);
  assert.is(first!.speed!.overFirst, 1);
  assert.equal(
    [first!.from, broken!.from, last!.from],
    [undefined, "08_larger_tile", "08_larger_tile"],
  );
  assert.is(last!.speed!.overFrom, last!.speed!.overFirst);
  assert.ok(last!.speed!.ms > 0);
  const lines = formatLadder(report).split("\n");
  assert.is(lines[2], "ladder    matmul, 8×16×8");
  assert.match(lines[4]!, /^rung +ms +GFLOP\/s +over first +over +rung$/);
  assert.match(lines[6]!, /^02_broken +WRONG: 8×8×8: element 0 /);
  assert.match(lines[7]!, /^03_naive +[\d.]+ +[\d.]+ +[\d.]+× +[\d.]+× +08 {2}the definition$/);
});

test("nothing is held against a first rung that was not timed", async () => {
  const whole = matmulLadder({ m: 8, n: 8, k: 8 });
  const [naive, next] = whole.rungs as [Rung, Rung];
  const ladder = {
    ...whole,
    rungs: [{ ...naive, unfit: "it does not fit" }, next, whole.rungs[2]!],
  };
  const shape = { small: ladder, large: ladder };
  const report = await runLadder(await device, "matmul", shape, { rounds: 1 });
  const speeds = report.rungs.map(({ speed }) => speed && Object.keys(speed));
  const own = ["ms", "minMs", "maxMs", "gflops"];
  assert.equal(speeds, [undefined, own, [...own, "overFrom"]]);
  const lines = formatLadder(report).split("\n");
  assert.match(lines[6]!, /^02_lanes_along_rows +[\d.]+ +[\d.]+ {2,}[a-z]/);
});

test("a ladder that breaks off gives back all that it holds", async () => {
  const { pool } = await device;
  const before = pool.statistics().liveBytes;
  const shape = matmulLadder({ m: 8, n: 8, k: 8 });
  const right = shape.rungs[0]!;
  const broken: Rung = {
    ...right,
    name: "02_broken",
    calls: () => {
      throw new Error("no such kernel");
    },
  };
  const unknown = () => {
    throw new Error("no such number");
  };
  const large = { ...shape, rungs: [right, broken] };
  const small = { ...shape, rungs: [right, right] };
  const run = async (ladders: { small: Ladder; large: Ladder }) =>
    runLadder(await device, "matmul", ladders, { rounds: 1 });
  await rejects(() => run({ small, large }), Error, /^no such kernel$/);
  assert.is(pool.statistics().liveBytes, before);
  await rejects(() => run({ small, large: { ...small, reference: unknown } }), Error, /number$/);
  assert.is(pool.statistics().liveBytes, before);
});

test("ratios are medians of the rounds' ratios", () => {
  const rounds = [
    [100, 50, 20],
    [200, 90, 50], // the machine was busy
    [100, 40, 25],
  ];
  assert.equal(speedOf(rounds, 0, { first: 0, from: -1 }, 1e9), {
    ...{ ms: 100, minMs: 100, maxMs: 200, gflops: 10, overFirst: 1 },
  });
  assert.equal(speedOf(rounds, 2, { first: 0, from: 1 }, 1e9), {
    ...{ ms: 25, minMs: 20, maxMs: 50, gflops: 40, overFirst: 4, overFrom: 1.8 },
  });
});

test("an unknown ladder is a usage error with a suggestion", async () => {
  const run = (name: string) => runNamedLadder(name, {}, () => undefined);
  const names = "there are matmul and conv-weight-gradient";
  await rejects(
    () => run("matmull"),
    UsageError,
    new RegExp(`^there is no ladder "matmull" \\(did you mean matmul\\?\\); ${names}$`),
  );
  await rejects(() => run("constructor"), UsageError, new RegExp(`"constructor"; ${names}$`));
});

test("an error in the large shape alone is found too", async () => {
  const shape = { small: matmulLadder({ m: 8, n: 8, k: 8 }), large: withBroken(16) };
  const { rungs } = await runLadder(await device, "matmul", shape, { rounds: 1 });
  assert.match(rungs[1]!.wrong!, /^8×16×8: element 0 is /);
});

test("no tile is beyond what compilers of software adapters bear", async () => {
  const opened = await device;
  const value = () => new Value(opened, "f32", 16, "operand");
  for (const make of Object.values(ladders))
    for (const rung of make().large.rungs) {
      if (rung.name.includes("engine")) continue; // test/kernels/tiles.test.ts bounds those
      const code = rung.calls([value(), value()], value())[0]!.kernel().code;
      // What a thread keeps from turn to turn; a vector is four.
      const kept = [...code.matchAll(/^ {2}var (?:acc_\d+: (f32|vec4f)|sum) *[;=]/gm)];
      const numbers = kept.reduce((sum, [, type]) => sum + (type === "vec4f" ? 4 : 1), 0);
      const rolled = ["03_column_tile", "04_register_tile"].includes(rung.name) && numbers === 0;
      assert.ok(rolled || (numbers >= 1 && numbers <= 64), `${rung.name}: ${numbers} accumulators`);
    }
});

test.after(async () => (await device).close());
test.run();

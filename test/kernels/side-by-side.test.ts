import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import { oneHot } from "../../src/autograd/ops/indexing.ts";
import { randomNormal } from "../../src/autograd/ops/random.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import { NonFiniteError } from "../../src/gpu/errors.ts";
import { Program } from "../../src/gpu/program.ts";
import { recordRowCall } from "../../src/kernels/record-row.ts";
import { reduceCalls } from "../../src/kernels/reduce.ts";
import { putSideBySide } from "../../src/kernels/side-by-side.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record, recordPart } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { numbers } from "../support/products.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("kernels side by side");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

const vector = (length: number, seed: number): Tensor =>
  variable(device, numbers(length, seed), [length], `x${seed}`);

type Optimise = Parameters<typeof Program.record>[3];

/** What a recording gives, bit by bit, and how many dispatches it has. */
async function outcome(body: () => readonly Tensor[], optimise: Optimise) {
  const keep = (tensors: readonly Tensor[]) => tensors.map((t) => t.value);
  const { program, result } = await Program.record(device, body, keep, optimise);
  program.run();
  const data = await Promise.all(
    result.map(async (t) => [...new Uint32Array((await t.data()).buffer)]),
  );
  const { dispatches } = program.statistics;
  const names = program.steps.map((step) => (step.kind === "dispatch" ? step.source.name : "copy"));
  program.release();
  return { data, dispatches, names };
}

/** Asserts that a recording gives the same bits without and with the pass, in so many dispatches. */
async function check(
  body: () => readonly Tensor[],
  [without, together]: readonly [number, number],
  reset: () => void = () => undefined,
): Promise<readonly string[]> {
  reset();
  const apart = await outcome(body, (items) => [...items]);
  reset();
  const merged = await outcome(body, putSideBySide);
  assert.equal(merged.data, apart.data);
  assert.equal([apart.dispatches, merged.dispatches], [without, together]);
  return merged.names;
}

test("kernels of several kinds are one dispatch, in the order of the recording", async () => {
  const [x, y] = [vector(300, 1), vector(70, 2)];
  const classes = tensor(device, Uint32Array.of(2, 0, 1));
  const step = variable(device, Uint32Array.of(5), [1], "step");
  const names = await check(
    () => [
      randomNormal(device, [90], { seed: [1, 2], step, stream: 3 }),
      oneHot(classes, 4),
      sum(x),
      exp(y),
    ],
    [4, 1],
  );
  assert.equal(names, ["randomNormal 90 + oneHot 3×4 + sum (300) + exp 70"]);
});

test("what needs another's result, or changes what it reads, stays behind it", async () => {
  const x = vector(200, 1);
  await check(() => [sum(exp(sum(exp(x), 0, true)))], [4, 4]);
  const v = variable(device, numbers(64, 3), [64], "v");
  const [row, table] = [
    variable(device, Uint32Array.of(1), [1], "row"),
    variable(device, new Float32Array(4), [4, 1], "table"),
  ];
  // A row is written between two sums of the table, which are alike but for that.
  const body = () => {
    const before = sum(table);
    device.emit(recordRowCall(row.value, [v.value], 4, table.value));
    return [before, sum(table)];
  };
  await check(body, [3, 3], () => device.write(table.value, new Float32Array(4)));
});

test("one of two moves up, or down where something between reads what it needs first", async () => {
  const [x, y] = [vector(200, 1), vector(100, 2)];
  const large = variable(device, numbers(64 * 300, 4), [300, 64], "large");
  const wide = () => add(large, 1); // too many workgroups
  assert.equal(await check(() => [sum(x), wide(), sum(y)], [3, 2]), [
    "sum (200) + sum (100)",
    "add 300×64",
  ]);
  const down = await check(() => {
    const w = wide();
    const early = sum(x);
    const needed = mul(w, 2);
    return [early, needed, sum(exp(needed), 1)];
  }, [5, 4]);
  assert.equal(down.slice(-1), ["sum (200) + sum 300×(64)"]);
});

test("no more buffers than a kernel may bind", async () => {
  const xs = Array.from({ length: 6 }, (_, k) => vector(50, k + 1));
  await check(() => xs.map((x) => sum(x)), [6, 2]);
  const pairs = xs.slice(1).map((x, k) => [x, xs[k]] as const);
  await check(() => pairs.map(([a, b]) => add(a!, b!)), [5, 3]);
});

test("two of one kernel, with workgroup memory, keep theirs apart", async () => {
  const tables = [2, 3].map((rows) => variable(device, new Float32Array(rows), [rows, 1], "table"));
  const row = variable(device, Uint32Array.of(1), [1], "row");
  const vectors = [vector(130, 1), vector(70, 2)];
  const body = () => {
    for (const [k, { value }] of tables.entries())
      device.emit(recordRowCall(row.value, [vectors[k]!.value], value.size, value));
    return [];
  };
  for (const together of [false, true]) {
    for (const { value } of tables) device.write(value, new Float32Array(value.size));
    const { dispatches } = await outcome(body, together ? putSideBySide : (items) => [...items]);
    assert.is(dispatches, together ? 1 : 2);
    for (const [k, table] of tables.entries()) {
      const data = await table.data();
      const v = numbers(vectors[k]!.size, k + 1);
      const mean = v.reduce((a, b) => a + b, 0) / v.length;
      assert.ok(Math.abs((data[1] as number) - mean) < 1e-5, `${k}: ${data}`);
      assert.is(data[0], 0);
    }
  }
});

test("an error still names the op whose result it is", async () => {
  const x = variable(device, Float32Array.of(1, 2), [2], "x");
  const y = variable(device, Float32Array.of(1e30, 2), [2], "y");
  const { program } = await record(device, () => [sum(x), exp(y)]);
  assert.is(program.statistics.dispatches, 1);
  await rejects(() => program.diagnose(), NonFiniteError, /^exp: .*infinite values$/);
  program.release();

  // What only the kernel behind it reads is no cause.
  const v = variable(device, Float32Array.of(1, Number.NaN), [2], "v");
  const beside = await record(device, () => [exp(y), mul(v, 2)]);
  assert.is(beside.program.statistics.dispatches, 1);
  await rejects(() => beside.program.diagnose(), NonFiniteError, /^exp: .*infinite values$/);
  device.write(y.value, Float32Array.of(1, 2));
  await rejects(() => beside.program.diagnose(), NonFiniteError, /^mul: .*; v held such values/);
  beside.program.release();

  const lost = tensor(device, [1, 2]);
  device.release(lost.value);
  await rejects(() => record(device, () => [sum(x), exp(lost)]), Error, /^exp: /);
});

test("updates of a training step are left apart", async () => {
  const [x, y] = [vector(200, 1), vector(100, 2)];
  const parts = (names: readonly string[]) => () =>
    names.map((name, k) => recordPart(device, name, () => sum(k === 0 ? x : y)));
  await check(parts(["critic", "critic"]), [2, 1]);
  await check(parts(["critic", "decoder"]), [2, 2]);
});

test("what is packed is left alone, with what touches it", async () => {
  const [x, y] = [vector(200, 1), vector(100, 2)];
  const arena = variable(device, new Float32Array(128), [128], "arena");
  const body = () => {
    const [a, b] = [sum(x), sum(y)];
    const inputs = [a.value, b.value];
    device.emit({ op: "pack", pack: true, inputs, target: arena.value, offsets: [0, 256] });
    return [sum(arena), sum(exp(arena)), sum(x, 0, true)];
  };
  const joined = (await check(body, [6, 5])).filter((name) => name.includes("+"));
  assert.equal(joined, ["sum (128) + sum (200)"], "neither reads the arena or is packed");
});

test("reductions through workgroup memory keep their barriers", async () => {
  const xs = [1, 2].map((seed) => vector(500 * seed, seed));
  const outs = xs.map(() => variable(device, new Float32Array(1), [1], "sum"));
  const body = () => {
    for (const [k, x] of xs.entries()) {
      const view = contiguousView(x.value, x.shape);
      const options = { variant: "tree", splits: 1 } as const;
      for (const call of reduceCalls("sum", "sum", x.shape, [0], view, outs[k]!.value, options))
        device.emit(call);
    }
    return [];
  };
  const sums = async (optimise: Optimise, dispatches: number) => {
    for (const { value } of outs) device.write(value, Float32Array.of(Number.NaN));
    assert.is((await outcome(body, optimise)).dispatches, dispatches);
    return Promise.all(outs.map(async (out) => [...(await out.data())]));
  };
  const apart = await sums((items) => [...items], 2);
  assert.equal(await sums(putSideBySide, 1), apart);
  for (const [k, x] of xs.entries()) {
    const exact = numbers(x.size, k + 1).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(apart[k]![0]! - exact) < 1e-3, `${apart[k]} for ${exact}`);
  }
});

test("whatever is recorded gives the same bits", async () => {
  const inputs = [1, 2, 3].map((seed) => vector(64, seed));
  const steps = fc.array(
    fc.tuple(fc.constantFrom("sum", "exp", "add", "pack", "row"), fc.nat(9), fc.nat(9)),
    { minLength: 2, maxLength: 14 },
  );
  const reset = () => {
    for (const [k, x] of inputs.entries()) device.write(x.value, numbers(64, k + 1));
  };
  const row = variable(device, Uint32Array.of(3), [1], "row");
  const counts: number[] = []; // with the pass and without, in turns
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const body = () => {
        const made: Tensor[] = [...inputs];
        for (const [kind, i, k] of plan) {
          const [a, b] = [made[i % made.length]!, made[k % made.length]!];
          if (kind === "sum") made.push(mul(add(sum(a), inputs[0]!), 0.01));
          else if (kind === "exp") made.push(exp(mul(a, 0.1)));
          else if (kind === "add") made.push(mul(add(a, b), 0.5));
          // An input is changed in place, or written anew.
          else if (b === inputs[i % 3]) continue;
          else if (kind === "row")
            device.emit(recordRowCall(row.value, [b.value], 64, inputs[i % 3]!.value));
          else {
            const target = inputs[i % 3]!.value;
            device.emit({ op: "pack", pack: true, inputs: [b.value], target, offsets: [0] });
          }
        }
        return made.slice(3);
      };
      const bits = async (optimise: Optimise) => {
        reset();
        const { data, dispatches } = await outcome(body, optimise);
        counts.push(dispatches);
        const left = await Promise.all(inputs.map(async (x) => [...(await x.data())]));
        return [data, left];
      };
      assert.equal(await bits(putSideBySide), await bits((items) => [...items]));
    }),
    { numRuns: 25, seed: 7 },
  );
  const fewer = counts.filter((n, k) => k % 2 === 0 && n < (counts[k + 1] as number));
  assert.ok(fewer.length > 10, `${fewer.length} of 25 have fewer dispatches`);
});

test.run();

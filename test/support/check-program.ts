/** Random programs run op by op and recorded, against float64. */
import * as assert from "uvu/assert";
import { add, mul, square } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { type Item, isPack, writtenBy } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Program } from "../../src/gpu/program.ts";
import type { ReadCosts } from "../../src/gpu/target.ts";
import type { Value } from "../../src/gpu/value.ts";
import { fuse } from "../../src/kernels/fusion.ts";
import { mergeSums } from "../../src/kernels/merge-sums.ts";
import { putSideBySide } from "../../src/kernels/side-by-side.ts";
import { readThroughTextures } from "../../src/kernels/textured-items.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { checkFused } from "./fused.ts";
import { sizeOf } from "./host.ts";
import { fixed, type Hyper, type HyperTensor, plus, scaled, times, total } from "./hyper.ts";
import { numbers } from "./products.ts";
import { type Draft, type Statement, statementOf } from "./random-programs.ts";
import { FREE, withCosts } from "./read-costs.ts";

/** How many of the last results the loss and its derivatives are made of. */
const LAST = 3;
/** Of the largest number of a tensor, or of 1. */
const TOLERANCE = 1e-3;

interface Plan {
  readonly inputs: readonly Float32Array[];
  readonly directions: readonly Float32Array[];
  readonly shapes: readonly (readonly number[])[];
  readonly statements: readonly Statement[];
  /** Results that the loss is made of, and those that are kept beside it. */
  readonly last: readonly number[];
}

function planOf({ inputs: shapes, instructions }: Draft): Plan {
  const inputs = shapes.map((s, k) => numbers(sizeOf(s), 50 + k).map((x) => Math.fround(1.5 * x)));
  const pool: HyperTensor[] = shapes.map((shape, k) => ({
    shape,
    data: Array.from(inputs[k] as Float32Array, fixed),
  }));
  const statements: Statement[] = [];
  for (const instruction of instructions) {
    const statement = statementOf(pool, instruction);
    if (!statement) continue;
    statements.push(statement);
    pool.push(statement.host(statement.operands.map((k) => pool[k] as HyperTensor)));
  }
  const first = Math.max(0, pool.length - LAST);
  return {
    inputs,
    directions: shapes.map((s, k) => numbers(sizeOf(s), 70 + k)),
    shapes,
    statements,
    last: pool.map((_, k) => k).slice(first),
  };
}

export function textOf(draft: Draft): string {
  const { shapes, statements, last } = planOf(draft);
  const lines = statements.map(
    (s, k) => `  t${shapes.length + k} = ${s.text}(${s.operands.map((o) => `t${o}`)})`,
  );
  const heads = shapes.map((s, k) => `  t${k}: [${s}]`);
  return [...heads, ...lines, `  loss of ${last.map((k) => `t${k}`)}`].join("\n");
}

/** What the program gives: the last results, the loss, first and second derivatives. */
function reference({ inputs, directions, shapes, statements, last }: Plan): number[][] {
  const run = (seeded: (k: number, i: number) => number): HyperTensor[] => {
    const pool: HyperTensor[] = shapes.map((shape, k) => ({
      shape,
      data: Array.from(
        inputs[k] as Float32Array,
        (x, i): Hyper => [x, seeded(k, i), directions[k]?.[i] as number, 0],
      ),
    }));
    for (const s of statements) pool.push(s.host(s.operands.map((k) => pool[k] as HyperTensor)));
    return pool;
  };
  const lossOf = (pool: readonly HyperTensor[]): Hyper =>
    last
      .map((k, n) => {
        const { data } = pool[k] as HyperTensor;
        return scaled(total(data.map((e) => times(e, e))), (n + 1) / data.length);
      })
      .reduce(plus);
  const plain = run(() => 0);
  const results = last.map((k) => (plain[k] as HyperTensor).data.map((e) => e[0]));
  const derivatives = inputs.map((x, k) =>
    Array.from(x, (_, i) => lossOf(run((n, m) => (n === k && m === i ? 1 : 0)))),
  );
  return [
    ...results,
    [lossOf(plain)[0]],
    ...derivatives.map((d) => d.map((e) => e[1])),
    ...derivatives.map((d) => d.map((e) => e[3])),
  ];
}

function uploaded(device: Device, plan: Plan) {
  const upload = (data: readonly Float32Array[], name: string) =>
    data.map((x, k) => variable(device, x, plan.shapes[k] as number[], `${name} ${k}`));
  const inputs = upload(plan.inputs, "input");
  const directions = upload(plan.directions, "direction");
  const release = () => {
    for (const t of [...inputs, ...directions]) device.release(t.value);
  };
  return { inputs, directions, release };
}

/** The same on the device; derivatives that nothing depends on are left out. */
function bodyOf(plan: Plan, inputs: readonly Tensor[], directions: readonly Tensor[]) {
  return (): (Tensor | undefined)[] => {
    const tracked = inputs.map(track);
    const pool = [...tracked];
    for (const s of plan.statements) pool.push(s.device(s.operands.map((k) => pool[k] as Tensor)));
    const last = plan.last.map((k) => pool[k] as Tensor);
    const loss = last
      .map((t, n) => mul(sum(square(t)), (n + 1) / t.size))
      .reduce((a, b) => add(a, b));
    const first = grad(loss, tracked, { createGraph: true, allowUnused: true });
    const along = first.flatMap((g: Tensor | undefined, k) =>
      g ? [sum(mul(g, directions[k] as Tensor))] : [],
    );
    const inner = along.length > 0 ? along.reduce((a, b) => add(a, b)) : undefined;
    const second = inner ? grad(inner, tracked, { allowUnused: true }) : [];
    return [...last, loss, ...first, ...tracked.map((_, k) => second[k])];
  };
}

/** What a list of items reads before it is there, or never makes. */
function missing(items: readonly Item[], keep: ReadonlySet<Value>): string[] {
  const made = new Set<Value>();
  const there = (v: Value): boolean => v.storage !== undefined || made.has(v);
  const found: string[] = [];
  for (const item of items) {
    for (const v of [...item.inputs, ...(isPack(item) ? [] : item.updates)])
      if (!there(v)) found.push(`${item.op} reads ${v.label}`);
    for (const v of writtenBy(item)) made.add(v);
  }
  for (const v of keep) if (!there(v)) found.push(`nothing makes ${v.label}`);
  return found;
}

/** What stops a recording before anything is compiled. */
class Seen extends Error {}

/** Asserts that each pass leaves a program that makes what it reads; compiles no kernel. */
export async function checkPasses(device: Device, draft: Draft): Promise<void> {
  const plan = planOf(draft);
  const { inputs, directions, release } = uploaded(device, plan);
  const faults: string[] = [];
  const body = () => bodyOf(plan, inputs, directions)().filter((t) => t !== undefined);
  const keep = (tensors: readonly Tensor[]) => tensors.map((t) => t.value);
  try {
    await Program.record(device, body, keep, (items, kept) => {
      const fused = fuse(items, kept);
      const merged = mergeSums(fused, kept);
      const joined = putSideBySide(merged);
      const textured = readThroughTextures(joined, device);
      for (const [pass, left] of Object.entries({ items, fused, merged, joined, textured }))
        faults.push(...missing(left, kept).map((fault) => `${pass}: ${fault}`));
      throw new Seen();
    });
  } catch (error) {
    if (!(error instanceof Seen)) throw error;
  } finally {
    release();
  }
  if (faults.length > 0) assert.unreachable(`program\n${textOf(draft)}\n${faults.join("\n")}`);
}

/** Asserts that a program gives the same bits when all that can be is read through textures. */
export async function checkTextures(device: Device, draft: Draft): Promise<void> {
  const plan = planOf(draft);
  const { inputs, directions, release } = uploaded(device, plan);
  const body = () => bodyOf(plan, inputs, directions)().filter((t) => t !== undefined);
  const computed = async (costs: ReadCosts | undefined): Promise<number[][]> => {
    const { program, result } = await withCosts(device, costs, () => record(device, body));
    program.run();
    const data = await Promise.all(result.map((t) => t.data()));
    program.release();
    return data.map((d) => [...new Uint32Array(d.buffer)]);
  };
  try {
    assert.equal(await computed(FREE), await computed(undefined), `program\n${textOf(draft)}`);
  } finally {
    release();
  }
}

/** Asserts that a program gives the same op by op, recorded, and in float64. */
export async function checkProgram(device: Device, draft: Draft): Promise<void> {
  const plan = planOf(draft);
  const wanted = reference(plan);
  const { inputs, directions, release } = uploaded(device, plan);
  const body = bodyOf(plan, inputs, directions);
  const present: number[] = [];
  const what = `program\n${textOf(draft)}\n`;
  try {
    const given = await checkFused(device, what, () => {
      const results = body();
      present.length = 0;
      for (const [k, t] of results.entries()) if (t) present.push(k);
      return results.filter((t) => t !== undefined);
    });
    for (const [k, want] of wanted.entries()) {
      const got = given[present.indexOf(k)];
      const scale = want.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
      for (const [i, x] of want.entries())
        if (!(Math.abs((got?.[i] ?? 0) - x) <= TOLERANCE * scale))
          assert.unreachable(`${what}result ${k}: element ${i} is ${got?.[i]}, not ${x}`);
    }
  } catch (error) {
    if (error instanceof assert.Assertion) throw error;
    throw new Error(`${what}${(error as Error).message}`, { cause: error });
  } finally {
    release();
  }
}

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import type { Device } from "../../src/gpu/device.ts";
import { NonFiniteError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { ones, tensor, variable } from "../../src/tensor/create.ts";
import { record, scope } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { handCall } from "../support/kernels.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("debug ladder");

async function open(debug: number): Promise<{ device: Device; lines: string[] }> {
  const lines: string[] = [];
  const device = await openDevice({ debug, log: (line) => lines.push(line) });
  return { device, lines };
}

/** Writes a NaN or an infinity, by its bits, into one element. */
function poison(device: Device, x: Tensor, bits: string): Tensor {
  const out = emptyResult(device, "poison", x.shape);
  const body = `if (i < ${x.size}u) {
    var word = bitcast<u32>(in0[i]);
    if (i == ${x.size - 1}u) { word = ${bits}; }
    out0[i] = word;
  }`;
  const groups = Math.ceil(x.size / 64);
  const call = handCall({ op: "poison", inputs: [x.value], outputs: [out.value], body, groups });
  device.emit({
    ...call,
    kernel: () => {
      const source = call.kernel();
      const code = source.code.replace(/out0: array<f32>/, "out0: array<u32>");
      return { ...source, code };
    },
  });
  return out;
}

test("0 prints nothing", async () => {
  const { device, lines } = await open(0);
  await add(ones(device, [3]), 1).data();
  assert.equal(lines, []);
  device.close();
});

test("1 prints a line a kernel, and its text the first time", async () => {
  const { device, lines } = await open(1);
  const x = ones(device, [3, 2]);
  const y = mul(add(x, 1), 2);
  assert.equal([...(await add(y, 1).data())], new Array(6).fill(5));
  const heads = lines.filter((line) => !line.startsWith(" "));
  assert.equal(heads, [
    "full: full 3×2, 1×1×1 workgroups",
    "add: add 3×2, 1×1×1 workgroups",
    "mul: mul 3×2, 1×1×1 workgroups",
    "add: add 3×2, 1×1×1 workgroups",
  ]);
  const texts = lines.filter((line) => line.startsWith(" "));
  assert.is(texts.length, 3);
  assert.match(texts[1]!, /^ {4}@compute @workgroup_size\(64, 1, 1\)$/m);
  lines.length = 0;
  const { program, result } = await record(device, () => exp(mul(x, 2)));
  program.run();
  program.run();
  assert.ok(Math.abs((await result.data())[0]! - Math.exp(2)) < 1e-4);
  assert.is(lines.filter((line) => line.startsWith("exp: exp 3×2")).length, 2);
  assert.is(lines.length, 3);
  device.close();
});

for (const [what, bits] of [
  ["NaN", "0x7fc00001u"],
  ["a negative NaN", "0xffc00000u"],
  ["infinity", "0x7f800000u"],
  ["negative infinity", "0xff800000u"],
] as const)
  test(`2 names the first op that made ${what}`, async () => {
    const { device } = await open(2);
    const x = variable(device, new Float32Array(5000).fill(1), [5000], "x");
    const y = add(mul(x, 2), 1);
    await y.data();
    const z = exp(poison(device, y, bits));
    const pattern = /^poison: the result holds NaN or infinite values$/;
    const error = await rejects(() => z.data(), NonFiniteError, pattern);
    assert.is((error as NonFiniteError).exitCode, 6);
    await y.data();
    poison(device, y, bits);
    await rejects(() => device.finish(), NonFiniteError, pattern);
    const { program, result } = await record(device, () => exp(poison(device, mul(x, 3), bits)));
    program.run();
    await rejects(() => result.data(), NonFiniteError, pattern);
    device.close();
  });

test("2 names the variable that an update spoilt, and passes what is finite", async () => {
  const { device } = await open(2);
  const w = variable(device, Float32Array.of(1, 3.4e38), [2], "decoder.bias");
  const update = (factor: string) =>
    device.emit(
      handCall({ op: "sgd", updates: [w.value], body: `if (i < 2u) { out0[i] *= ${factor}; }` }),
    );
  update("0.9");
  assert.ok((await w.data())[1]! > 3e38);
  update("2.0");
  await rejects(() => w.data(), NonFiniteError, /^sgd \(decoder.bias\): /);
  device.close();
});

test("3 reuses no buffer", async () => {
  const counts: number[] = [];
  for (const debug of [0, 3]) {
    const { device } = await open(debug);
    const x = tensor(device, new Float32Array(1000).fill(1));
    const before = device.pool.statistics().created;
    let last = 0;
    for (let i = 0; i < 5; i++) {
      const y = scope(device, () => add(mul(x, 2), i));
      last = (await y.data())[999]!;
      device.release(y.value);
    }
    assert.is(last, 6);
    counts.push(device.pool.statistics().created - before);
    if (debug === 3) assert.is(device.pool.statistics().idleBytes, 0);
    const { program, result } = await record(device, () => {
      let y = x;
      for (let i = 0; i < 6; i++) y = add(poison(device, y, "0x3f800000u"), 1);
      return y;
    });
    counts.push(program.statistics.peakBytes / 4000);
    program.run();
    assert.is((await result.data())[999], 2);
    device.close();
  }
  assert.equal(counts, [2, 3, 10, 12]);
});

test.run();

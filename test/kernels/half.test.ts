import { suite } from "uvu";
import * as assert from "uvu/assert";
import conv2d from "../../shaders/conv2d.wgsl";
import inputGradient from "../../shaders/conv2d_input_gradient.wgsl";
import weightGradient from "../../shaders/conv2d_weight_gradient.wgsl";
import matmul from "../../shaders/matmul.wgsl";
import matmulSubgroups from "../../shaders/matmul_subgroups.wgsl";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { GpuValidationError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Value } from "../../src/gpu/value.ts";
import { readHalves, toHalfCall } from "../../src/kernels/half.ts";
import { specialise } from "../../src/kernels/specialise.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { halfValue } from "../support/half.ts";
import { assertSums, compute, matmulReference, numbers, upload } from "../support/products.ts";
import { skip } from "../support/skip.ts";

const test = suite("f16 storage");
readTextures(test);

/** A value on the device that holds the numbers rounded to f16, and what they became. */
async function halves(device: Device, x: Float32Array<ArrayBuffer>) {
  const value = new Value(device, "f16", x.length, "halves");
  device.emit(toHalfCall("matmul", upload(device, x), value));
  const bits = new Uint16Array(await device.read(value));
  return { value, bits, numbers: Float32Array.from(bits, halfValue) };
}

/** Bits of f16 as the kernel makes them of numbers. */
async function rounded(x: ArrayLike<number>): Promise<number[]> {
  return [...(await halves(await testDevice(), Float32Array.from(x))).bits];
}

const hex = (bits: readonly number[]): string[] => bits.map((b) => b.toString(16));

/** Asserts what numbers become, and names the first that becomes something else. */
async function becomes(x: readonly number[], want: readonly number[]): Promise<void> {
  const got = await rounded(x);
  const wrong = want.findIndex((bits, i) => got[i] !== bits);
  if (wrong >= 0)
    assert.equal([x[wrong], ...hex([got[wrong]!])], [x[wrong], ...hex([want[wrong]!])]);
  assert.is(got.length, want.length);
}

/** Every finite f16 that is not negative, rising: its bits count them. */
const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => bits);

test("every finite f16 stays what it is, with either sign", async () => {
  await becomes(FINITE.map(halfValue), FINITE);
  const negative = FINITE.map((bits) => bits | 0x8000);
  await becomes(negative.map(halfValue), negative);
});

test("what lies between two f16 becomes the nearer, halfway between them the even one", async () => {
  const lower = FINITE.slice(0, -1);
  // Halfway is one digit more than f16 has; f32 has twelve more still.
  const middle = lower.map((bits) => (halfValue(bits) + halfValue(bits + 1)) / 2);
  const next = (x: number, by: number): number => {
    const word = new Uint32Array(new Float32Array([x]).buffer);
    word[0]! += by;
    return new Float32Array(word.buffer)[0]!;
  };
  const upper = lower.map((bits) => 0x8000 | (bits + 1));
  const even = lower.map((bits) => bits + (bits % 2));
  await becomes(middle, even);
  await becomes(
    middle.map((x) => next(x, -1)),
    lower,
  );
  await becomes(
    middle.map((x) => -next(x, 1)),
    upper,
  );
});

test("what is too large becomes the largest f16; infinity and NaN stay what they are", async () => {
  const large = [65504, 65519, 65520, 1e5, 3.4e38];
  assert.equal(hex(await rounded(large)), Array(5).fill("7bff"));
  assert.equal(hex(await rounded(large.map((x) => -x))), Array(5).fill("fbff"));
  const infinity = Number.POSITIVE_INFINITY;
  const special = [infinity, -infinity, Number.NaN, -0, 2 ** -126, -(2 ** -149)];
  assert.equal(hex(await rounded(special)), ["7c00", "fc00", "7e00", "8000", "0", "8000"]);
});

test("lengths that fill no word or vector", async () => {
  for (const length of [1, 2, 3, 5, 6, 7, 257]) {
    const x = Array.from({ length }, (_, i) => i + 1);
    assert.equal((await rounded(x)).map(halfValue), x);
  }
});

test("refuses other types and lengths", async () => {
  const device = await testDevice();
  const value = (dtype: "f32" | "f16" | "u32", size: number) => new Value(device, dtype, size, "");
  const refused = (x: Value, out: Value, pattern: RegExp) =>
    assert.throws(
      () => toHalfCall("conv2d", x, out),
      (e: unknown) => e instanceof GpuValidationError && pattern.test(e.message),
    );
  refused(value("f32", 4), value("f32", 4), /^conv2d: 4 elements of f32 cannot become 4 of f32/);
  refused(value("u32", 4), value("f16", 4), /4 elements of u32/);
  refused(value("f32", 4), value("f16", 5), /become 5 of f16/);
});

test("the products' shaders can read either of their inputs as f16", () => {
  const shaders: [text: string, inputs: [string, string]][] = [
    [matmul, ["a", "b"]],
    [matmulSubgroups, ["a", "b"]],
    [conv2d, ["x", "w"]],
    [inputGradient, ["dy", "w"]],
    [weightGradient, ["x", "dy"]],
  ];
  for (const [text, [first, second]] of shaders) {
    const code = readHalves("test", text, { [first]: 1, [second]: 4 });
    assert.ok(code.startsWith("enable f16;\n"));
    assert.ok(code.includes(`var<storage, read> ${first}: array<f16>;`));
    assert.ok(code.includes(`return f32(${first}[i]);`));
    assert.ok(code.includes(`var<storage, read> ${second}: array<vec4<f16>>;`));
    assert.ok(code.includes(`return vec4f(${second}[i]);`));
  }
  assert.throws(
    () => readHalves("conv2d", conv2d, { z: 1 }),
    /^conv2d: the shader has no input z that is read in one place$/,
  );
});

/** C = A · Bᵀ, one element a thread, with an input read one by one and one read by fours. */
const PRODUCT = `
alias BX = vec4f;
const M = 1u;
const N = 1u;
const K = 1u;
@group(0) @binding(0) var<storage, read> a: array<f32>; // [M, K]
@group(0) @binding(1) var<storage, read> b: array<BX>; // [N, K]
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
fn loadA(i: u32) -> f32 {
  return a[i];
}
fn loadB(i: u32) -> BX {
  return b[i];
}
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= M * N) {
    return;
  }
  var sum = 0.0;
  for (var k = 0u; k < K; k += 4u) {
    let at = (id.x / N) * K + k;
    sum += dot(vec4f(loadA(at), loadA(at + 1u), loadA(at + 2u), loadA(at + 3u)), loadB(((id.x % N) * K + k) / 4u));
  }
  c[id.x] = sum;
}
`;

function productCall(a: Value, b: Value, c: Value, m: number, n: number, k: number): Call {
  const code = readHalves("product", PRODUCT, { a: 1, b: 4 });
  return {
    op: "product",
    inputs: [a, b],
    outputs: [c],
    updates: [],
    kernel: () => ({
      name: "product",
      code: specialise(code, { constants: { M: m, N: n, K: k } }),
      workgroups: [Math.ceil((m * n) / 64), 1, 1],
      flops: 0,
      bytes: 0,
    }),
  };
}

let opened: Promise<Device> | undefined;

/** A device with f16, or undefined where the adapter has none. */
async function halfDevice(): Promise<Device | undefined> {
  opened ??= openDevice({ features: ["shader-f16"] });
  const device = await opened;
  if (device.has.f16) return device;
  skip(`${device.adapter.name} has no shader-f16`);
  return undefined;
}

/** A · Bᵀ of numbers rounded to f16, and the same in float64. */
async function checkProduct(
  device: Device,
  x: Float32Array<ArrayBuffer>,
  y: Float32Array<ArrayBuffer>,
  [m, n, k]: readonly [number, number, number],
): Promise<Float32Array> {
  const a = await halves(device, x);
  const b = await halves(device, y);
  const c = await compute(device, m * n, (out) => [productCall(a.value, b.value, out, m, n, k)]);
  const g = { batch: 1, m, n, k, transposeA: false, transposeB: true };
  assertSums(c, matmulReference(a.numbers, b.numbers, g), `${m}×${k}×${n} of f16`);
  return c;
}

test("a kernel that reads f16 computes in f32", async () => {
  const device = await halfDevice();
  if (!device) return;
  const [m, n, k] = [5, 7, 36];
  await checkProduct(device, numbers(m * k, 1), numbers(n * k, 2), [m, n, k]);
  // f16 sums of ones end at 2048, where the next one is less than half a unit; and at 65504.
  const ones = new Float32Array(70_000).fill(1);
  assert.equal([...(await checkProduct(device, ones, ones, [1, 1, 70_000]))], [70_000]);
  // Products that are too large for f16, and too small.
  const [large, small] = [new Float32Array(4).fill(60_000), new Float32Array(4).fill(2 ** -14)];
  assert.equal([...(await checkProduct(device, large, large, [1, 1, 4]))], [4 * 60_000 ** 2]);
  assert.equal([...(await checkProduct(device, small, small, [1, 1, 4]))], [2 ** -26]);
});

test.after(async () => {
  (await opened)?.close();
});

test.run();

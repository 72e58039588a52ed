import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Call } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { Program } from "../../src/gpu/program.ts";
import { TEXTURE_WIDTH, texelLoad, textureType } from "../../src/gpu/textures.ts";
import { Value } from "../../src/gpu/value.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { handCall } from "../support/kernels.ts";

const test = suite("inputs read through textures");

/** out[i] = a[i] + b[i], a and b read through textures; lengths are multiples of 4. */
function addition(a: Value, b: Value, out: Value): Call {
  const threads = out.size / 4;
  const place = `vec2u(i % ${TEXTURE_WIDTH}u, i / ${TEXTURE_WIDTH}u)`;
  const { reads } = out.device.target.textures;
  const load = (name: string) => texelLoad(reads, name, place);
  const code = `
@group(0) @binding(0) var a: ${textureType(reads)};
@group(0) @binding(1) var b: ${textureType(reads)};
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < ${threads}u) {
    out[i] = ${load("a")} + ${load("b")};
  }
}`;
  return {
    op: "addition",
    inputs: [a, b],
    outputs: [out],
    updates: [],
    textures: [0, 1],
    kernel: () => ({
      name: "addition",
      code,
      workgroups: [Math.ceil(threads / 64), 1, 1],
      flops: out.size,
      bytes: 12 * out.size,
    }),
  };
}

function operands(device: Device, size: number): [Tensor, Tensor] {
  const counting = Float32Array.from({ length: size }, (_, i) => i % 4099);
  const constant = new Float32Array(size).fill(0.5);
  return [variable(device, counting, [size], "a"), variable(device, constant, [size], "b")];
}

const result = (device: Device, size: number): Tensor =>
  Tensor.of(device, new Value(device, "f32", size, "sum"), [size]);

const row = TEXTURE_WIDTH * 4;
for (const [name, size] of [
  ["part of a row", 12],
  ["whole rows", 2 * row],
  ["whole rows and part of one", 2 * row + 20],
] as const)
  test(`${name}`, async () => {
    const device = await testDevice();
    const [a, b] = operands(device, size);
    const sum = result(device, size);
    device.emit(addition(a.value, b.value, sum.value));
    const data = await sum.data();
    assert.ok(data.every((x, i) => x === (i % 4099) + 0.5));
    // Shorter data in the same textures, and twice the same input.
    const twice = result(device, 12);
    const [c] = operands(device, 12);
    device.emit(addition(c.value, c.value, twice.value));
    assert.equal([...(await twice.data())], [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
  });

test("a replay sees new values and makes no texture", async () => {
  const device = await testDevice();
  const [a, b] = operands(device, 8);
  const { program, result: sum } = await record(device, () => {
    const first = result(device, 8);
    const second = result(device, 8);
    device.emit(addition(a.value, b.value, first.value));
    device.emit(addition(first.value, a.value, second.value));
    return second;
  });
  const { bytes } = device.textures;
  for (const x of [1, 2, 3]) {
    device.write(a.value, new Float32Array(8).fill(x));
    program.run();
    assert.equal([...(await sum.data())], new Array(8).fill(2 * x + 0.5));
  }
  assert.is(device.textures.bytes, bytes);
  assert.is(program.statistics.dispatches, 2);
  program.runEager();
  assert.equal([...(await sum.data())], new Array(8).fill(6.5));
  assert.ok((await program.profile(1)).some((line) => line.name === "addition"));
  program.release();
});

/** Textures that are filled before each dispatch of a program. */
function fillsOf(program: Program): number[] {
  return program.steps.flatMap((step) => (step.kind === "dispatch" ? [step.fills.length] : []));
}

test("what a texture holds is not copied there again, and fills are made together", async () => {
  const device = await testDevice();
  const [a, b] = operands(device, 8);
  const { program, result: sums } = await record(device, () => {
    const [first, second, third] = [0, 1, 2].map(() => result(device, 8)) as Tensor[];
    device.emit(addition(a.value, b.value, first!.value)); // fills a and b
    device.emit(addition(b.value, a.value, second!.value)); // in another order
    device.emit(addition(first!.value, b.value, third!.value));
    return [first!, second!, third!];
  });
  assert.equal(fillsOf(program), [2, 0, 1]);
  for (const x of [1, 2]) {
    device.write(a.value, new Float32Array(8).fill(x));
    program.run();
    const data = await Promise.all(sums.map((t) => t.data()));
    assert.equal(
      data.map((d) => d[7]),
      [x + 0.5, x + 0.5, x + 1],
    );
  }
  program.release();
});

test("a texture is filled again when its buffer has changed", async () => {
  const device = await testDevice();
  const [a, b] = operands(device, 64);
  const double = { op: "double", updates: [a.value], body: "out0[i] *= 2.0;" };
  const { program, result: sums } = await record(device, () => {
    const [first, second, third] = [0, 1, 2].map(() => result(device, 64)) as Tensor[];
    device.emit(addition(a.value, b.value, first!.value));
    device.emit(handCall(double));
    device.emit(addition(a.value, b.value, second!.value));
    device.emit({
      op: "assign",
      pack: true,
      inputs: [first!.value],
      target: a.value,
      offsets: [0],
    });
    device.emit(addition(a.value, b.value, third!.value));
    return [first!, second!, third!];
  });
  assert.equal(fillsOf(program), [2, 0, 1, 1]);
  device.write(a.value, new Float32Array(64).fill(3));
  program.run();
  const data = await Promise.all(sums.map((t) => t.data()));
  assert.equal(
    data.map((d) => d[63]),
    [3.5, 6.5, 4],
  );
  program.release();
});

test("fills move to earlier ones, but not over what they depend on", async () => {
  const device = await testDevice();
  const [a, b] = operands(device, 8);
  const [c, d] = operands(device, 8);
  const { program, result: sums } = await record(device, () => {
    const [first, second, third] = [0, 1, 2].map(() => result(device, 8)) as Tensor[];
    device.emit(addition(a.value, b.value, first!.value));
    device.emit(addition(c.value, d.value, second!.value)); // both are there from the start
    device.emit(addition(second!.value, first!.value, third!.value)); // made just before
    return third!;
  });
  assert.equal(fillsOf(program), [4, 0, 2]);
  program.run();
  assert.equal([...(await sums.data())], [1, 3, 5, 7, 9, 11, 13, 15]);
  program.release();
});

test("values that are larger than a few weights share two textures", async () => {
  const device = await testDevice();
  const size = 40 * row; // 2.5 MiB
  const [a, b] = operands(device, size);
  const { program, result: sum } = await record(device, () => {
    let x = a;
    for (let k = 0; k < 4; k++) {
      const next = result(device, size);
      device.emit(addition(x.value, b.value, next.value));
      x = next;
    }
    return x;
  });
  assert.equal(fillsOf(program), [2, 1, 1, 1]);
  assert.is(program.statistics.textureBytes, 2 * 64 * row * 4);
  program.run();
  const data = await sum.data();
  assert.is(data[size - 1], ((size - 1) % 4099) + 2);
  program.release();
});

test.run();

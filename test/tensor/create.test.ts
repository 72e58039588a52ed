import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import {
  DeviceLostError,
  DTypeError,
  OutOfMemoryError,
  ShapeError,
  UsageError,
} from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import type { DType } from "../../src/gpu/value.ts";
import {
  bytes,
  empty,
  full,
  ones,
  parameter,
  scalar,
  tensor,
  variable,
  zeros,
} from "../../src/tensor/create.ts";
import { record, scope, tensorsIn } from "../../src/tensor/run.ts";
import { checkShape, formatShape, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("tensors");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

const list = async (t: Tensor<DType>): Promise<number[]> => [...(await t.data())];

test("are made of nested arrays", async () => {
  const x = tensor(device, [
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
  ]);
  assert.equal(x.shape, [1, 3, 2]);
  assert.equal([x.size, x.rank, x.dtype, `${x}`], [6, 3, "f32", "Tensor [1, 3, 2] f32"]);
  assert.equal(await list(x), [1, 2, 3, 4, 5, 6]);
  assert.equal([tensor(device, 7).shape, await list(tensor(device, 7))], [[], [7]]);
  assert.equal(tensor(device, []).shape, [0]);
  assert.equal(tensor(device, [[], []]).shape, [2, 0]);
  assert.equal(tensor(device, [1, 2, 3, 4], [2, 2]).shape, [2, 2]);
});

test("are made of typed arrays, also of parts of them", async () => {
  const data = Float32Array.from({ length: 10 }, (_, i) => i);
  const part = tensor(device, data.subarray(3, 9), [2, 3]);
  assert.equal(await list(part), [3, 4, 5, 6, 7, 8]);
  const whole = tensor(device, Uint32Array.of(1, 0xffffffff, 3));
  assert.equal([whole.dtype, await list(whole)], ["u32", [1, 0xffffffff, 3]]);
});

test("are made of shared memory, too", async () => {
  const shared = new Float32Array(new SharedArrayBuffer(12));
  shared.set([1, 2, 3]);
  const x = tensor(device, shared as unknown as Float32Array<ArrayBuffer>, [3]);
  assert.equal([...(await x.data())], [1, 2, 3]);
});

test("keep the shape they were given, whatever becomes of the array", () => {
  const shape = [2, 3];
  const made = [tensor(device, new Float32Array(6), shape), full(device, shape, 1)];
  shape[0] = 5;
  for (const t of made) assert.equal(t.shape, [2, 3]);
});

test("are filled on the device", async () => {
  assert.equal(await list(zeros(device, [2, 2])), [0, 0, 0, 0]);
  assert.equal(await list(ones(device, [3])), [1, 1, 1]);
  assert.equal(await list(full(device, [5], -2.5)), new Array(5).fill(-2.5));
  assert.equal(await list(scalar(device, 0.5)), [0.5]);
  assert.equal(await scalar(device, 3).item(), 3);
  assert.ok(Number.isNaN(await full(device, [], Number.NaN).item()));
  assert.is(await full(device, [], Number.NEGATIVE_INFINITY).item(), Number.NEGATIVE_INFINITY);
  const nothing = zeros(device, [3, 0]);
  assert.equal([nothing.size, await list(nothing)], [0, []]);
  assert.equal(await list(empty(device, [0], "u32")), []);
});

test("that are variables are overwritten from the host, and outlive scopes", async () => {
  const made = scope(device, () => {
    const v = variable(device, Float32Array.of(1, 2), [2], "v");
    return { v, doubled: full(device, [2], 2) };
  });
  const { v } = scope(device, () => ({ v: made.v }));
  v.set(Float32Array.of(3, 4));
  assert.equal(await list(v), [3, 4]);
  assert.is(v.tracked, false);
  const p = parameter(device, Float32Array.of(1), [1], "p");
  assert.is(p.tracked, true);
  assert.is(p.value.label, "p");
  await rejects(
    () => v.set(Float32Array.of(1, 2, 3)),
    ShapeError,
    /^set: v has 2 elements, not 3$/,
  );
  await rejects(
    () => v.set(Uint32Array.of(1, 2) as never),
    DTypeError,
    /^set: v holds f32, not u32$/,
  );
});

test("of bytes arrive whole, whatever their number", async () => {
  for (const n of [1, 3, 4, 5, 17]) {
    const data = Uint8Array.from({ length: n }, (_, i) => 250 - i);
    const t = bytes(device, data, [n]);
    assert.equal(await t.data(), data);
  }
});

test("of bytes are named in out-of-memory messages", async () => {
  const small = await openDevice({ memoryLimit: 1024 });
  const data = new Uint8Array(4096);
  const wants = (label: string) => new RegExp(`^out of GPU memory: ${label} wants 4096 bytes`);
  await rejects(
    () => bytes(small, data, [4096], "the images of digits"),
    OutOfMemoryError,
    wants("the images of digits"),
  );
  await rejects(() => bytes(small, data, [4096]), OutOfMemoryError, wants("bytes"));
  small.close();
});

test("want typed arrays where the host's data is kept", async () => {
  const list = [1, 2] as unknown as Float32Array;
  const floats =
    /^parameter "p": data is an array, wanted a Float32Array: Float32Array\.from\(data\) makes one$/;
  await rejects(
    () => variable(device, list, [2], "v"),
    DTypeError,
    /^variable "v": data is an array, wanted a Float32Array or a Uint32Array: Float32Array\.from\(data\) makes one$/,
  );
  await rejects(() => parameter(device, list, [2], "p"), DTypeError, floats);
  const nothing = undefined as unknown as Float32Array;
  await rejects(
    () => parameter(device, nothing, [2], "p"),
    DTypeError,
    /^parameter "p": data is undefined, wanted/,
  );
  await rejects(
    () => bytes(device, list as unknown as Uint8Array, [2]),
    DTypeError,
    /^bytes: data is an array, wanted a Uint8Array: Uint8Array\.from\(data\) makes one$/,
  );
  const v = variable(device, Float32Array.of(1, 2), [2], "v");
  await rejects(
    () => v.set(list),
    DTypeError,
    /^set: values is an array, wanted a Float32Array, Uint32Array or Uint8Array$/,
  );
});

test("an upload waits for the work before it, and is seen by the work behind it", async () => {
  const v = variable(device, Float32Array.of(1), [1], "v");
  const seen: Tensor[] = [];
  for (let i = 0; i < 5; i++) {
    v.set(Float32Array.of(i));
    const copy = variable(device, Float32Array.of(-1), [1], "copy");
    device.emit({ op: "copy", pack: true, inputs: [v.value], target: copy.value, offsets: [0] });
    seen.push(copy);
  }
  assert.equal(await Promise.all(seen.map((t) => t.item())), [0, 1, 2, 3, 4]);
});

test("of shapes that make no sense are refused", async () => {
  const cases: [() => unknown, RegExp][] = [
    [() => tensor(device, [1, 2, 3], [2, 2]), /^tensor: \[2, 2\] does not hold 3 elements$/],
    [
      () => tensor(device, [[1, 2], [3]]),
      /^tensor: data has rows of different lengths: \[2\] and \[1\]$/,
    ],
    [() => tensor(device, [[1, 2], 3]), /rows of different length/],
    [
      () => tensor(device, new Float32Array(3), [-3]),
      /^tensor: \[-3\] is no shape: -3 is no length$/,
    ],
    [() => zeros(device, [2.5]), /^zeros: \[2.5\] is no shape/],
    [() => zeros(device, [Number.NaN]), /is no shape/],
    [
      () => zeros(device, [2 ** 20, 2 ** 11]),
      /^zeros: \[1048576, 2048\] has more than 2\^30 elements$/,
    ],
    [() => zeros(device, [2 ** 40, 2 ** 40, 0, 1e300]), /has more than|is no shape/],
    [() => empty(device, [2]), /^empty: \[2\] has elements$/],
    [
      () => variable(device, new Float32Array(3), [2], "w"),
      /^variable "w": \[2\] does not hold 3 elements$/,
    ],
    [() => bytes(device, new Uint8Array(3), [2]), /^bytes: \[2\] does not hold 3 bytes$/],
    [() => ones(device, [2]).item(), /^item: \[2\] has not one element$/],
  ];
  for (const [run, pattern] of cases) await rejects(run, ShapeError, pattern);
  await rejects(
    () => tensor(device, ["a" as unknown as number]),
    DTypeError,
    /^tensor: data holds a string, wanted numbers/,
  );
  checkShape("op", []);
  assert.is(formatShape([1, 2]), "[1, 2]");
});

test("are found in arrays and plain objects", () => {
  const [a, b, c] = [ones(device, []), ones(device, []), ones(device, [])];
  const found = [
    ...tensorsIn({ a, list: [b, [c], 1, null], f: () => a, s: "s", d: new Map([[a, a]]) }),
  ];
  assert.equal(found.length, 3);
  assert.ok(found[0] === a && found[1] === b && found[2] === c);
  assert.equal([...tensorsIn(undefined)], []);
});

test("many read-backs at once get each its own data", async () => {
  const tensors = Array.from({ length: 40 }, (_, i) => full(device, [1 + (i % 3) * 50], i));
  const data = await Promise.all(tensors.map((t) => t.data()));
  for (const [i, d] of data.entries()) {
    assert.is(d.length, 1 + (i % 3) * 50);
    assert.ok(d.every((x) => x === i));
  }
});

test("variables of every type are set from the host, and read back in arrays of their type", async () => {
  const floats = variable(device, Float32Array.of(1, 2), [2], "v");
  floats.set(Float32Array.of(3, 4));
  assert.equal(await floats.data(), Float32Array.of(3, 4));
  const whole = variable(device, Uint32Array.of(1), [1], "labels");
  whole.set(Uint32Array.of(0xffffffff));
  assert.equal(await whole.data(), Uint32Array.of(0xffffffff));
  const packed = bytes(device, new Uint8Array(5), [5]);
  packed.set(Uint8Array.of(1, 2, 3, 4, 5));
  assert.equal(await packed.data(), Uint8Array.of(1, 2, 3, 4, 5));
  const weights = parameter(device, Float32Array.of(1), [], "w");
  weights.set(Float32Array.of(7));
  assert.is(await weights.item(), 7);
});

test("nothing but an open device's variables is set, and not while recording", async () => {
  const made = tensor(device, [1, 2]);
  await rejects(
    () => made.set(Float32Array.of(3, 4)),
    UsageError,
    /^set: Tensor \[2\] f32 is no variable: variable\(device, data, shape\) makes one$/,
  );
  assert.equal(await list(made), [1, 2]);
  const v = variable(device, Float32Array.of(1), [1], "rate");
  await rejects(
    () => record(device, () => v.set(Float32Array.of(2))),
    UsageError,
    /^set: rate cannot be set while recording, since no replay would do it again: set it before program\.run\(\)$/,
  );
  assert.is(await v.item(), 1);
  const closed = await openDevice();
  const gone = variable(closed, Float32Array.of(1), [1], "gone");
  closed.close();
  await rejects(() => gone.set(Float32Array.of(2)), DeviceLostError, /the device was closed/);
});

test.run();

import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  readSafetensors,
  type SafetensorsTensor,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { CheckpointError } from "../../src/gpu/errors.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("safetensors");

const tensors = new Map<string, SafetensorsTensor>([
  ["bytes", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
  ["encoder.0.weight", { dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, Number.NaN) }],
  ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array(0) }],
  ["counter", { dtype: "U32", shape: [], data: Uint32Array.of(0xffffffff) }],
  ["signed", { dtype: "I32", shape: [1, 1, 1], data: Int32Array.of(-5) }],
]);

const f32 = { dtype: "F32", shape: [1], data_offsets: [0, 4] };

/** A file with this header text or object and this many bytes of values, without hashes. */
function file(header: unknown, payload = 4, length?: number): Uint8Array {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + text.length + payload);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const read = (bytes: Uint8Array) => () => readSafetensors(bytes, "last.safetensors");
const refused = (bytes: Uint8Array, pattern: RegExp) =>
  rejects(read(bytes), CheckpointError, pattern).then((error) => {
    assert.ok(error.message.startsWith("last.safetensors: "), error.message);
  });

/** NaN does not equal itself; its bytes do. */
function bits({ data }: Pick<SafetensorsTensor, "data">): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

test("reads what it wrote, bit for bit", async () => {
  const metadata = { model: "vae", note: 'quotes " and ünïcode', __proto__x: "1" };
  const back = await readSafetensors(await writeSafetensors(tensors, metadata), "x");
  assert.equal([...back.tensors.keys()].sort(), [...tensors.keys()].sort());
  for (const [name, { dtype, shape, data }] of tensors) {
    const got = back.tensors.get(name)!;
    assert.equal([got.dtype, got.shape], [dtype, shape]);
    assert.equal(bits(got), bits({ data }));
  }
  for (const [key, value] of Object.entries(metadata)) assert.is(back.metadata[key], value);
});

test("any tensors and metadata survive the round trip", async () => {
  const tensor = fc
    .float32Array({ maxLength: 20 })
    .map((data): SafetensorsTensor => ({ dtype: "F32", shape: [data.length], data }));
  const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
  const metadata = fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(names, tensor)), metadata, async (list, strings) => {
      const given = new Map(list);
      const back = await readSafetensors(await writeSafetensors(given, strings), "x");
      assert.is(back.tensors.size, given.size);
      for (const [name, { data }] of given) {
        assert.equal(bits(back.tensors.get(name)!), bits({ data }));
      }
      const { payload_sha256: _, header_sha256: __, ...rest } = back.metadata;
      assert.equal(Object.entries(rest).sort(), Object.entries(strings).sort());
    }),
    { numRuns: 60 },
  );
});

test("the same content has the same bytes, aligned, in any order", async () => {
  const metadata = { b: "2", a: "1" };
  const first = await writeSafetensors(tensors, metadata);
  const reversed = new Map([...tensors].reverse());
  assert.equal(await writeSafetensors(reversed, { a: "1", b: "2" }), first);
  const header = Number(new DataView(first.buffer).getBigUint64(0, true));
  assert.is(header % 8, 0);
  const entries = JSON.parse(new TextDecoder().decode(first.subarray(8, 8 + header)));
  assert.equal(Object.keys(entries), [
    "__metadata__",
    "counter",
    "empty",
    "encoder.0.weight",
    "signed",
    "bytes",
  ]);
  assert.equal(entries.signed, { dtype: "I32", shape: [1, 1, 1], data_offsets: [12, 16] });
});

test("reads a plain file of another writer, also unaligned", async () => {
  const bytes = file(`{"x":${JSON.stringify(f32)}} `);
  new DataView(bytes.buffer).setFloat32(bytes.length - 4, 2.5, true);
  const got = await readSafetensors(bytes, "x");
  assert.equal([...got.tensors.get("x")!.data], [2.5]);
  assert.equal(got.metadata, {});
  assert.is((await readSafetensors(file({}, 0), "x")).tensors.size, 0);
});

test("refuses every truncation and trailing bytes", async () => {
  const whole = await writeSafetensors(tensors, { model: "vae" });
  for (let length = 0; length < whole.length; length++) {
    await refused(whole.slice(0, length), /./);
  }
  const long = new Uint8Array(whole.length + 1);
  long.set(whole);
  await refused(long, /1 bytes from byte \d+ on belong to no tensor/);
});

test("notices every flipped bit", async () => {
  const small = new Map([
    ["w", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) } as const],
  ]);
  const whole = await writeSafetensors(small, { epoch: "3" });
  const good = await readSafetensors(whole, "x");
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    let got: Awaited<ReturnType<typeof readSafetensors>>;
    try {
      got = await readSafetensors(flipped, "x");
    } catch (error) {
      assert.instance(error, CheckpointError);
      continue;
    }
    // Only the name of the header's own hash can change unnoticed, and then nothing else has.
    assert.not("header_sha256" in got.metadata, `bit ${bit} of byte ${bit >> 3}`);
    assert.equal(got.tensors, good.tensors);
    assert.is(got.metadata.epoch, "3");
  }
});

test("refuses headers of a wrong length or form", async () => {
  await refused(new Uint8Array(7), /7 bytes, expected 8 bytes of header length/);
  await refused(file({}, 0, 3), /expected a header of 3 bytes from byte 8 on/);
  await refused(file({}, 0, 16_777_217), /header length 16777217 at byte 0 is above/);
  await refused(file({}, 0, 2 ** 53 - 1), /above the 16777216 that are read/);
  await refused(file("", 4), /byte 8 is not the \{/);
  await refused(file("[]"), /byte 8 is not the \{/);
  await refused(file(' {"x":1}'), /byte 8 is not the \{/);
  await refused(file('{"x":'), /not JSON/);
  const bytes = file('{"é":1}');
  bytes[10] = 0xff;
  await refused(bytes, /not UTF-8/);
});

test("refuses duplicate keys at every depth", async () => {
  const entry = JSON.stringify(f32);
  await refused(file(`{"x":${entry},"x":${entry}}`), /has the key "x" twice/);
  await refused(file(`{"x":${entry}, "\\u0078" : ${entry}}`), /has the key "x" twice/);
  await refused(file(`{"__metadata__":{"a":"1","a":"2"},"x":${entry}}`), /the key "a" twice/);
  const shapes = '{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}';
  await refused(file(`{"x":${shapes}}`), /the key "shape" twice/);
  const twice = { shape: f32, x: { ...f32, data_offsets: [4, 8] } };
  assert.is((await readSafetensors(file(twice, 8), "x")).tensors.size, 2);
});

test("refuses entries that are not what they should be", async () => {
  const bad = (change: object, pattern: RegExp, payload = 4) =>
    refused(file({ x: { ...f32, ...change } }, payload), pattern);
  await refused(file({ x: 5 }), /tensor "x": its entry is not an object/);
  await refused(file({ x: null }), /tensor "x": its entry is not an object/);
  await bad({ dtype: "f16" }, /tensor "x": dtype "f16", expected a name such as F32/);
  await bad({ dtype: "F16" }, /shape \[1\] of F16 is 2 bytes, its data_offsets hold 4/);
  await bad({ dtype: "toString" }, /dtype "toString"/);
  await bad({ dtype: undefined }, /dtype missing/);
  await bad({ extra: 1 }, /unknown field "extra"/);
  await bad({ shape: [-1] }, /shape \[-1\], expected whole numbers/);
  await bad({ shape: [1.5] }, /shape \[1.5\]/);
  await bad({ shape: ["1"] }, /shape \["1"\]/);
  await bad({ shape: 1 }, /shape 1,/);
  await bad({ shape: new Array(65).fill(1) }, /tensor "x": 65 axes, expected at most 64/);
  await bad({ shape: new Array(60).fill(9) }, /shape \[9, 9, 9, 9, 9, 9, 9, 9, …\] of F32 is Inf/);
  await bad({ shape: [2 ** 53] }, /shape \[9007199254740992\]/);
  await bad({ shape: [2] }, /shape \[2\] of F32 is 8 bytes, its data_offsets hold 4/);
  await bad({ shape: [2 ** 31, 2 ** 31, 2 ** 31] }, /is Infinity bytes/);
  await bad({ shape: [2 ** 52, 2 ** 12] }, /is Infinity bytes/);
  await bad({ data_offsets: [-4, 0] }, /data_offsets \[-4,0\], expected two whole numbers/);
  await bad({ data_offsets: [0.5, 4.5] }, /data_offsets \[0.5,4.5\]/);
  await bad({ data_offsets: [0] }, /data_offsets \[0\]/);
  await bad({ data_offsets: [0, 4, 8] }, /data_offsets \[0,4,8\]/);
  await bad({ data_offsets: [4, 0] }, /data_offsets 4 to 0, expected within the 4 bytes/);
  await bad({ data_offsets: [0, 8] }, /data_offsets 0 to 8, expected within the 4 bytes/);
  await refused(file({ __metadata__: { a: 1 }, x: f32 }), /__metadata__ "a" is not a string/);
  await refused(file({ __metadata__: [], x: f32 }), /__metadata__ is not a map/);
});

test("refuses numbers that are not written as whole ones", async () => {
  const entry = (numbers: string, payload = 4) => file(`{"x":{"dtype":"F32",${numbers}}}`, payload);
  const good = '"shape":[1],"data_offsets":[0,4]';
  assert.is((await readSafetensors(entry(good), "x")).tensors.size, 1);
  for (const [plain, other, pattern] of [
    ["[0,", "[-0,", /header has "-0", expected plain whole numbers/],
    ["[0,", "[0.0,", /header has "0\.0"/],
    [",4]", ",4e0]", /header has "4e0"/],
    [",4]", ",0.4E1]", /header has "0\.4E1"/],
    ["[0,", '["0",', /data_offsets \["0",4\]/],
    [",4]", ",9007199254740993]", /data_offsets \[0,9007199254740992\]/],
    [",4]", ",04]", /not JSON/],
    ["[1]", "[1e0]", /header has "1e0"/],
  ] as const)
    await refused(entry(good.replace(plain, other)), pattern);
  // Within strings they are text.
  const text = `{"__metadata__":{"lr":"1e-3","e\\"1.5":"-0"},"x":${JSON.stringify(f32)}}`;
  assert.is((await readSafetensors(file(text), "x")).metadata.lr, "1e-3");
});

test("refuses a header that is nested too deep before it is parsed", async () => {
  const deep = (levels: number) =>
    file(`{"x":{"dtype":"F32","shape":${"[".repeat(levels)}${"]".repeat(levels)}}}`);
  await refused(deep(3), /header at byte 8 is nested deeper than 4 levels/);
  await refused(file(`{"x":${"[".repeat(2_000_000)}`), /nested deeper than 4 levels/);
  await refused(file(`${'{"a":'.repeat(1_000_000)}`), /nested deeper than 4 levels/);
  await refused(deep(2), /shape \[\[\]\]/);
  // Brackets within strings are text.
  const note = JSON.stringify({ __metadata__: { note: '[[[[[[{{{{{{"' }, x: f32 });
  assert.is((await readSafetensors(file(note), "x")).tensors.size, 1);
});

test("tensors of types that are not read are ignored, if they are sound", async () => {
  const sizes = { BOOL: 1, I8: 1, F8_E4M3: 1, I16: 2, F16: 2, BF16: 2, I64: 8, F64: 8, U64: 8 };
  const header: Record<string, unknown> = { x: f32 };
  let end = 4;
  for (const [dtype, size] of Object.entries(sizes)) {
    header[dtype] = { dtype, shape: [3], data_offsets: [end, end + 3 * size] };
    end += 3 * size;
  }
  header.num_batches_tracked = { dtype: "I64", shape: [], data_offsets: [end, end + 8] };
  header.unheard = { dtype: "F7_X", shape: [5], data_offsets: [end + 8, end + 10] };
  const { tensors: read, unread } = await readSafetensors(file(header, end + 10), "x");
  assert.equal([...read.keys()], ["x"]);
  assert.equal(unread.get("num_batches_tracked"), { dtype: "I64", shape: [] });
  assert.equal(
    [...unread.keys()].sort(),
    Object.keys(header)
      .filter((k) => k !== "x")
      .sort(),
  );
  const wrong = { x: f32, n: { dtype: "I64", shape: [2], data_offsets: [4, 12] } };
  await refused(file(wrong, 12), /shape \[2\] of I64 is 16 bytes, its data_offsets hold 8/);
});

test("a file of another kind is named", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:aaaa\nsize 12345\n";
  await refused(text(lfs), /: this is a Git LFS pointer .*, expected a safetensors file$/);
  await refused(text("PK\x03\x04archive/data.pkl"), /this is a ZIP archive of torch\.save/);
  await refused(text("<!doctype html><p>"), /this is an HTML page/);
  await refused(new Uint8Array(), /this is an empty file/);
  await refused(Uint8Array.of(0x80, 2, 0x7d, 0x71, 0), /this is a Python pickle/);
});

test("refuses holes, overlaps and bytes of no tensor", async () => {
  const two = (begin: number, payload: number) =>
    file({ x: f32, y: { ...f32, data_offsets: [begin, begin + 4] } }, payload);
  await refused(two(6, 10), /a hole before tensor "y" at byte \d+/);
  await refused(two(2, 6), /an overlap with tensor "y" at byte \d+/);
  await refused(two(0, 4), /an overlap with tensor "y"/);
  await refused(two(4, 12), /4 bytes from byte \d+ on belong to no tensor/);
  await refused(file({ x: { ...f32, data_offsets: [4, 8] } }, 8), /a hole before tensor "x"/);
});

test("checks the payload's hash where there is one", async () => {
  const hash = "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119";
  const withHash = (value: string) => file({ __metadata__: { payload_sha256: value }, x: f32 });
  assert.is((await readSafetensors(withHash(hash), "x")).tensors.size, 1);
  await refused(withHash(hash.replace("d", "e")), /the values do not match .* payload_sha256/);
  await refused(withHash(""), /the values do not match/);
});

test("the writer refuses what does not fit", async () => {
  const write =
    (name: string, tensor: SafetensorsTensor, metadata = {}) =>
    () =>
      writeSafetensors(new Map([[name, tensor]]), metadata);
  const data = new Float32Array(4);
  const pattern = /tensor "w": 4 elements do not fit F32 \[3\]/;
  await rejects(write("w", { dtype: "F32", shape: [3], data }), CheckpointError, pattern);
  await rejects(write("w", { dtype: "U32", shape: [4], data }), CheckpointError, /do not fit U32/);
  await rejects(write("w", { dtype: "F32", shape: [-4], data }), CheckpointError, /do not fit/);
  const good: SafetensorsTensor = { dtype: "F32", shape: [4], data };
  await rejects(write("__metadata__", good), CheckpointError, /cannot be named/);
  const reserved = write("w", good, { payload_sha256: "0" });
  await rejects(reserved, CheckpointError, /"payload_sha256" is reserved/);
});

test.run();

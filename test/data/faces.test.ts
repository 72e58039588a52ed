import { gzipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { readNpyBytes } from "../../src/formats/npy.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import { joined } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const npy = suite("npy");

const values = Uint8Array.from({ length: 2 * 3 * 4 * 3 }, (_, i) => i * 7);
const shape = [2, 3, 4, 3];
const file = npyFile(npyDictionary(shape), values);
const read = (bytes: Uint8Array) => readNpyBytes(bytes, "x.npy", [4]);
const refused = (bytes: Uint8Array, pattern: RegExp) =>
  rejects(() => read(bytes), DataError, pattern);
const headerRefused = (dictionary: string, pattern: RegExp) =>
  refused(npyFile(dictionary, values), pattern);

npy("reads versions 1 and 2, plain and gzip", async () => {
  for (const version of [1, 2]) {
    const bytes = npyFile(npyDictionary(shape), values, version);
    for (const stored of [bytes, gzipSync(bytes)]) {
      const got = await read(stored);
      assert.equal([[...got.shape], [...got.values]], [shape, [...values]]);
    }
  }
  const other = `{"shape":(2,3L,4,3),"fortran_order":False,"descr":"|u1"}`;
  assert.equal([...(await read(npyFile(other, values))).shape], shape);
});

npy("reads floats of either width and order of bytes as bytes", async () => {
  const numbers = [0, 1, 0.5, 0.2, 1 / 255, 0.999, 0.001, 128 / 255];
  const expected = numbers.map((x) => Math.round(255 * x));
  for (const [descr, bytes] of [
    ["<f4", 4],
    [">f4", 4],
    ["<f8", 8],
    [">f8", 8],
  ] as const) {
    const make = (values: readonly number[]) => {
      const content = new Uint8Array(bytes * values.length);
      const view = new DataView(content.buffer);
      for (const [i, x] of values.entries())
        if (bytes === 4) view.setFloat32(4 * i, x, descr === "<f4");
        else view.setFloat64(8 * i, x, descr === "<f8");
      return npyFile(npyDictionary([2, 2, 2]).replace("|u1", descr), content);
    };
    const array = await readNpyBytes(make(numbers), "x.npy", [3, 4]);
    assert.equal([[...array.values], [...array.shape]], [expected, [2, 2, 2]], descr);
    for (const [wrong, pattern] of [
      [200, /element 3 is 200, expected floats from 0 to 1; x \/ 255/],
      [-0.5, /element 3 is -0\.5, expected floats from 0 to 1$/],
      [Number.NaN, /element 3 is NaN/],
      [Number.POSITIVE_INFINITY, /element 3 is Infinity/],
    ] as const) {
      const file = make(numbers.with(3, wrong));
      await rejects(() => readNpyBytes(file, "x.npy", [3]), DataError, pattern);
    }
  }
  for (const descr of ["<u1", ">u1"]) {
    const bytes = npyFile(npyDictionary(shape).replace("|u1", descr), values);
    assert.equal([...(await read(bytes)).values], [...values]);
  }
});

npy("reads gzip whose header comes in pieces", async () => {
  const large = Uint8Array.from({ length: 300 * 40 * 40 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const got = await read(gzipSync(npyFile(npyDictionary([300, 40, 40, 3]), large)));
  assert.ok(got.values.every((value, i) => value === large[i]));
});

npy("refuses other kinds of arrays", async () => {
  for (const descr of ["|O", "|i1", "<f2", ">u2", "|b1", "|V3", "|S1", "u1", "toString", ""]) {
    const text = npyDictionary(shape).replace("|u1", descr);
    await headerRefused(text, /^x\.npy: dtype ".*", expected bytes \("\|u1"\) or floats/);
  }
  const structured = npyDictionary(shape).replace("'|u1'", "[('a', '|u1')]");
  await headerRefused(structured, /header has .*\[.*, expected a dictionary/);
  const fortran = npyDictionary(shape).replace("False", "True");
  await headerRefused(
    fortran,
    /^x\.npy: Fortran order; np\.ascontiguousarray\(x\) makes it C order$/,
  );
  await headerRefused(npyDictionary([72]), /shape \(72\) has 1 axes, expected 4/);
  await headerRefused(npyDictionary([]), /shape \(\) has 0 axes, expected 4/);
});

npy("refuses shapes that are negative, zero, huge or no numbers", async () => {
  await headerRefused(
    npyDictionary([-2, 3, 4, 3]),
    /header has "-2, 3, 4.*, expected a dictionary/,
  );
  await headerRefused(npyDictionary([2, 0, 4, 3]), /shape \(2, 0, 4, 3\) has an axis of 0/);
  for (const size of [2 ** 32, 2 ** 48, 999_999_999_999_999]) {
    await headerRefused(npyDictionary([size, size, 4, 3]), /is more than the 1073741824 bytes/);
    const packed = gzipSync(npyFile(npyDictionary([size, 3, 4, 3]), values));
    await refused(packed, /is more than the 1073741824 bytes/);
  }
  await headerRefused(npyDictionary(["9".repeat(400), 3, 4, 3]), /expected/);
  await headerRefused(npyDictionary(["1e3", 3, 4, 3]), /header has "e3.*expected a dictionary/);
  await headerRefused(npyDictionary(["2.0", 3, 4, 3]), /expected a dictionary/);
  const claim = gzipSync(npyFile(npyDictionary([9000, 100, 100, 3]), values));
  await refused(claim, /declares 270000128 bytes, more than \d+ compressed bytes can hold/);
});

npy("refuses headers that are no plain dictionary", async () => {
  const sound = npyDictionary(shape);
  for (const text of [
    "",
    "{",
    "{}",
    "None",
    "__import__('os').system('true')",
    sound.slice(0, 30),
    sound.replace("{", ""),
    `${sound} + 1`,
    `${sound}${sound}`,
    sound.replace("'descr'", "'other'"),
    sound.replace("'descr'", "descr"),
    sound.replace("'shape'", "'descr'"),
    sound.replace("False", "'False'"),
    sound.replace("False", "0"),
    sound.replace("'|u1'", "1"),
    sound.replace("'|u1'", "'|u\\x31'"),
    sound.replace("(2, ", "(2 "),
    sound.replace("(2, ", "((2), "),
    sound.replace(", }", ",, }"),
    sound.replace("'fortran_order': False, ", ""),
    sound.replace("}", "'descr': '|u1'}"),
  ]) {
    await headerRefused(text, /^x\.npy: header has .*, expected /);
  }
});

npy("refuses every truncation, trailing bytes, other signatures and versions", async () => {
  for (let length = 0; length < file.length; length++) {
    await refused(
      file.subarray(0, length),
      /^x\.npy: (ends after \d+ bytes|this is an empty file)/,
    );
  }
  const packed = gzipSync(file);
  for (let length = 3; length < packed.length; length++) {
    await refused(packed.subarray(0, length), /^x\.npy: /);
  }
  await refused(
    joined([file, Uint8Array.of(1)]),
    /goes on after its array: 201 bytes, expected 200/,
  );
  await refused(gzipSync(joined([file, Uint8Array.of(1)])), /inflates beyond the 200 bytes/);
  await refused(gzipSync(file.subarray(0, 50)), /ends after 50 inflated bytes, within its header/);
  await refused(
    new TextEncoder().encode("PK\u0003\u0004 an npz"),
    /^x\.npy: this is a ZIP archive, expected an \.npy file$/,
  );
  for (const version of [0, 3, 4]) {
    const other = file.slice();
    other[6] = version;
    await refused(other, new RegExp(`version ${version}\\.0 \\(byte 6\\), expected 1.0 or 2.0`));
  }
  const long = file.slice();
  long.set([0xff, 0xff], 8);
  await refused(long, /a header of 65535 bytes \(byte 8\), expected at most 4096/);
});

npy.run();

const test = suite("faces");

/** Pictures of 2×2 pixels; each is of one value, its number. */
const pictures = (count: number, size = [2, 2, 3]) => {
  const each = size.reduce((a, b) => a * b);
  const content = Uint8Array.from({ length: count * each }, (_, i) => Math.floor(i / each));
  return npyFile(npyDictionary([count, ...size]), content);
};

function withFile(name: string, bytes: Uint8Array): MemoryHost {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  host.put(`/d/faces/${name}`, bytes);
  return host;
}

test("a tenth, always the same, is the test part", async () => {
  const host = withFile("celeba_2x2.npy.gz", gzipSync(pictures(50)));
  const data = await loadDataset("faces", { host });
  assert.equal([data.train.count, data.test.count, data.classes], [45, 5, 1]);
  assert.equal([data.height, data.width, data.channels], [2, 2, 3]);
  assert.ok(data.train.labels.every((label) => label === 0));
  const firsts = ({ images, count }: typeof data.train) =>
    Array.from({ length: count }, (_, i) => images[i * 12]!);
  const [train, held] = [firsts(data.train), firsts(data.test)];
  assert.equal(
    [...train, ...held].sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
  for (const part of [train, held])
    assert.equal(
      part,
      [...part].sort((a, b) => a - b),
    );
  assert.not.equal(held, [45, 46, 47, 48, 49]);
  assert.equal(await loadDataset("faces", { host }), data);
});

test("the first file by name is taken, of its own kind", async () => {
  const host = withFile("celeba_b.npy", pictures(20));
  host.put("/d/faces/celeba_a.npy", pictures(30));
  host.put("/d/faces/celeba_a.txt", "names");
  host.put("/d/faces/anime.npy", pictures(10));
  assert.is((await loadDataset("faces", { host })).train.count, 27);
  assert.is((await loadDataset("anime", { host })).train.count, 9);
  assert.is((await loadDataset("anime", { host })).name, "anime");
});

test("what is missing is never asked for: one line says what to put where", async () => {
  const host = withFile("celeba_sources.txt", new Uint8Array());
  for (const [name, pattern] of [
    ["faces", /^data set faces: \/d\/faces lacks celeba\*\.npy or celeba\*\.npy\.gz; it is never/],
    ["anime", /^data set anime: \/d\/faces lacks anime\*\.npy or .* \[count, height, width, 3\]/],
  ] as const) {
    await rejects(() => loadDataset(name, { host }), DataError, pattern);
  }
  assert.equal(host.asked, []);
  host.put("/cache/data/faces/anime.npy", pictures(10));
  assert.is((await loadDataset("anime", { host })).test.count, 1);
});

test("grey pictures have one channel, with an axis for it or without", async () => {
  for (const size of [
    [2, 2],
    [2, 2, 1],
  ]) {
    const data = await loadDataset("anime", { host: withFile("anime.npy", pictures(20, size)) });
    assert.equal([data.channels, data.height, data.train.images.length], [1, 2, 18 * 4]);
  }
});

test("refuses arrays that are no pictures", async () => {
  for (const [bytes, pattern] of [
    [
      pictures(20, [2, 2, 4]),
      /celeba\.npy: 4 channels \(last axis\), expected 1 \(grey\) or 3 \(RGB\)$/,
    ],
    [pictures(20, [3, 2, 2]), /2 channels .*; np\.moveaxis\(x, 1, -1\) puts the channels last/],
    [pictures(20, [2]), /shape \(20, 2\) has 2 axes, expected 3 or 4/],
    [pictures(2, [4097, 1]), /4097×1 pixels, expected at most 4096 a side/],
    [pictures(1), /only one picture, expected at least 2/],
  ] as const) {
    const host = withFile("celeba.npy", bytes);
    await rejects(() => loadDataset("faces", { host }), DataError, pattern);
  }
});

test.run();

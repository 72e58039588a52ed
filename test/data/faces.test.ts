import { gzipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { readNpyBytes } from "../../src/data/npy.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import { joined } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const npy = suite("npy");

const values = Uint8Array.from({ length: 2 * 3 * 4 * 3 }, (_, i) => i * 7);
const shape = [2, 3, 4, 3];
const file = npyFile(npyDictionary(shape), values);
const read = (bytes: Uint8Array) => readNpyBytes(bytes, "x.npy", 4);
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

npy("reads gzip whose header comes in pieces", async () => {
  const large = Uint8Array.from({ length: 300 * 40 * 40 * 3 }, (_, i) => (i * 2654435761) >>> 24);
  const got = await read(gzipSync(npyFile(npyDictionary([300, 40, 40, 3]), large)));
  assert.ok(got.values.every((value, i) => value === large[i]));
});

npy("refuses other kinds of arrays", async () => {
  for (const descr of ["|O", "|i1", "<f4", ">u2", "|b1", "|V3", "|S1", "u1", ""]) {
    const text = npyDictionary(shape).replace("|u1", descr);
    await headerRefused(text, /^x\.npy: dtype ".*", expected "\|u1" \(bytes\)$/);
  }
  const structured = npyDictionary(shape).replace("'|u1'", "[('a', '|u1')]");
  await headerRefused(structured, /header has .*\[.*, expected a dictionary/);
  const fortran = npyDictionary(shape).replace("False", "True");
  await headerRefused(fortran, /^x\.npy: Fortran order, expected C order$/);
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
    await refused(file.subarray(0, length), /^x\.npy: ends after \d+ bytes/);
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
  await refused(new TextEncoder().encode("PK\u0003\u0004 an npz"), /byte 0 is not that of an .npy/);
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

test("refuses arrays that are no pictures in colour", async () => {
  for (const [bytes, pattern] of [
    [pictures(20, [2, 2, 1]), /celeba\.npy: 1 channels \(last axis\), expected 3 \(RGB\)/],
    [pictures(20, [2, 2]), /shape \(20, 2, 2\) has 3 axes, expected 4/],
    [pictures(1), /only one picture, expected at least 2/],
  ] as const) {
    const host = withFile("celeba.npy", bytes);
    await rejects(() => loadDataset("faces", { host }), DataError, pattern);
  }
});

test.run();

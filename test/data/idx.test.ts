import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readIdxImages, readIdxLabels, readIdxPair } from "../../src/data/idx.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { gzipped, idxFile } from "../support/idx-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("idx");

const pixels = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => i * 10);

const images = idxFile([2, 3, 4], pixels);
const labels = idxFile([2], Uint8Array.from([7, 0]));
const read = (bytes: Uint8Array) => () => readIdxImages(bytes, "x.gz");

test("reads images and labels, plain and gzip", async () => {
  for (const bytes of [images, await gzipped(images)]) {
    const got = await readIdxImages(bytes, "x");
    assert.equal([got.count, got.height, got.width], [2, 3, 4]);
    assert.equal([...got.pixels], [...pixels]);
  }
  for (const bytes of [labels, await gzipped(labels)]) {
    assert.equal([...(await readIdxLabels(bytes, "x", 10))], [7, 0]);
  }
});

test("reads gzip of several chunks", async () => {
  const values = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 2654435761) >>> 24);
  const got = await readIdxImages(await gzipped(idxFile([10, 1000, 100], values)), "x");
  assert.ok(got.pixels.every((value, i) => value === values[i]));
});

test("refuses a wrong magic, type code and rank, naming the byte", async () => {
  const withMagic = (magic: number[]) => read(idxFile([2, 3, 4], pixels, magic));
  await rejects(withMagic([1, 0, 8, 3]), DataError, /^x\.gz: byte 0 \(magic\) is 0x01/);
  await rejects(withMagic([0, 9, 8, 3]), DataError, /byte 1 \(magic\) is 0x09, expected 0x00/);
  for (const type of [0x09, 0x0b, 0x0d, 0x00, 0xff]) {
    await rejects(withMagic([0, 0, type, 3]), DataError, /byte 2 \(type code\) .*expected 0x08/);
  }
  for (const rank of [0, 1, 2, 4, 255]) {
    const pattern = new RegExp(`byte 3 \\(rank\\) is ${rank}, expected 3 for images`);
    await rejects(withMagic([0, 0, 8, rank]), DataError, pattern);
  }
  await rejects(() => readIdxLabels(images, "x", 10), DataError, /rank\) is 3, expected 1/);
});

test("refuses absurd and zero dimensions without allocating them", async () => {
  const most = 2 ** 32 - 1;
  for (const shape of [
    [most, most, most],
    [most, 1, 1],
    [1, most, most],
    [65536, 65536, 1],
  ]) {
    await rejects(read(idxFile(shape, pixels)), DataError, /dimensions .* more than/);
    await rejects(
      read(await gzipped(idxFile(shape, pixels))),
      DataError,
      /dimensions .* more than/,
    );
  }
  await rejects(read(idxFile([2, 0, 4], pixels)), DataError, /dimension 1 \(byte 8\) is 0/);
  const claims = await gzipped(idxFile([1000, 1000, 1000], pixels));
  await rejects(read(claims), DataError, /declares 1000000016 bytes, more than/);
});

test("refuses every truncation and trailing bytes", async () => {
  for (let length = 0; length < images.length; length++) {
    await rejects(
      read(images.slice(0, length)),
      DataError,
      /^x\.gz: (ends|byte|this is an empty file)/,
    );
  }
  await rejects(read(images.slice(0, 20)), DataError, /ends after 20 bytes, expected 40/);
  const long = new Uint8Array(images.length + 3);
  long.set(images);
  await rejects(read(long), DataError, /3 bytes too many from byte 40/);
  await rejects(read(await gzipped(long)), DataError, /inflates beyond the 40 bytes/);
  await rejects(
    read(await gzipped(images.slice(0, 30))),
    DataError,
    /ends after 30 inflated bytes/,
  );
  await rejects(read(await gzipped(images.slice(0, 7))), DataError, /ends at byte 7 in the header/);
});

test("refuses every truncation and single-byte change of a gzip file", async () => {
  const file = await gzipped(images);
  for (let length = 0; length < file.length; length++) {
    await rejects(read(file.slice(0, length)), DataError, /^x\.gz: /);
  }
  // Bytes 4 to 9 (time, flags, system) do not change the content.
  for (let at = 10; at < file.length; at++) {
    const changed = file.slice();
    changed[at]! ^= 0x55;
    await rejects(read(changed), DataError, /^x\.gz: /);
  }
  const tail = new Uint8Array(file.length + 5).fill(7);
  tail.set(file);
  await rejects(read(tail), DataError, /^x\.gz: /);
});

test("stops inflating a gzip bomb at the declared size", async () => {
  const bomb = await gzipped(idxFile([2, 3, 4], new Uint8Array(100_000_000)));
  let inflated = 0;
  const Original = globalThis.DecompressionStream;
  globalThis.DecompressionStream = class extends Original {
    override get readable() {
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          inflated += chunk.length;
          controller.enqueue(chunk);
        },
      });
      return super.readable.pipeThrough(count);
    }
  };
  try {
    await rejects(read(bomb), DataError, /inflates beyond the 40 bytes/);
  } finally {
    globalThis.DecompressionStream = Original;
  }
  assert.ok(inflated > 0 && inflated < 40_000_000, `${inflated} bytes were inflated`);
});

test("refuses labels that do not match", async () => {
  const pair = (labelFile: Uint8Array) =>
    readIdxPair({ bytes: images, name: "i" }, { bytes: labelFile, name: "l" }, 10);
  assert.is((await pair(labels)).labels.length, 2);
  const three = idxFile([3], Uint8Array.from([1, 2, 3]));
  await rejects(() => pair(three), DataError, /^l: 3 labels, expected 2 as in i$/);
  const high = idxFile([2], Uint8Array.from([1, 10]));
  await rejects(
    () => pair(high),
    DataError,
    /^l: label 1 \(byte 9\) is 10, expected 0 to 9; --data idx:PATH takes any labels$/,
  );
});

test("gzip of several members is refused by name, whatever the runtime makes of it", async () => {
  const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  const whole = await gzipped(images);
  const halves = [await gzipped(images.slice(0, 20)), await gzipped(images.slice(20))];
  for (const file of [join(whole, whole), join(...halves), join(whole, await gzipped(labels))])
    await rejects(read(file), DataError, /^x\.gz: gzip of several members, expected one/);
  const stored = join(idxFile([4, 1, 1], [0x1f, 0x8b, 8, 0]));
  assert.is((await readIdxImages(await gzipped(stored), "x")).count, 4);
});

test("a file of another kind is named, packed or not", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  await rejects(read(text("<html>")), DataError, /^x\.gz: this is an HTML page, expected an IDX/);
  const lfs = text("version https://git-lfs.github.com/spec/v1");
  await rejects(read(lfs), DataError, /this is a Git LFS pointer/);
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 1, 2, 3, 4);
  await rejects(read(await gzipped(png)), DataError, /inside it is a PNG picture, expected an IDX/);
});

test.run();

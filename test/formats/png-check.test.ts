import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkPng } from "../../src/formats/png-check.ts";
import { DataError } from "../../src/gpu/errors.ts";
import {
  chunk,
  deflated,
  header,
  joined,
  type PngKind,
  pngFile,
  rawRows,
  signature,
} from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("png check");

const grey: PngKind = {
  width: 5,
  height: 3,
  depth: 8,
  colourType: 0,
  pixel: (x, y) => [40 * x + y],
};
const end = chunk("IEND");
const check = (bytes: Uint8Array) => () => checkPng(bytes, "x.png");
const refused = (bytes: Uint8Array, pattern: RegExp) =>
  rejects(check(bytes), DataError, new RegExp(`^x\\.png: ${pattern.source}`));

/** A file of these chunks. */
const made = (...chunks: Uint8Array[]) => joined([signature, ...chunks]);
const data = async (kind: PngKind) => chunk("IDAT", await deflated(rawRows(kind)));
const colours = (...values: number[]) => chunk("PLTE", Uint8Array.from(values));

test("takes every legal kind, and counts the bytes of interlaced pictures of every size", async () => {
  for (const [colourType, samples, depths] of [
    [0, 1, [1, 2, 4, 8, 16]],
    [2, 3, [8, 16]],
    [3, 1, [1, 2, 4, 8]],
    [4, 2, [8, 16]],
    [6, 4, [8, 16]],
  ] as const) {
    for (const depth of depths) {
      for (const interlaced of [false, true]) {
        const before = colourType === 3 ? [colours(1, 2, 3, 4, 5, 6)] : [];
        const pixel = (x: number, y: number) => Array(samples).fill((x + y) % 2);
        const kind: PngKind = { ...grey, colourType, depth, interlaced, before, pixel };
        const file = await pngFile(kind);
        assert.equal(await checkPng(file, "x"), {
          width: 5,
          height: 3,
          depth,
          grey: colourType % 4 === 0 && colourType < 6,
          bytes: file.length,
        });
      }
    }
  }
  for (let width = 1; width <= 9; width++) {
    for (let height = 1; height <= 9; height++) {
      const kind = { ...grey, width, height, depth: 2, interlaced: true, pixel: () => [1] };
      await checkPng(await pngFile(kind), "x");
    }
  }
});

test("a palette of greys is grey", async () => {
  const kind = { ...grey, depth: 1, colourType: 3, pixel: (x: number) => [x % 2] } as const;
  const of = async (...values: number[]) =>
    (await checkPng(await pngFile({ ...kind, before: [colours(...values)] }), "x")).grey;
  assert.is(await of(7, 7, 7, 200, 200, 200), true);
  assert.is(await of(7, 7, 7, 200, 200, 201), false);
});

test("takes several chunks of image data and chunks that it need not know", async () => {
  const bytes = await deflated(rawRows(grey));
  const text = chunk("tEXt", Uint8Array.of(65, 0, 66));
  const parts = [bytes.subarray(0, 3), bytes.subarray(3, 3), bytes.subarray(3)];
  await checkPng(made(header(grey), text, ...parts.map((part) => chunk("IDAT", part)), end), "x");
});

test("refuses what is no PNG file, and every truncation", async () => {
  await refused(new TextEncoder().encode("not a picture"), /byte 0 is not that of a PNG file/);
  await refused(new Uint8Array(), /byte 0 is not/);
  const file = await pngFile(grey);
  for (let length = 8; length < file.length; length++) {
    await refused(file.slice(0, length), /ends at byte \d+/);
  }
  const behind = await checkPng(joined([file, Uint8Array.of(1, 2)]), "x");
  assert.is(behind.bytes, file.length, "what is behind the end is no part of it");
});

test("refuses every change of a byte, most by the checksum", async () => {
  const file = await pngFile(grey);
  for (let at = 0; at < file.length; at++) {
    const changed = file.slice();
    changed[at]! ^= 0x55;
    await refused(changed, /./);
  }
  file[file.length - 20]! ^= 1;
  await refused(file, /wrong checksum \(CRC\) of the chunk IDAT at byte 33/);
});

test("refuses absurd sizes and unknown methods", async () => {
  const of = async (change: Partial<PngKind>) => {
    const kind = { ...grey, ...change };
    return made(header(kind), await data(grey), end);
  };
  for (const [width, height, expected] of [
    [65535, 65535, "at most 67108864 in all"],
    [0, 3, "at least 1 a side"],
    [5, 0, "at least 1 a side"],
    [4097, 1, "at most 4096 a side; --size makes it smaller"],
    [1, 2 ** 32 - 1, "at most 67108864 in all"],
  ] as const) {
    const size = new RegExp(`${width}×${height} pixels, expected ${expected}$`);
    await refused(await of({ width, height }), size);
  }
  const long = { ...grey, width: 4097, height: 1, pixel: () => [7] };
  assert.is((await checkPng(await pngFile(long), "x", true)).width, 4097);
  for (const [colourType, depth] of [
    [0, 3],
    [0, 32],
    [2, 4],
    [3, 16],
    [6, 1],
    [5 as 4, 8],
  ] as const) {
    const what = new RegExp(`bit depth ${depth} with colour type ${colourType} \\(byte 24\\)`);
    await refused(await of({ colourType, depth }), what);
  }
  for (const methods of [
    [1, 0],
    [0, 1],
  ]) {
    await refused(made(header(grey, methods), await data(grey), end), /methods .* \(byte 26\)/);
  }
});

test("refuses chunks that are missing, unknown, twice, too late or of a wrong size", async () => {
  const image = await data(grey);
  await refused(made(image, header(grey), end), /byte 8 does not begin a header/);
  await refused(made(chunk("IHDR", new Uint8Array(12)), image, end), /byte 8 does not begin/);
  await refused(made(header(grey), end), /no image data/);
  await refused(made(header(grey), header(grey), image, end), /.*IHDR at byte 33 is a second/);
  await refused(made(header(grey), chunk("ABCD"), image, end), /.*ABCD at byte 33 is none that/);
  await refused(made(header(grey), chunk("a\n11"), image, end), /byte 37 does not begin the name/);
  const flat = { ...grey, colourType: 3 } as const;
  await refused(made(header(flat), image, end), /.*IDAT at byte 33 comes before a palette/);
  await refused(made(header(flat), colours(1, 2), image, end), /.*PLTE .* has 2 bytes/);
  await refused(made(header(flat), colours(...Array(771).fill(1)), image, end), /.*has 771 bytes/);
  const palette = colours(1, 2, 3);
  await refused(made(header(flat), palette, palette, image, end), /.*PLTE .* too late/);
  await refused(made(header(grey), image, palette, end), /.*PLTE .* too late/);
  const clear = (bytes: number) => chunk("tRNS", new Uint8Array(bytes));
  await refused(made(header(flat), palette, clear(2), image, end), /.*2 bytes, expected at most 1/);
  await refused(made(header(grey), clear(1), image, end), /.*has 1 bytes, expected 2/);
});

test("refuses image data that are broken, too short or too long", async () => {
  const of = (bytes: Uint8Array) => made(header(grey), chunk("IDAT", bytes), end);
  const rows = rawRows(grey);
  await refused(of(await deflated(rows.subarray(0, 17))), /.*end after 17 bytes, expected 18/);
  await refused(of(await deflated(joined([rows, rows]))), /.*inflate beyond the 18 bytes/);
  await refused(of(Uint8Array.of(1, 2, 3)), /broken image data after 0/);
  await refused(of((await deflated(rows)).subarray(0, 8)), /.*(broken image data|end after)/);
});

test("stops inflating a bomb at the first byte too many, interlaced or not", async () => {
  const bomb = await deflated(new Uint8Array(100_000_000));
  let inflated = 0;
  const Original = globalThis.DecompressionStream;
  globalThis.DecompressionStream = class extends Original {
    override get readable() {
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(piece, controller) {
          inflated += piece.length;
          controller.enqueue(piece);
        },
      });
      return super.readable.pipeThrough(count);
    }
  };
  try {
    for (const interlaced of [false, true]) {
      inflated = 0;
      const file = made(header({ ...grey, interlaced }), chunk("IDAT", bomb), end);
      await refused(file, /.*inflate beyond the \d+ bytes that its header implies/);
      assert.ok(inflated > 0 && inflated < 40_000_000, `${inflated} bytes were inflated`);
    }
  } finally {
    globalThis.DecompressionStream = Original;
  }
});

test("refuses more chunks than any picture needs", async () => {
  const empty = chunk("IDAT", new Uint8Array(0));
  const many = Array.from({ length: 70_000 }, () => empty);
  await refused(made(header(grey), ...many), /more than 65536 chunks, before byte \d+/);
});

test.run();

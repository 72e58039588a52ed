import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HostMemoryError } from "../../src/formats/host-memory.ts";
import { DataError, IoError } from "../../src/gpu/errors.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { jpegFile, segment } from "../support/jpeg-file.ts";
import {
  chunk,
  deflated,
  header,
  joined,
  type PngKind,
  pngFile,
  signature,
} from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("read pictures");
const folder = mkdtempSync(join(tmpdir(), "latentgrad-png-"));
const path = join(folder, "x.png");
const size = { width: 11, height: 9 } as const;

test.after(() => rmSync(folder, { recursive: true, force: true }));

async function read(bytes: Uint8Array) {
  writeFileSync(path, bytes);
  return (await createNodeHost()).readPicture(path);
}

/** Decodes a picture, and compares it with samples from 0 to 255. */
async function compare(
  kind: Omit<PngKind, "width" | "height">,
  channels: 1 | 3,
  expected: (x: number, y: number) => readonly number[],
): Promise<void> {
  for (const interlaced of [false, true]) {
    const picture = await read(await pngFile({ ...size, ...kind, interlaced }));
    assert.equal([picture.width, picture.height, picture.channels], [11, 9, channels]);
    const pixels = Array.from({ length: 99 }, (_, i) => expected(i % 11, Math.floor(i / 11)));
    assert.equal([...picture.pixels], pixels.flat());
  }
}

test("grey of every depth becomes bytes", async () => {
  for (const depth of [1, 2, 4, 8, 16]) {
    const most = 2 ** depth - 1;
    const value = (x: number, y: number) => (x * 7919 + y * 104729) % (most + 1);
    const expected = (x: number, y: number) => [Math.round((255 * value(x, y)) / most)];
    await compare({ depth, colourType: 0, pixel: (x, y) => [value(x, y)] }, 1, expected);
  }
});

test("colours stay colours, also of 16 bits", async () => {
  const pixel = (x: number, y: number) => [20 * x, 25 * y, 200];
  await compare({ depth: 8, colourType: 2, pixel }, 3, pixel);
  const wide = (x: number, y: number) => pixel(x, y).map((sample) => 257 * sample);
  await compare({ depth: 16, colourType: 2, pixel: wide }, 3, pixel);
});

test("a palette is expanded; one of greys is grey", async () => {
  const colours = [
    [255, 0, 0],
    [1, 2, 3],
    [0, 255, 9],
  ];
  const index = (x: number, y: number) => (x + y) % 3;
  const pixel = (x: number, y: number) => [index(x, y)];
  const palette = (of: number[][]) => [chunk("PLTE", Uint8Array.from(of.flat()))];
  for (const depth of [2, 4, 8]) {
    const kind = { depth, colourType: 3, pixel, before: palette(colours) } as const;
    await compare(kind, 3, (x, y) => colours[index(x, y)]!);
  }
  const greys = [0, 100, 255].map((level) => [level, level, level]);
  const kind = { depth: 2, colourType: 3, pixel, before: palette(greys) } as const;
  await compare(kind, 1, (x, y) => greys[index(x, y)]!.slice(1, 2));
});

test("what is transparent is blended onto black", async () => {
  const shade = (value: number, alpha: number) => Math.round((value * alpha) / 255);
  await compare({ depth: 8, colourType: 6, pixel: (x, y) => [20 * x, 200, 9, 28 * y] }, 3, (x, y) =>
    [20 * x, 200, 9].map((value) => shade(value, 28 * y)),
  );
  await compare({ depth: 8, colourType: 4, pixel: (x, y) => [20 * x, 28 * y] }, 1, (x, y) => [
    shade(20 * x, 28 * y),
  ]);
  const before = [chunk("tRNS", Uint8Array.of(0, 3))];
  await compare({ depth: 4, colourType: 0, pixel: (x) => [x], before }, 1, (x) => [
    x === 3 ? 0 : 17 * x,
  ]);
});

test("damaged and hostile files are refused by name", async () => {
  const grey: PngKind = { ...size, depth: 8, colourType: 0, pixel: (x, y) => [x * y] };
  const refused = (bytes: Uint8Array, pattern: RegExp) =>
    rejects(() => read(bytes), DataError, pattern);
  const file = await pngFile(grey);
  await refused(
    new TextEncoder().encode("text"),
    /x\.png: a text, expected a PNG or JPEG picture$/,
  );
  await refused(file.slice(0, 60), /x\.png: ends at byte 60/);
  const bomb = chunk("IDAT", await deflated(new Uint8Array(50_000_000)));
  const interlaced = header({ ...grey, interlaced: true });
  await refused(joined([signature, interlaced, bomb, chunk("IEND")]), /x\.png: .*inflate beyond/);
  // What only the decoder sees.
  const rows = new Uint8Array(9 * 12).fill(9);
  const filter = chunk("IDAT", await deflated(rows));
  await refused(joined([signature, header(grey), filter, chunk("IEND")]), /x\.png: .*filter/i);
  const palette = chunk("PLTE", Uint8Array.of(1, 2, 3));
  const beyond = await pngFile({ ...grey, colourType: 3, before: [palette] });
  await refused(beyond, /x\.png: index \d+ not in palette/);
});

/** A grey of 24×16 pixels, six blocks: the value of each says where it is. */
const blocks = (column: number, row: number) => [20 + 30 * column + 100 * row];
const grey = { width: 24, height: 16, components: 1, block: blocks } as const;

/** What each pixel's block has, row by row. */
function ofBlocks(width: number, height: number, at: (column: number, row: number) => number[]) {
  const pixels = Array.from({ length: width * height }, (_, i) =>
    at((i % width) >> 3, Math.floor(i / width) >> 3),
  );
  return pixels.flat();
}

test("JPEG: grey, baseline and progressive, with restart markers, cut at the edges", async () => {
  const expected = ofBlocks(24, 16, blocks);
  for (const more of [{}, { progressive: true }, { restart: 2 }, { frame: 0xc1 }]) {
    const { channels, width, height, pixels } = await read(jpegFile({ ...grey, ...more }));
    assert.equal(
      [channels, width, height, [...pixels]],
      [1, 24, 16, expected],
      JSON.stringify(more),
    );
  }
  const cut = await read(jpegFile({ ...grey, width: 19, height: 13 }));
  assert.equal([...cut.pixels], ofBlocks(19, 13, blocks));
});

test("JPEG: luma and chroma, full and by quarters, and RGB", async () => {
  // ITU-R BT.601, as JFIF says.
  const block = (column: number) => [[100, 90, 240].map((value) => value + 5 * column)].flat();
  const rgb = ([y = 0, cb = 0, cr = 0]: number[]) =>
    [
      y + 1.402 * (cr - 128),
      y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128),
      y + 1.772 * (cb - 128),
    ].map((value) => Math.max(0, Math.min(255, Math.round(value))));
  const colour = { width: 16, height: 8, components: 3, block } as const;
  const expected = ofBlocks(16, 8, (column) => rgb(block(column)));
  assert.equal([...(await read(jpegFile(colour))).pixels], expected);
  assert.equal([...(await read(jpegFile({ ...colour, progressive: true }))).pixels], expected);
  // One block of chroma for four of luma, which have one value.
  const one = {
    ...colour,
    width: 16,
    height: 16,
    block: () => block(0),
    subsampled: true,
  } as const;
  const quarters = await read(jpegFile(one));
  assert.equal(
    [...quarters.pixels],
    ofBlocks(16, 16, () => rgb(block(0))),
  );
  const plain = await read(jpegFile({ ...colour, adobe: 0 }));
  assert.equal([...plain.pixels], ofBlocks(16, 8, block));
});

test("JPEG: inks become colours, as they are and inverted by Adobe's programs", async () => {
  // Cyan, magenta, yellow, black.
  const inks = (column: number) => (column === 0 ? [255, 51, 0, 0] : [0, 102, 255, 51]);
  const rgb = (column: number) => (column === 0 ? [0, 204, 255] : [204, 122, 0]);
  const kind = { width: 16, height: 8, components: 4, block: inks } as const;
  const expected = ofBlocks(16, 8, rgb);
  const plain = await read(jpegFile(kind));
  assert.equal([plain.channels, [...plain.pixels]], [3, expected]);
  const block = (column: number) => inks(column).map((ink) => 255 - ink);
  assert.equal([...(await read(jpegFile({ ...kind, block, adobe: 0 }))).pixels], expected);
  // YCCK: the inks of a picture without colour, black as it is.
  const luma = () => [200, 128, 128, 51];
  const grey = await read(jpegFile({ ...kind, block: luma, adobe: 2 }));
  assert.equal([...grey.pixels.subarray(0, 3)], [11, 11, 11], "51 · 55 / 255");
});

test("JPEG: EXIF's eight orientations are turned upright", async () => {
  const turned: Readonly<Record<number, (column: number, row: number) => [number, number]>> = {
    1: (x, y) => [x, y],
    2: (x, y) => [2 - x, y],
    3: (x, y) => [2 - x, 1 - y],
    4: (x, y) => [x, 1 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [y, 1 - x],
    7: (x, y) => [2 - y, 1 - x],
    8: (x, y) => [2 - y, x],
  };
  for (const [orientation, from] of Object.entries(turned)) {
    for (const exifLittle of [false, true]) {
      const file = jpegFile({ ...grey, orientation: Number(orientation), exifLittle });
      const { width, height, pixels } = await read(file);
      const lies = Number(orientation) > 4;
      assert.equal([width, height], lies ? [16, 24] : [24, 16]);
      const expected = ofBlocks(width, height, (x, y) => blocks(...from(x, y)));
      assert.equal([...pixels], expected, `orientation ${orientation}`);
    }
  }
  assert.is((await read(jpegFile({ ...grey, orientation: 9 }))).width, 24, "no orientation");
});

test("content counts more than the name, and bytes behind the end are no part of it", async () => {
  const behind = new Uint8Array(300);
  const jpeg = await read(joined([jpegFile(grey), behind])); // in x.png
  assert.equal([...jpeg.pixels], ofBlocks(24, 16, blocks));
  const kind: PngKind = { ...size, depth: 8, colourType: 0, pixel: (x, y) => [x * y] };
  const png = await read(joined([await pngFile(kind), behind]));
  assert.is(png.pixels[98], 80);
  const padded = jpegFile(grey);
  const end = padded.subarray(-2);
  const zeros = await read(joined([padded.subarray(0, -2), new Uint8Array(200), end]));
  assert.equal([...zeros.pixels], ofBlocks(24, 16, blocks));
});

test("JPEG: the end marker may be missing, where nothing else is", async () => {
  const pixelsOf = async (bytes: Uint8Array) => [...(await read(bytes)).pixels];
  const cutOff = (bytes: Uint8Array) =>
    rejects(() => read(bytes), DataError, /x\.png: cut off: it ends at byte \d+, before/);
  const colours = {
    ...grey,
    components: 3,
    block: (x: number, y: number) => [20 * x, 90 * y, 7],
  } as const;
  for (const kind of [
    grey,
    { ...grey, restart: 2 },
    { ...grey, progressive: true },
    colours,
    { ...colours, subsampled: true, width: 40 },
    { ...colours, progressive: true },
  ]) {
    const file = jpegFile(kind);
    const expected = await pixelsOf(file);
    assert.equal(await pixelsOf(file.slice(0, -2)), expected);
    assert.equal(await pixelsOf(file.slice(0, -1)), expected, "half of the marker");
    for (let lacking = 3; lacking < 40; lacking++) await cutOff(file.slice(0, -lacking));
  }
});

test("JPEG: bytes between segments that belong to none are skipped", async () => {
  const file = jpegFile({ ...grey, orientation: 1 });
  const expected = [...(await read(file)).pixels];
  const starts = segmentStarts(file);
  assert.ok(starts.length >= 5);
  for (const stray of [[0], [10, 13, 10], [0xff, 0, 7], [0xff, 0xff], [0xff, 0xd0]]) {
    for (const at of starts) {
      const bytes = joined([file.subarray(0, at), Uint8Array.from(stray), file.subarray(at)]);
      assert.equal([...(await read(bytes)).pixels], expected, `${stray} at ${at}`);
    }
    const all = starts.flatMap((at, i) => [
      Uint8Array.from(stray),
      file.subarray(at, starts[i + 1] ?? file.length - 2),
    ]);
    assert.equal([...(await read(joined([file.subarray(0, starts[0]), ...all]))).pixels], expected);
  }
});

/** Where the segments of a sound file begin, from the second to its first scan. */
function segmentStarts(file: Uint8Array): number[] {
  const starts: number[] = [];
  for (let at = 2; file[at + 1] !== 0xda; starts.push(at)) {
    at += 2 + 256 * file[at + 2]! + file[at + 3]!;
  }
  return starts;
}

test("JPEG: damaged and hostile files are refused by name, and the next is read", async () => {
  const refused = (bytes: Uint8Array, pattern: RegExp) =>
    rejects(() => read(bytes), DataError, new RegExp(`/x\\.png: ${pattern.source}`));
  const file = jpegFile({ ...grey, progressive: true });
  // Without its last two bytes it lacks nothing but the end marker.
  for (let length = 3; length < file.length - 2; length++) {
    await refused(file.slice(0, length), /cut off: it ends at byte \d+, before the picture's end$/);
  }
  await refused(
    jpegFile({ ...grey, frame: 0xc9 }),
    /JPEG with arithmetic coding, expected baseline/,
  );
  await refused(jpegFile({ ...grey, frame: 0xc3 }), /JPEG with lossless or hierarchical coding/);
  await refused(jpegFile({ ...grey, precision: 12 }), /12 bits a sample, expected 8$/);
  await refused(jpegFile({ ...grey, height: 0 }), /24×0 pixels, expected at least 1 a side$/);
  const huge = (width: number, height: number) => {
    const bomb = jpegFile(grey);
    const frame = bomb.findIndex((byte, i) => byte === 0xff && bomb[i + 1] === 0xc0);
    bomb.set([height >> 8, height & 255, width >> 8, width & 255], frame + 5);
    return bomb;
  };
  await refused(huge(65_500, 65_500), /65500×65500 pixels, expected at most 67108864 in all$/);
  await refused(huge(5000, 20), /5000×20 pixels, expected at most 4096 a side; --size makes it/);
  await refused(huge(4000, 4000), /damaged JPEG data$/);
  const [head, scan] = [file.subarray(0, -2), segment(0xda, [1, 1, 0, 0, 0, 0])];
  const end = Uint8Array.of(0xff, 0xd9);
  await refused(joined([head, ...Array(64).fill(scan), end]), /more than 64 scans$/);
  await refused(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /a JPEG file without a picture$/);
  await refused(joined([end, file]), /no picture by its first bytes, expected a PNG or JPEG/);
  // Whatever byte is changed: a picture, or one line.
  for (let at = 2; at < file.length; at++) {
    const changed = file.slice();
    changed[at]! ^= 0x55;
    await read(changed).then(
      ({ width, height, channels, pixels }) => assert.is(pixels.length, width * height * channels),
      (error) => assert.ok(error instanceof DataError && !error.message.includes("\n"), `${error}`),
    );
  }
  assert.is((await read(jpegFile(grey))).pixels[0], 20);
});

/** Reads a JPEG file by a codec of which some functions are others. */
async function readWith(change: (codec: Record<string, unknown>) => object, bytes: Uint8Array) {
  // A codec that has met damaged data is not used again.
  const cut = jpegFile(grey);
  cut.set([15, 160, 15, 160], cut.findIndex((byte, i) => byte === 0xff && cut[i + 1] === 0xc0) + 5);
  await rejects(() => read(cut), DataError, /damaged JPEG data$/);
  const { Instance } = WebAssembly;
  class Changed {
    readonly exports: object;
    constructor(module: WebAssembly.Module, imports: WebAssembly.Imports) {
      const { exports } = new Instance(module, imports);
      this.exports = { ...exports, ...change(exports) };
    }
  }
  WebAssembly.Instance = Changed as unknown as typeof WebAssembly.Instance;
  try {
    return await read(bytes);
  } finally {
    WebAssembly.Instance = Instance;
  }
}

test("memory that ends is not damage of the file", async () => {
  const file = jpegFile(grey);
  const ended = (change: (codec: Record<string, unknown>) => object) =>
    rejects(
      () => readWith(change, file),
      HostMemoryError,
      /^out of memory: .*x\.png has 24×16 pixels$/,
    );
  await ended(() => ({ malloc: () => 0 }));
  await ended(() => ({ tjInitDecompress: () => 0 }));
  await ended(() => {
    throw new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory");
  });
  const giveUp = () => {
    throw new Error("the codec gave up");
  };
  await ended(({ malloc }) => {
    let room = 2;
    return {
      malloc: (bytes: number) => (room-- > 0 ? (malloc as (n: number) => number)(bytes) : 0),
      tjDecompress2: giveUp,
    };
  });
  await rejects(
    () => readWith(() => ({ tjDecompress2: giveUp }), file),
    DataError,
    /damaged JPEG data$/,
  );
  assert.is(new HostMemoryError("").exitCode, 8);
  const png = await pngFile({ ...size, depth: 8, colourType: 0, pixel: () => [1] });
  const { read: sound } = PNG.sync;
  try {
    PNG.sync.read = () => {
      throw new RangeError("Array buffer allocation failed");
    };
    await rejects(() => read(png), HostMemoryError, /^out of memory: .* has 11×9 pixels$/);
  } finally {
    PNG.sync.read = sound;
  }
});

test("several at once, some of them bad", async () => {
  const files = Array.from({ length: 12 }, (_, i) => join(folder, `many-${i}.jpg`));
  files.forEach((file, i) => {
    const bytes = jpegFile({ ...grey, block: () => [10 * i] });
    if (i % 3 === 1) bytes.fill(0x55, bytes.length - 6, bytes.length - 2);
    writeFileSync(file, i % 3 === 2 ? bytes.subarray(0, -4) : bytes);
  });
  const host = await createNodeHost();
  const read = await Promise.allSettled(files.map((file) => host.readPicture(file)));
  read.forEach((result, i) => {
    if (i % 3 === 0) assert.is(result.status === "fulfilled" && result.value.pixels[5], 10 * i);
    if (i % 3 === 2) assert.is(result.status, "rejected");
  });
});

test("what is missing is an input/output error, and a folder is no picture", async () => {
  const host = await createNodeHost();
  await rejects(
    () => host.readPicture(join(folder, "none.png")),
    IoError,
    /^cannot read .*none\.png: no/,
  );
  mkdirSync(join(folder, "folder.png"));
  await rejects(
    () => host.readPicture(join(folder, "folder.png")),
    DataError,
    /folder\.png: a folder, expected a picture/,
  );
});

test.run();

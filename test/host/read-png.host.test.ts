import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, IoError } from "../../src/gpu/errors.ts";
import { createNodeHost } from "../../src/host/node.ts";
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

const test = suite("read png");
const folder = mkdtempSync(join(tmpdir(), "latentgrad-png-"));
const path = join(folder, "x.png");
const size = { width: 11, height: 9 } as const;

test.after(() => rmSync(folder, { recursive: true, force: true }));

async function read(bytes: Uint8Array) {
  writeFileSync(path, bytes);
  return (await createNodeHost()).readPng(path);
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
  await refused(new TextEncoder().encode("text"), /x\.png: byte 0 is not that of a PNG file$/);
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

test("what is missing is an input/output error, and a folder is no picture", async () => {
  const host = await createNodeHost();
  await rejects(
    () => host.readPng(join(folder, "none.png")),
    IoError,
    /^cannot read .*none\.png: no/,
  );
  mkdirSync(join(folder, "folder.png"));
  await rejects(
    () => host.readPng(join(folder, "folder.png")),
    DataError,
    /folder\.png: a folder, expected a picture/,
  );
});

test.run();

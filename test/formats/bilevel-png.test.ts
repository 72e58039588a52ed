import { zlibSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { areaShrinker } from "../../src/data/shrink.ts";
import { decodeBilevelPng } from "../../src/formats/bilevel-png.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { chunk, header, joined, type PngKind, pngFile, signature } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("black and white PNG");

const [width, height] = [21, 7];
const value = (x: number, y: number) => ((x * 7919 + y * 104729 + x * y) >> 2) & 1;
const kind: PngKind = { width, height, depth: 1, colourType: 0, pixel: (x, y) => [value(x, y)] };
const expected = Array.from({ length: width * height }, (_, i) =>
  value(i % width, Math.floor(i / width)),
);
const decode = (bytes: Uint8Array) => decodeBilevelPng(bytes, "x.png", width, height);

/** A file with these rows, each with the number of its filter. */
const withRows = (rows: Uint8Array) =>
  joined([signature, header(kind), chunk("IDAT", zlibSync(rows)), chunk("IEND")]);

/** The rows of the picture after a filter, as the specification defines it. */
function filtered(filter: number): Uint8Array {
  const stride = Math.ceil(width / 8);
  const plain = new Uint8Array(height * stride);
  expected.forEach((bit, i) => {
    const x = i % width;
    plain[Math.floor(i / width) * stride + (x >> 3)]! |= bit << (7 - (x & 7));
  });
  const at = (x: number, y: number) => (x < 0 || y < 0 ? 0 : plain[y * stride + x]!);
  const paeth = (a: number, b: number, c: number) => {
    const p = a + b - c;
    const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    out.push(filter);
    for (let x = 0; x < stride; x++) {
      const [a, b, c] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
      const guess = [0, a, b, Math.floor((a + b) / 2), paeth(a, b, c)][filter]!;
      out.push((at(x, y) - guess) & 255);
    }
  }
  return Uint8Array.from(out);
}

test("decodes bits, whatever the filter of the rows", async () => {
  assert.equal([...decode(await pngFile(kind))], expected);
  for (const filter of [0, 1, 2, 3, 4]) {
    assert.equal([...decode(withRows(filtered(filter)))], expected, `filter ${filter}`);
  }
});

test("refuses other pictures and damaged ones", async () => {
  const refused = (bytes: Uint8Array, pattern: RegExp) =>
    rejects(() => decode(bytes), DataError, pattern);
  await refused(await pngFile({ ...kind, width: 22 }), /^x\.png: 22×7 pixels, expected 21×7$/);
  const grey = await pngFile({ ...kind, depth: 8 });
  await refused(grey, /bit depth 8, colour type 0, expected 1 and 0/);
  await refused(await pngFile({ ...kind, interlaced: true }), /interlaced, expected/);
  await refused(new TextEncoder().encode("text"), /byte 0 is not that of a PNG file/);
  const rows = filtered(0);
  const sound = withRows(rows);
  await refused(sound.subarray(0, 50), /ends at byte 50/);
  const flipped = sound.slice();
  flipped[45]! ^= 1;
  await refused(flipped, /wrong checksum \(CRC\) of the chunk IDAT/);
  await refused(withRows(rows.subarray(1)), /image data end after 27 bytes, expected 28/);
  await refused(withRows(joined([rows, Uint8Array.of(1)])), /inflate beyond the 28 bytes/);
  await refused(withRows(new Uint8Array(1e6)), /inflate beyond the 28 bytes/);
  await refused(withRows(filtered(0).fill(5, 8, 9)), /filter 5 of row 2, expected 0 to 4/);
  const broken = chunk("IDAT", Uint8Array.of(0x78, 0x9c, 7, 7, 7, 7, 7, 7));
  await refused(joined([signature, header(kind), broken, chunk("IEND")]), /broken image data \(/);
});

test("refuses image data with a wrong checksum, or with bytes too many", async () => {
  const whole = zlibSync(filtered(4));
  const withData = (...data: Uint8Array[]) =>
    joined([signature, header(kind), ...data.map((part) => chunk("IDAT", part)), chunk("IEND")]);
  const refused = (data: Uint8Array[], pattern: RegExp) =>
    rejects(() => decode(withData(...data)), DataError, pattern);
  assert.equal([...decode(withData(whole.subarray(0, 5), whole.subarray(5)))], expected);
  for (let i = 1; i <= 4; i++) {
    const changed = whole.slice();
    changed[whole.length - i]! ^= 0x10;
    await refused([changed], /^x\.png: wrong checksum \(Adler-32\) of the rows$/);
  }
  const [deflated, sum] = [whole.subarray(0, -4), whole.subarray(-4)];
  for (const more of [1, 3, 4, 5, 300]) {
    const junk = new Uint8Array(more);
    await refused([whole, junk], /^x\.png: the deflated rows do not end where the image data do$/);
    await refused([deflated, junk, sum], /the deflated rows do not end where the image data do/);
  }
  for (let end = 0; end < whole.length; end++) {
    await refused([whole.subarray(0, end)], /^x\.png: /);
  }
});

test("shrinks by area: each output pixel is the part of its square that is ink", () => {
  for (const [from, to] of [
    [105, 28],
    [8, 4],
    [7, 7],
    [5, 3],
  ] as const) {
    const picture = Uint8Array.from({ length: from * from }, (_, i) => ((i * 2654435761) >> 9) & 1);
    const out = areaShrinker(from, to)(picture);
    const overlap = (o: number, i: number) =>
      Math.max(0, Math.min(((o + 1) * from) / to, i + 1) - Math.max((o * from) / to, i));
    for (let y = 0; y < to; y++) {
      for (let x = 0; x < to; x++) {
        let ink = 0;
        for (const [p, paper] of picture.entries()) {
          if (!paper) ink += overlap(y, Math.floor(p / from)) * overlap(x, p % from);
        }
        const exact = (255 * ink * to * to) / (from * from);
        assert.ok(Math.abs(out[y * to + x]! - exact) <= 0.5 + 1e-9, `${from} → ${to}: ${x}, ${y}`);
      }
    }
  }
  const shrink = areaShrinker(105, 28);
  assert.ok(shrink(new Uint8Array(105 * 105)).every((grey) => grey === 255));
  assert.ok(shrink(new Uint8Array(105 * 105).fill(1)).every((grey) => grey === 0));
});

test.run();

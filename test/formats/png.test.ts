import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../../src/formats/png.ts";
import { pngFacts } from "../../src/formats/png-facts.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("png");

/** Type and data of each chunk. */
function chunks(file: Uint8Array<ArrayBuffer>): [string, Uint8Array<ArrayBuffer>][] {
  const view = new DataView(file.buffer);
  const found: [string, Uint8Array<ArrayBuffer>][] = [];
  for (let at = 8; at < file.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    found.push([type, file.slice(at + 8, at + 8 + view.getUint32(at))]);
  }
  return found;
}

test("writes header, filtered rows and end", async () => {
  const pixels = Uint8Array.of(10, 20, 30, 13, 18, 30, 255, 0, 1, 0, 0, 2);
  const file = await encodePng({ width: 2, height: 2, channels: 3, pixels });
  assert.equal([...file.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const [header, data, end] = chunks(file);
  assert.equal([header![0], ...header![1]], ["IHDR", 0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
  assert.equal([end![0], end![1].length], ["IEND", 0]);
  assert.equal([...file.subarray(-4)], [0xae, 0x42, 0x60, 0x82], "the CRC of every IEND chunk");
  const stream = new Blob([data![1]]).stream().pipeThrough(new DecompressionStream("deflate"));
  const rows = new Uint8Array(await new Response(stream).arrayBuffer());
  assert.equal([...rows], [2, 10, 20, 30, 13, 18, 30, 2, 245, 236, 227, 243, 238, 228]);
});

test("keeps a description that can be read without decoding", async () => {
  const picture = { width: 3, height: 2, channels: 1, pixels: new Uint8Array(6) } as const;
  const file = await encodePng(picture, "codes of “7” → 3");
  assert.equal(
    chunks(file).map(([type]) => type),
    ["IHDR", "iTXt", "IDAT", "IEND"],
  );
  assert.equal(pngFacts(file), { width: 3, height: 2, description: "codes of “7” → 3" });
  assert.equal(pngFacts(await encodePng(picture)), { width: 3, height: 2 });
});

test("facts of damaged files are missing, and never an error", async () => {
  const picture = { width: 3, height: 2, channels: 1, pixels: new Uint8Array(6) } as const;
  const file = await encodePng(picture, "a description");
  for (let length = 0; length < file.length; length++) {
    const facts = pngFacts(file.subarray(0, length));
    if (length < 33) assert.is(facts, undefined);
    else assert.equal([facts?.width, facts?.height], [3, 2]);
    assert.ok([undefined, "a description"].includes(facts?.description), "whole or not at all");
  }
  const huge = file.slice();
  new DataView(huge.buffer).setUint32(33, 0xffffffff);
  assert.equal(pngFacts(huge), { width: 3, height: 2 });
  const none = file.slice();
  none[2] = 0;
  assert.is(pngFacts(none), undefined);
});

test("compresses", async () => {
  const pixels = new Uint8Array(1_080_000).fill(200);
  const file = await encodePng({ width: 600, height: 600, channels: 3, pixels });
  assert.ok(file.length < 5000, `${file.length} bytes`);
});

test("refuses pixels that do not fit the size", async () => {
  const bad = (width: number, height: number, length: number) => () =>
    encodePng({ width, height, channels: 3, pixels: new Uint8Array(length) });
  await rejects(
    bad(2, 2, 11),
    ShapeError,
    /^encodePng: picture has 11 samples for 2×2 pixels with 3 channels$/,
  );
  await rejects(bad(0, 2, 0), ShapeError, /^encodePng: picture\.width is 0, wanted a whole/);
});

test.run();

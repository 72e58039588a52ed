import { unzlibSync } from "fflate";
import { DataError } from "../gpu/errors.ts";
import { adler32, endsAtLastByte } from "./deflated.ts";
import { parsePng } from "./png-check.ts";

/**
 * Decodes a black and white PNG: grey, one bit a sample, not interlaced, of exactly `width`×`height`
 * pixels. At once and on every runtime, since sets such as Omniglot hold tens of thousands of them.
 *
 * @returns [height, width] of 0 and 1
 * @throws DataError naming `name`, for any other picture and for a damaged one
 */
export function decodeBilevelPng(
  bytes: Uint8Array,
  name: string,
  width: number,
  height: number,
): Uint8Array {
  const { header, colourType, interlaced, data, rowBytes } = parsePng(bytes, name);
  if (header.width !== width || header.height !== height) {
    throw new DataError(
      `${name}: ${header.width}×${header.height} pixels, expected ${width}×${height}`,
    );
  }
  if (header.depth !== 1 || colourType !== 0 || interlaced) {
    const found = `bit depth ${header.depth}, colour type ${colourType}${interlaced ? ", interlaced" : ""}`;
    throw new DataError(`${name}: ${found}, expected 1 and 0 (black and white), not interlaced`);
  }
  const rows = inflateRows(data, rowBytes, name);
  unfilter(rows, rowBytes / height, name);
  return unpack(rows, width, height);
}

/** zlib's header, and its checksum behind the deflated bytes. */
const ZLIB_HEADER = 2;
const ZLIB_SUM = 4;

/** Inflates to exactly `size` bytes, from all of `data`; what is beyond is not held. */
function inflateRows(data: Uint8Array, size: number, name: string): Uint8Array {
  let rows: Uint8Array;
  try {
    // One byte more shows that there is more.
    rows = unzlibSync(data, { out: new Uint8Array(size + 1) });
  } catch (error) {
    throw new DataError(`${name}: broken image data (${(error as Error).message})`);
  }
  if (rows.length > size) {
    throw new DataError(
      `${name}: the image data inflate beyond the ${size} bytes that its header implies`,
    );
  }
  if (rows.length < size) {
    throw new DataError(`${name}: the image data end after ${rows.length} bytes, expected ${size}`);
  }
  const deflated = data.subarray(ZLIB_HEADER, -ZLIB_SUM);
  if (!endsAtLastByte(deflated, size)) {
    throw new DataError(`${name}: the deflated rows do not end where the image data do`);
  }
  const sum = new DataView(data.buffer, data.byteOffset).getUint32(data.length - ZLIB_SUM);
  if (sum !== adler32(rows)) throw new DataError(`${name}: wrong checksum (Adler-32) of the rows`);
  return rows;
}

/** Undoes the filters of PNG in place. Each row is the filter's number and then its bytes. */
function unfilter(rows: Uint8Array, stride: number, name: string): void {
  for (let start = 0; start < rows.length; start += stride) {
    const filter = rows[start]!;
    if (filter > 4) {
      throw new DataError(`${name}: filter ${filter} of row ${start / stride}, expected 0 to 4`);
    }
    if (filter === 0) continue;
    let left = 0;
    let corner = 0;
    for (let at = start + 1; at < start + stride; at++) {
      const above = start > 0 ? rows[at - stride]! : 0;
      left = (rows[at]! + predict(filter, left, above, corner)) & 0xff;
      rows[at] = left;
      corner = above;
    }
  }
}

/** What the filters of PNG predict a byte to be. */
function predict(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  // Paeth's: whichever is nearest to left + above − corner.
  const a = Math.abs(above - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + above - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

/** From bits, the highest first, to bytes. */
function unpack(rows: Uint8Array, width: number, height: number): Uint8Array {
  const stride = rows.length / height;
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = y * stride + 1;
    for (let x = 0; x < width; x++) {
      pixels[y * width + x] = (rows[row + (x >> 3)]! >> (7 - (x & 7))) & 1;
    }
  }
  return pixels;
}

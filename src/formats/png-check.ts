import { DataError } from "../gpu/errors.ts";
import { joinBytes } from "./bytes.ts";
import { crc32 } from "./crc.ts";
import { streamOf } from "./gunzip.ts";
import { checkSize } from "./picture-limits.ts";
import { pngSignature } from "./png-signature.ts";

/** What a PNG file's header says. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** Whether no pixel has a colour, by the colour type or by a palette of greys. */
  readonly grey: boolean;
  /** Bytes of the picture, to the end of IEND; what a file has behind them is no part of it. */
  readonly bytes: number;
}

/** Samples a pixel and legal bits a sample, by colour type. */
const colourTypes: Readonly<Record<number, { samples: number; depths: readonly number[] }>> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] }, // grey
  2: { samples: 3, depths: [8, 16] }, // RGB
  3: { samples: 1, depths: [1, 2, 4, 8] }, // palette
  4: { samples: 2, depths: [8, 16] }, // grey and alpha
  6: { samples: 4, depths: [8, 16] }, // RGB and alpha
};

/** Adam7: where each pass begins and how far apart its pixels are, as [x, y, right, down]. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

interface Chunk {
  readonly type: string;
  /** Byte at which the chunk begins, with its length. */
  readonly at: number;
  readonly data: Uint8Array;
}

/** A PNG file taken apart, its image data not inflated yet. */
export interface PngParts {
  readonly header: PngHeader;
  readonly colourType: number;
  readonly interlaced: boolean;
  /** The deflated image data of all chunks. */
  readonly data: Uint8Array;
  /** Bytes that they are to inflate to: each row has the byte of its filter. */
  readonly rowBytes: number;
}

/**
 * Checks a whole PNG file before a decoder sees it: the chunks and their checksums, the header, and
 * that the image data inflate to exactly the bytes that the header implies. They are counted, not
 * kept, and inflating stops at the first byte beyond. Throws DataError naming `name` and the byte.
 *
 * @param resized the picture is made smaller afterwards, and may have more pixels
 */
export async function checkPng(
  bytes: Uint8Array,
  name: string,
  resized = false,
): Promise<PngHeader> {
  const { header, data, rowBytes } = parsePng(bytes, name, resized);
  await checkInflated(data, rowBytes, name);
  return header;
}

/** Checks all but the image data, which are not inflated. Throws DataError naming `name` and the byte. */
export function parsePng(bytes: Uint8Array, name: string, resized = false): PngParts {
  const chunks = readChunks(bytes, name);
  const [first] = chunks;
  if (first?.type !== "IHDR" || first.data.length !== 13) {
    throw new DataError(`${name}: byte 8 does not begin a header (IHDR) of 13 bytes`);
  }
  const { header, samples, colourType, interlaced } = readHeader(first.data, name, resized);
  const palette = checkOrder(chunks, colourType, name);
  const { width, height, depth } = header;
  const rowBytes = interlaced
    ? passes.reduce((sum, pass) => sum + passBytes(pass, width, height, samples * depth), 0)
    : passBytes([0, 0, 1, 1], width, height, samples * depth);
  const data = joinBytes(chunks.filter(({ type }) => type === "IDAT").map((chunk) => chunk.data));
  const grey = palette === undefined ? header.grey : isGrey(palette);
  const last = chunks.at(-1)!;
  const end = last.at + 12 + last.data.length;
  return { header: { ...header, grey, bytes: end }, colourType, interlaced, data, rowBytes };
}

/** An image of the largest size has fewer, even in pieces of a few hundred bytes. */
const mostChunks = 65_536;

/**
 * Splits the file up to IEND; each chunk lies within it and has the right checksum. What is behind IEND
 * is no part of the picture.
 */
function readChunks(bytes: Uint8Array, name: string): Chunk[] {
  const wrong = pngSignature.findIndex((byte, i) => bytes[i] !== byte);
  if (wrong >= 0) throw new DataError(`${name}: byte ${wrong} is not that of a PNG file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = pngSignature.length; chunks.at(-1)?.type !== "IEND"; ) {
    if (at + 12 > bytes.length) {
      throw new DataError(`${name}: ends at byte ${bytes.length}, before the chunk IEND`);
    }
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) {
      throw new DataError(`${name}: byte ${at + 4} does not begin the name of a chunk`);
    }
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) {
      throw new DataError(
        `${name}: ends at byte ${bytes.length}, but the chunk ${type} at byte ${at} at byte ${end}`,
      );
    }
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(at + 4, end - 4))) {
      throw new DataError(`${name}: wrong checksum (CRC) of the chunk ${type} at byte ${at}`);
    }
    if (chunks.length === mostChunks) {
      throw new DataError(`${name}: more than ${mostChunks} chunks, before byte ${at}`);
    }
    chunks.push({ type, at, data: bytes.subarray(at + 8, end - 4) });
    at = end;
  }
  return chunks;
}

/** Reads the header's 13 bytes, which begin at byte 16 of the file. */
function readHeader(data: Uint8Array, name: string, resized: boolean) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  const [depth = 0, colourType = 0, compression = 0, filter = 0, interlacing = 0] =
    data.subarray(8);
  checkSize(width, height, name, resized);
  const kind = colourTypes[colourType];
  if (!kind?.depths.includes(depth)) {
    throw new DataError(
      `${name}: bit depth ${depth} with colour type ${colourType} (byte 24) is not one of PNG's`,
    );
  }
  if (compression !== 0 || filter !== 0 || interlacing > 1) {
    throw new DataError(
      `${name}: methods ${compression}, ${filter}, ${interlacing} (byte 26), expected 0, 0, 0 or 1`,
    );
  }
  const header = { width, height, depth, grey: colourType === 0 || colourType === 4 };
  return { header, samples: kind.samples, colourType, interlaced: interlacing === 1 };
}

/** Checks which chunks there are, and in which order; returns the palette that the pixels point into. */
function checkOrder(
  chunks: readonly Chunk[],
  colourType: number,
  name: string,
): Uint8Array | undefined {
  let palette: Uint8Array | undefined;
  let images = 0;
  for (const [i, { type, at, data }] of chunks.entries()) {
    const refuse = (what: string) =>
      new DataError(`${name}: the chunk ${type} at byte ${at} ${what}`);
    if (type === "IHDR" && i > 0) throw refuse("is a second header");
    if (type === "PLTE") {
      if (palette !== undefined || images > 0) throw refuse("comes too late");
      if (data.length === 0 || data.length > 768 || data.length % 3 !== 0) {
        throw refuse(`has ${data.length} bytes, expected 3 for each of 1 to 256 colours`);
      }
      palette = data;
    } else if (type === "tRNS") {
      const most = { 0: 2, 2: 6, 3: (palette?.length ?? 0) / 3 }[colourType] ?? 0;
      const exact = colourType !== 3;
      if (data.length > most || (exact && data.length !== most)) {
        throw refuse(`has ${data.length} bytes, expected ${exact ? "" : "at most "}${most}`);
      }
    } else if (type === "IDAT") {
      if (colourType === 3 && palette === undefined) throw refuse("comes before a palette");
      images++;
    } else if (/^[A-Z]/.test(type) && type !== "IHDR" && type !== "IEND") {
      throw refuse("is none that this reader knows, and the picture needs it");
    }
  }
  if (images === 0) throw new DataError(`${name}: no image data (IDAT)`);
  return colourType === 3 ? palette : undefined;
}

/** Bytes of the rows of a pass: each has the byte of its filter and whole bytes of pixels. */
function passBytes(
  [x, y, right, down]: readonly [number, number, number, number],
  width: number,
  height: number,
  bitsPerPixel: number,
): number {
  const columns = Math.ceil((width - x) / right);
  const rows = Math.ceil((height - y) / down);
  return columns <= 0 || rows <= 0 ? 0 : rows * (1 + Math.ceil((columns * bitsPerPixel) / 8));
}

async function checkInflated(data: Uint8Array, expected: number, name: string): Promise<void> {
  const reader = streamOf(data).pipeThrough(new DecompressionStream("deflate")).getReader();
  let length = 0;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > expected) {
        throw new DataError(
          `${name}: the image data inflate beyond the ${expected} bytes that its header implies`,
        );
      }
    }
    complete = true;
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      `${name}: broken image data after ${length} inflated bytes (${reason.replace(/\s+/g, " ")})`,
    );
  } finally {
    // A reader given up early would leave the decompressor's error unhandled.
    if (!complete) await reader.cancel().catch(() => undefined);
  }
  if (length < expected) {
    throw new DataError(`${name}: the image data end after ${length} bytes, expected ${expected}`);
  }
}

function isGrey(palette: Uint8Array): boolean {
  for (let i = 0; i < palette.length; i += 3) {
    if (palette[i] !== palette[i + 1] || palette[i] !== palette[i + 2]) return false;
  }
  return true;
}

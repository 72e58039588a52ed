import { DataError } from "../gpu/errors.ts";
import { gunzip, isGzip } from "./gunzip.ts";
import { type NpyHeader, parseNpyHeader } from "./npy-header.ts";

/** An array of bytes, row-major. */
export interface ByteArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/** Larger arrays would not fit beside their copy on the GPU. */
export const largestNpyBytes = 2 ** 30;

/** Signature, version and the length of the header in versions 1 and 2. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const PREFIX_BYTES = { 1: 10, 2: 12 } as const;

/** NumPy's own headers of such arrays have 118 bytes. */
const largestHeader = 4096;

/**
 * Reads an array in NumPy's format, version 1.0 or 2.0, plain or gzip: unsigned bytes in C order, of
 * `rank` axes, and nothing after it. Throws DataError naming `name`.
 */
export async function readNpyBytes(
  bytes: Uint8Array,
  name: string,
  rank: number,
): Promise<ByteArray> {
  const sizeOf = (start: Uint8Array): number | undefined => {
    const head = readHead(start, name, rank);
    return head && head.end + count(head.header.shape);
  };
  const plain = isGzip(bytes) ? await gunzip(bytes, name, 1, sizeOf) : bytes;
  const head = readHead(plain, name, rank);
  if (head === undefined) {
    throw new DataError(`${name}: ends after ${plain.length} bytes, within its header`);
  }
  const { shape } = head.header;
  const expected = head.end + count(shape);
  if (plain.length !== expected) {
    const what = plain.length < expected ? "ends after" : "goes on after its array:";
    throw new DataError(
      `${name}: ${what} ${plain.length} bytes, expected ${expected} for ${shape.join("×")}`,
    );
  }
  return { shape, values: plain.subarray(head.end) };
}

/** The header and where it ends; undefined where there is too little of the file to say. */
function readHead(
  bytes: Uint8Array,
  name: string,
  rank: number,
): { header: NpyHeader; end: number } | undefined {
  const wrong = MAGIC.findIndex((byte, i) => i < bytes.length && bytes[i] !== byte);
  if (wrong >= 0) throw new DataError(`${name}: byte ${wrong} is not that of an .npy file`);
  if (bytes.length < 8) return undefined;
  const [major, minor] = [bytes[6], bytes[7]];
  if ((major !== 1 && major !== 2) || minor !== 0) {
    throw new DataError(`${name}: version ${major}.${minor} (byte 6), expected 1.0 or 2.0`);
  }
  const start = PREFIX_BYTES[major];
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > largestHeader) {
    throw new DataError(
      `${name}: a header of ${length} bytes (byte 8), expected at most ${largestHeader}`,
    );
  }
  const end = start + length;
  if (bytes.length < end) return undefined;
  const header = parseNpyHeader(bytes.subarray(start, end), name);
  checkHeader(header, name, rank);
  return { header, end };
}

function checkHeader({ descr, fortranOrder, shape }: NpyHeader, name: string, rank: number): void {
  if (descr !== "|u1") {
    throw new DataError(`${name}: dtype ${JSON.stringify(descr)}, expected "|u1" (bytes)`);
  }
  if (fortranOrder) throw new DataError(`${name}: Fortran order, expected C order`);
  const shown = `shape (${shape.join(", ")})`;
  if (shape.length !== rank) {
    throw new DataError(`${name}: ${shown} has ${shape.length} axes, expected ${rank}`);
  }
  if (shape.includes(0)) throw new DataError(`${name}: ${shown} has an axis of 0`);
  if (!(count(shape) <= largestNpyBytes)) {
    throw new DataError(
      `${name}: ${shown} is more than the ${largestNpyBytes} bytes this reader takes`,
    );
  }
}

function count(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

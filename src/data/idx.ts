import { anotherKind } from "../formats/file-kinds.ts";
import { gunzip, isGzip } from "../formats/gunzip.ts";
import { DataError } from "../gpu/errors.ts";

/** Images of an IDX file: `pixels` is [count, height, width], one byte each. */
export interface IdxImages {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** No IDX file of the known sets comes near; a larger one would not fit beside its copy on the GPU. */
export const largestIdxBytes = 2 ** 30;

/** Pixels a side at most, as of the images of a run. */
const largestSide = 4096;

/** Reads an IDX file of rank 3 with unsigned bytes, plain or gzip. Throws DataError naming `name`. */
export async function readIdxImages(bytes: Uint8Array, name: string): Promise<IdxImages> {
  const { shape, values } = await readIdx(bytes, name, 3);
  const [count = 0, height = 0, width = 0] = shape;
  if (height > largestSide || width > largestSide)
    throw new DataError(
      `${name}: images of ${height}×${width} (byte 8), expected at most ${largestSide} a side`,
    );
  return { count, height, width, pixels: values };
}

/**
 * Reads an IDX file of rank 1 with unsigned bytes, plain or gzip; each label must be below `classes`,
 * where that is given. Throws DataError naming `name`.
 */
export async function readIdxLabels(
  bytes: Uint8Array,
  name: string,
  classes = 256,
): Promise<Uint8Array> {
  const { values } = await readIdx(bytes, name, 1);
  const wrong = values.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new DataError(
      `${name}: label ${wrong} (byte ${headerBytes(1) + wrong}) is ${values[wrong]}, expected 0 to ${classes - 1}; --data idx:PATH takes any labels`,
    );
  }
  return values;
}

/** Images with their labels; both must have the same count. Throws DataError. */
export async function readIdxPair(
  images: { bytes: Uint8Array; name: string },
  labels: { bytes: Uint8Array; name: string },
  classes?: number,
): Promise<IdxImages & { readonly labels: Uint8Array }> {
  const pictures = await readIdxImages(images.bytes, images.name);
  const values = await readIdxLabels(labels.bytes, labels.name, classes);
  if (values.length !== pictures.count) {
    throw new DataError(
      `${labels.name}: ${values.length} labels, expected ${pictures.count} as in ${images.name}`,
    );
  }
  return { ...pictures, labels: values };
}

async function readIdx(
  bytes: Uint8Array,
  name: string,
  rank: number,
): Promise<{ shape: number[]; values: Uint8Array }> {
  const other = anotherKind(bytes, "idx", "gzip");
  if (other !== undefined) throw new DataError(`${name}: this is ${other}, expected an IDX file`);
  const head = headerBytes(rank);
  const size = (start: Uint8Array): number => head + product(parseHeader(start, name, rank));
  if (isGzip(bytes)) {
    const plain = await gunzip(bytes, name, head, size);
    return { shape: parseHeader(plain, name, rank), values: plain.subarray(head) };
  }
  const expected = size(bytes);
  if (bytes.length < expected) {
    throw new DataError(
      `${name}: ends after ${bytes.length} bytes, expected ${expected} (byte ${bytes.length} is missing)`,
    );
  }
  if (bytes.length > expected) {
    throw new DataError(
      `${name}: ${bytes.length - expected} bytes too many from byte ${expected} on, expected the end`,
    );
  }
  return { shape: parseHeader(bytes, name, rank), values: bytes.slice(head) };
}

function headerBytes(rank: number): number {
  return 4 + 4 * rank;
}

/** Checks magic, type code, rank and dimensions; returns the dimensions. */
function parseHeader(bytes: Uint8Array, name: string, rank: number): number[] {
  const byte = (at: number): number => {
    const value = bytes[at];
    if (value === undefined) {
      throw new DataError(
        `${name}: ends at byte ${bytes.length} in the header, expected ${headerBytes(rank)} bytes`,
      );
    }
    return value;
  };
  // What was packed may be something else, too.
  const other = anotherKind(bytes, "idx");
  if (other !== undefined && bytes.length >= headerBytes(rank))
    throw new DataError(`${name}: inside it is ${other}, expected an IDX file`);
  for (const at of [0, 1]) {
    if (byte(at) !== 0) {
      throw new DataError(`${name}: byte ${at} (magic) is ${hex(byte(at))}, expected 0x00`);
    }
  }
  if (byte(2) !== 0x08) {
    throw new DataError(
      `${name}: byte 2 (type code) is ${hex(byte(2))}, expected 0x08 (unsigned byte)`,
    );
  }
  if (byte(3) !== rank) {
    const what = rank === 1 ? "labels" : "images";
    throw new DataError(`${name}: byte 3 (rank) is ${byte(3)}, expected ${rank} for ${what}`);
  }
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const at = 4 + 4 * axis;
    const size = byte(at) * 2 ** 24 + byte(at + 1) * 2 ** 16 + byte(at + 2) * 2 ** 8 + byte(at + 3);
    if (size === 0) {
      throw new DataError(`${name}: dimension ${axis} (byte ${at}) is 0, expected at least 1`);
    }
    shape.push(size);
  }
  // Each factor is below 2^32, so the product cannot leave the range of a double.
  if (product(shape) > largestIdxBytes) {
    throw new DataError(
      `${name}: dimensions ${shape.join("×")} (byte 4) are more than the ${largestIdxBytes} bytes this reader takes`,
    );
  }
  return shape;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}

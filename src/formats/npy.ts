import { DataError } from "../gpu/errors.ts";
import { anotherKind } from "./file-kinds.ts";
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

/** Kinds of elements: their bytes, and how a number is read at a place, where it is not a byte. */
interface Element {
  readonly bytes: number;
  readonly at?: (view: DataView, place: number) => number;
}

const elements: Readonly<Record<string, Element>> = {
  "|u1": { bytes: 1 },
  "<u1": { bytes: 1 },
  ">u1": { bytes: 1 },
  "<f4": { bytes: 4, at: (view, place) => view.getFloat32(place, true) },
  ">f4": { bytes: 4, at: (view, place) => view.getFloat32(place, false) },
  "<f8": { bytes: 8, at: (view, place) => view.getFloat64(place, true) },
  ">f8": { bytes: 8, at: (view, place) => view.getFloat64(place, false) },
};

/**
 * Reads an array in NumPy's format, version 1.0 or 2.0, plain or gzip: in C order, of so many axes, and
 * nothing after it. Its elements are unsigned bytes, or floats of 32 or 64 bits in either order of bytes
 * from 0 to 1, of which each becomes the nearest of 256 bytes. Throws DataError naming `name`.
 *
 * @param axes numbers of axes that will do
 */
export async function readNpyBytes(
  bytes: Uint8Array,
  name: string,
  axes: readonly number[],
): Promise<ByteArray> {
  const other = anotherKind(bytes, "npy", "gzip");
  if (other !== undefined) throw new DataError(`${name}: this is ${other}, expected an .npy file`);
  const sizeOf = (start: Uint8Array): number | undefined => {
    const head = readHead(start, name, axes);
    return head && head.end + sizeInBytes(head);
  };
  const plain = isGzip(bytes) ? await gunzip(bytes, name, 1, sizeOf) : bytes;
  const head = readHead(plain, name, axes);
  if (head === undefined) {
    throw new DataError(`${name}: ends after ${plain.length} bytes, within its header`);
  }
  const { shape } = head.header;
  const expected = head.end + sizeInBytes(head);
  if (plain.length !== expected) {
    const what = plain.length < expected ? "ends after" : "goes on after its array:";
    throw new DataError(
      `${name}: ${what} ${plain.length} bytes, expected ${expected} for ${shape.join("×")}`,
    );
  }
  return { shape, values: toBytes(plain.subarray(head.end), head.element, name) };
}

interface Head {
  readonly header: NpyHeader;
  readonly element: Element;
  /** Where the array begins. */
  readonly end: number;
}

function sizeInBytes({ header, element }: Head): number {
  return count(header.shape) * element.bytes;
}

function toBytes(content: Uint8Array, { bytes, at }: Element, name: string): Uint8Array {
  if (at === undefined) return content;
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const values = new Uint8Array(content.length / bytes);
  for (let i = 0; i < values.length; i++) {
    const value = at(view, i * bytes);
    if (!(value >= 0 && value <= 1)) {
      const cure = value > 1 && value <= 255 ? "; x / 255 or x.astype(np.uint8) makes them so" : "";
      throw new DataError(`${name}: element ${i} is ${value}, expected floats from 0 to 1${cure}`);
    }
    values[i] = Math.round(255 * value);
  }
  return values;
}

/** The header and where it ends; undefined where there is too little of the file to say. */
function readHead(bytes: Uint8Array, name: string, axes: readonly number[]): Head | undefined {
  const wrong = MAGIC.findIndex((byte, i) => i < bytes.length && bytes[i] !== byte);
  if (wrong >= 0) {
    // What was packed may be something else, too.
    const other = anotherKind(bytes, "npy");
    throw new DataError(
      other === undefined
        ? `${name}: byte ${wrong} is not that of an .npy file`
        : `${name}: inside it is ${other}, expected an .npy file`,
    );
  }
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
  return { header, element: checkHeader(header, name, axes), end };
}

function checkHeader(
  { descr, fortranOrder, shape }: NpyHeader,
  name: string,
  axes: readonly number[],
): Element {
  const element = Object.hasOwn(elements, descr) ? elements[descr] : undefined;
  if (element === undefined) {
    throw new DataError(
      `${name}: dtype ${quoted(descr)}, expected bytes ("|u1") or floats of 32 or 64 bits ("<f4", "<f8", …)`,
    );
  }
  if (fortranOrder) {
    throw new DataError(`${name}: Fortran order; np.ascontiguousarray(x) makes it C order`);
  }
  const shown = `shape (${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", …" : ""})`;
  if (!axes.includes(shape.length)) {
    throw new DataError(
      `${name}: ${shown} has ${shape.length} axes, expected ${axes.join(" or ")}`,
    );
  }
  if (shape.includes(0)) throw new DataError(`${name}: ${shown} has an axis of 0`);
  if (!(count(shape) * element.bytes <= largestNpyBytes)) {
    throw new DataError(
      `${name}: ${shown} is more than the ${largestNpyBytes} bytes this reader takes`,
    );
  }
  return element;
}

/** In quotation marks, short enough for one line. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

function count(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

import { DataError } from "../gpu/errors.ts";

/** What a JPEG file says of its picture. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: colours; 4: inks. */
  readonly components: 1 | 3 | 4;
  /** Adobe's programs wrote it, and they write inks inverted. */
  readonly adobe: boolean;
  /** EXIF's orientation, 1 to 8. */
  readonly orientation: number;
}

/** Scans at most; encoders make about ten. Each makes a decoder go through the whole picture again. */
const mostScans = 64;

const marker = {
  endOfImage: 0xd9,
  startOfScan: 0xda,
  exif: 0xe1,
  adobe: 0xee,
} as const;

/** The processes that are read: baseline, extended sequential and progressive, with Huffman codes. */
const readable = [0xc0, 0xc1, 0xc2];

const isFrame = (code: number) =>
  code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);

/**
 * Goes through the segments of a JPEG file before a decoder sees it, to the end of the picture; what
 * is behind that is of no interest.
 *
 * @throws DataError naming `name` where the file is cut off, or of a kind that is not read
 */
export function checkJpeg(bytes: Uint8Array, name: string): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Pick<JpegHeader, "width" | "height" | "components"> | undefined;
  let adobe = false;
  let orientation = 1;
  let scans = 0;
  for (let at = 2; ; ) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    const code = bytes[at + 1];
    if (code === undefined) throw cutOff(bytes, name);
    if (bytes[at] !== 0xff || code === 0) {
      throw new DataError(`${name}: byte ${at} does not begin a segment of a JPEG file`);
    }
    if (code === marker.endOfImage) break;
    if (at + 4 > bytes.length) throw cutOff(bytes, name);
    const end = at + 2 + view.getUint16(at + 2);
    if (end < at + 4) throw new DataError(`${name}: the segment at byte ${at} has no length`);
    if (end > bytes.length) throw cutOff(bytes, name);
    const data = bytes.subarray(at + 4, end);
    if (isFrame(code)) {
      if (frame) throw new DataError(`${name}: a second frame at byte ${at}`);
      frame = readFrame(code, data, name);
    } else if (code === marker.adobe) {
      adobe ||= startsWith(data, "Adobe");
    } else if (code === marker.exif) {
      if (startsWith(data, "Exif\0\0"))
        orientation = orientationIn(data.subarray(6)) ?? orientation;
    } else if (code === marker.startOfScan) {
      if (!frame) throw new DataError(`${name}: a scan at byte ${at} before the frame's header`);
      if (++scans > mostScans) throw new DataError(`${name}: more than ${mostScans} scans`);
      at = endOfScan(bytes, end);
      continue;
    }
    at = end;
  }
  if (!frame || scans === 0) throw new DataError(`${name}: a JPEG file without a picture`);
  return { ...frame, adobe, orientation };
}

function cutOff({ length }: Uint8Array, name: string): DataError {
  return new DataError(`${name}: cut off: it ends at byte ${length}, before the picture's end`);
}

/** The place of the next marker that is not part of coded data. */
function endOfScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    const within =
      code === 0 || code === 0xff || (code !== undefined && code >= 0xd0 && code <= 0xd7);
    if (!within) return at;
  }
  return bytes.length;
}

function readFrame(code: number, data: Uint8Array, name: string) {
  const [precision = 0, h1 = 0, h0 = 0, w1 = 0, w0 = 0, components = 0] = data;
  if (!readable.includes(code)) {
    const kind = code >= 0xc9 ? "arithmetic coding" : "lossless or hierarchical coding";
    throw new DataError(
      `${name}: JPEG with ${kind}, expected baseline or progressive; save it again with another program`,
    );
  }
  if (precision !== 8) throw new DataError(`${name}: ${precision} bits a sample, expected 8`);
  if (components !== 1 && components !== 3 && components !== 4) {
    throw new DataError(`${name}: ${components} colour components, expected 1, 3 or 4`);
  }
  return { width: 256 * w1 + w0, height: 256 * h1 + h0, components } as const;
}

function startsWith(data: Uint8Array, text: string): boolean {
  return Array.from(text).every((letter, i) => data[i] === letter.charCodeAt(0));
}

/** The orientation in EXIF data (a TIFF file); undefined where none of 1 to 8 is said. */
function orientationIn(tiff: Uint8Array): number | undefined {
  const little = startsWith(tiff, "II");
  if (!little && !startsWith(tiff, "MM")) return undefined;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const word = (at: number) => (at + 2 <= tiff.length ? view.getUint16(at, little) : 0);
  if (tiff.length < 8) return undefined;
  const directory = view.getUint32(4, little);
  const entries = word(directory);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > tiff.length) return undefined;
    if (word(at) === 0x112) {
      const value = word(at + 8);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  }
  return undefined;
}

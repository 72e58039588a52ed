import { DataError } from "../gpu/errors.ts";
import { joinBytes } from "./bytes.ts";

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
  /** The file without stray bytes between segments, to the end marker, which it always has. */
  readonly data: Uint8Array;
  /** The file has the end marker itself; else it ends in coded data, which may be all or not. */
  readonly ended: boolean;
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

/** Markers without a segment: restarts, which belong in coded data, and one for private use. */
const isBare = (code: number) => code === 1 || (code >= 0xd0 && code <= 0xd7);

const isFrame = (code: number) =>
  code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);

/**
 * Goes through the segments of a JPEG file before a decoder sees it, to the end of the picture; what
 * is behind that is of no interest. As in other programs, bytes before a marker that belong to no segment
 * are skipped, and the end marker may be missing where all scans are there.
 *
 * @throws DataError naming `name` where the file is cut off, or of a kind that is not read
 */
export function checkJpeg(bytes: Uint8Array, name: string): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const coefficients = new OpenCoefficients();
  const stretches: Uint8Array[] = [];
  let frame: Pick<JpegHeader, "width" | "height" | "components"> | undefined;
  let adobe = false;
  let orientation = 1;
  let scans = 0;
  let ended = false;
  let from = 0; // of the stretch without stray bytes
  for (let at = 2; ; ) {
    const place = nextMarker(bytes, at);
    if (place !== at) {
      stretches.push(bytes.subarray(from, at));
      from = place ?? bytes.length;
    }
    if (place === undefined) {
      if (scans === 0 || !coefficients.areComplete()) throw cutOff(bytes, name);
      break;
    }
    at = place;
    const code = bytes[at + 1]!;
    if (code === marker.endOfImage) {
      stretches.push(bytes.subarray(from, at));
      ended = true;
      break;
    }
    if (isBare(code)) {
      at += 2;
      continue;
    }
    if (at + 4 > bytes.length) throw cutOff(bytes, name);
    const end = at + 2 + view.getUint16(at + 2);
    if (end < at + 4) throw new DataError(`${name}: the segment at byte ${at} has no length`);
    if (end > bytes.length) throw cutOff(bytes, name);
    const data = bytes.subarray(at + 4, end);
    if (isFrame(code)) {
      if (frame) throw new DataError(`${name}: a second frame at byte ${at}`);
      frame = readFrame(code, data, name);
      coefficients.readFrame(code, data);
    } else if (code === marker.adobe) {
      adobe ||= startsWith(data, "Adobe");
    } else if (code === marker.exif) {
      if (startsWith(data, "Exif\0\0"))
        orientation = orientationIn(data.subarray(6)) ?? orientation;
    } else if (code === marker.startOfScan) {
      if (!frame) throw new DataError(`${name}: a scan at byte ${at} before the frame's header`);
      if (++scans > mostScans) throw new DataError(`${name}: more than ${mostScans} scans`);
      coefficients.readScan(data);
      at = endOfScan(bytes, end);
      continue;
    }
    at = end;
  }
  if (!frame || scans === 0) throw new DataError(`${name}: a JPEG file without a picture`);
  const whole = ended && stretches.length === 1;
  const data = whole ? bytes : joinBytes([...stretches, Uint8Array.of(0xff, marker.endOfImage)]);
  return { ...frame, adobe, orientation, data, ended };
}

/** The error of a file that ends too early. */
export function cutOff({ length }: Uint8Array, name: string): DataError {
  return new DataError(`${name}: cut off: it ends at byte ${length}, before the picture's end`);
}

/** The place of the next marker: 255 and a code, which is neither 0 nor 255. */
function nextMarker(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1];
    if (code !== undefined && code !== 0 && code !== 0xff) return at;
  }
  return undefined;
}

/** Which coefficients of the frame's components no scan has given to the last bit. */
class OpenCoefficients {
  private readonly open = new Map<number, Set<number>>();
  private progressive = false;

  readFrame(code: number, data: Uint8Array): void {
    this.progressive = code === 0xc2;
    for (let i = 6; i < data.length; i += 3) this.open.set(data[i]!, new Set(Array(64).keys()));
  }

  readScan(data: Uint8Array): void {
    const [count = 0] = data;
    const [first = 0, last = 63, approximation = 0] = data.subarray(1 + 2 * count);
    for (let i = 0; i < count; i++) {
      const id = data[1 + 2 * i]!;
      if (!this.progressive) this.open.delete(id);
      else if ((approximation & 15) === 0) {
        const open = this.open.get(id);
        for (let k = first; k <= last; k++) open?.delete(k);
        if (open?.size === 0) this.open.delete(id);
      }
    }
  }

  areComplete(): boolean {
    return this.open.size === 0;
  }
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

import { pngSignature } from "./png-signature.ts";

/** What a PNG file says of itself. */
export interface PngFacts {
  readonly width: number;
  readonly height: number;
  /** Its text `Description`, where `encodePng` was given one. */
  readonly description?: string;
}

const keyword = "Description\0\0\0\0\0";
/** A longer description is not one of ours. */
const LONGEST = 2000;

/** Reads size and description of a PNG file without decoding it; undefined for anything else. */
export function pngFacts(file: Uint8Array): PngFacts | undefined {
  if (file.length < 33 || pngSignature.some((byte, i) => file[i] !== byte)) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (typeAt(file, 12) !== "IHDR") return undefined;
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width === 0 || height === 0) return undefined;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const type = typeAt(file, at + 4);
    if (type === "IDAT") break;
    if (type === "iTXt" && length <= LONGEST && at + 12 + length <= file.length) {
      const text = new TextDecoder().decode(file.subarray(at + 8, at + 8 + length));
      if (text.startsWith(keyword))
        return { width, height, description: text.slice(keyword.length) };
    }
    at += 12 + length;
  }
  return { width, height };
}

function typeAt(file: Uint8Array, at: number): string {
  return String.fromCharCode(...file.subarray(at, at + 4));
}

/** PNG files of every kind, sound or broken, made byte by byte. */
export interface PngKind {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: 0 | 2 | 3 | 4 | 6;
  readonly interlaced?: boolean;
  /** Samples of a pixel: 0 to 2^depth − 1. */
  readonly pixel: (x: number, y: number) => readonly number[];
  /** Chunks before the image data, such as a palette. */
  readonly before?: readonly Uint8Array[];
}

const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

export const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** A whole file. */
export async function pngFile(kind: PngKind): Promise<Uint8Array> {
  return joined([
    signature,
    header(kind),
    ...(kind.before ?? []),
    chunk("IDAT", await deflated(rawRows(kind))),
    chunk("IEND"),
  ]);
}

/** The chunk IHDR; the method bytes can be made wrong. */
export function header(kind: Omit<PngKind, "pixel">, methods: readonly number[] = [0, 0]) {
  const { width, height, depth, colourType, interlaced } = kind;
  const word = (value: number) => [value >>> 24, value >>> 16, value >>> 8, value];
  const tail = [depth, colourType, ...methods, interlaced ? 1 : 0];
  return chunk("IHDR", Uint8Array.from([...word(width), ...word(height), ...tail]));
}

/** The rows as they are deflated, each after filter byte 0. */
export function rawRows({ width, height, depth, interlaced, pixel }: PngKind): Uint8Array {
  const out: number[] = [];
  for (const [left, top, right, down] of interlaced ? adam7 : ([[0, 0, 1, 1]] as const)) {
    for (let y = top; y < height && left < width; y += down) {
      out.push(0);
      let bits = "";
      for (let x = left; x < width; x += right) {
        for (const sample of pixel(x, y)) bits += sample.toString(2).padStart(depth, "0");
      }
      for (let i = 0; i < bits.length; i += 8) {
        out.push(Number.parseInt(bits.slice(i, i + 8).padEnd(8, "0"), 2));
      }
    }
  }
  return Uint8Array.from(out);
}

/** A chunk with its length and checksum. */
export function chunk(type: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc(out.subarray(4, 8 + data.length)));
  return out;
}

export async function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
  const stream = blob.stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Bit by bit, as the specification defines it. */
function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  }
  return ~c >>> 0;
}

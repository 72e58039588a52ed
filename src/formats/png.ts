import { checkObject, checkText, checkWhole, isNot } from "../gpu/arguments.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { joinBytes } from "./bytes.ts";
import { crc32 } from "./crc.ts";
import { pngSignature } from "./png-signature.ts";

/** An image of 8-bit samples: `pixels` is [height, width, channels], channels 1 (grey) or 3 (RGB). */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/**
 * Encodes a picture as PNG (8 bits a sample, no interlacing). The compression is the platform's:
 * the encoders of npm need Node's zlib or half a megabyte of shims in a page. The file's bytes may
 * differ between runtimes; the decoded pixels do not.
 *
 * @param description kept in the file as its text `Description`
 * @throws UsageError for what is no picture, ShapeError for pixels that do not fill it
 */
export async function encodePng(
  picture: Picture,
  description?: string,
): Promise<Uint8Array<ArrayBuffer>> {
  checkPicture("encodePng", picture);
  if (description !== undefined) checkText("encodePng", "description", description);
  const { width, height, channels } = picture;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = 8; // bits a sample
  header[9] = channels === 1 ? 0 : 2; // colour type: grey or RGB
  const parts = [
    Uint8Array.from(pngSignature),
    chunk("IHDR", header),
    ...(description === undefined ? [] : [chunk("iTXt", internationalText(description))]),
    chunk("IDAT", await deflate(filterRows(picture))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return joinBytes(parts);
}

/** @throws UsageError for what is no picture, ShapeError for pixels that do not fill it */
export function checkPicture(op: string, picture: Picture): void {
  checkObject(op, "picture", picture, ["width", "height", "channels", "pixels"]);
  const { width, height, channels } = picture;
  const pixels: unknown = picture.pixels;
  // A PNG has lengths of 31 bits.
  checkWhole(op, "picture.width", width, 1, 2 ** 31 - 1);
  checkWhole(op, "picture.height", height, 1, 2 ** 31 - 1);
  if (channels !== 1 && channels !== 3)
    throw new ShapeError(op, isNot("picture.channels", channels, "1 (grey) or 3 (RGB)"));
  if (!(pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray))
    throw new UsageError(`${op}: ${isNot("picture.pixels", pixels, "a Uint8Array")}`);
  if (pixels.length !== width * height * channels)
    throw new ShapeError(
      op,
      `picture has ${pixels.length} samples for ${width}×${height} pixels with ${channels} channels`,
    );
}

/** Each row after the byte of its filter: 2 (difference to the row above), which suits scaled grids. */
function filterRows({ width, height, channels, pixels }: Picture): Uint8Array<ArrayBuffer> {
  const stride = width * channels;
  const out = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const row = y * stride;
    const to = y * (stride + 1) + 1;
    out[to - 1] = 2;
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : pixels[row - stride + i]!;
      out[to + i] = pixels[row + i]! - above;
    }
  }
  return out;
}

/** Keyword, not compressed, no language, no translation of the keyword, text in UTF-8. */
function internationalText(text: string): Uint8Array {
  return new TextEncoder().encode(`Description\0\0\0\0\0${text}`);
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length, type, data and the CRC over type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

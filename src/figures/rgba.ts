import type { Picture } from "../formats/png.ts";

/** The pixels of a picture as canvases take them: [height, width, 4], opaque. */
export function toRgba({
  width,
  height,
  channels,
  pixels,
}: Picture): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = pixels[channels * i + (channels === 3 ? c : 0)]!;
  return rgba;
}

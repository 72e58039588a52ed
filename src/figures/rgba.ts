import { checkPicture, type Picture } from "../formats/png.ts";

/**
 * The pixels of a picture as canvases take them: [height, width, 4], opaque.
 *
 * @throws UsageError for what is no picture, ShapeError for pixels that do not fill it
 */
export function toRgba(picture: Picture): Uint8ClampedArray<ArrayBuffer> {
  checkPicture("toRgba", picture);
  const { width, height, channels, pixels } = picture;
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = pixels[channels * i + (channels === 3 ? c : 0)]!;
  return rgba;
}

import { DataError } from "../gpu/errors.ts";

/** Largest width and height in pixels of an image of a run. */
export const largestSide = 4096;

/** Pixels at most of a picture that is made smaller: 64 MP, as 8192×8192. */
export const mostPixels = 2 ** 26;

/**
 * Checks a picture's size before anything is decoded.
 *
 * @param resized it is made smaller afterwards
 * @throws DataError naming the picture
 */
export function checkSize(width: number, height: number, name: string, resized: boolean): void {
  const size = `${name}: ${width}×${height} pixels`;
  if (width < 1 || height < 1) throw new DataError(`${size}, expected at least 1 a side`);
  if (width * height > mostPixels) {
    throw new DataError(`${size}, expected at most ${mostPixels} in all`);
  }
  if (!resized && Math.max(width, height) > largestSide) {
    throw new DataError(`${size}, expected at most ${largestSide} a side; --size makes it smaller`);
  }
}

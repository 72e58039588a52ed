import * as fs from "node:fs/promises";
import { PNG } from "pngjs";
import { checkJpeg, isJpeg } from "../data/jpeg-check.ts";
import {
  type DecodedPicture,
  type PictureFile,
  type PictureOptions,
  preparePicture,
} from "../data/picture.ts";
import { checkSize } from "../data/picture-limits.ts";
import { checkPng } from "../data/png-check.ts";
import { pngSignature } from "../data/png-signature.ts";
import { sha256 } from "../data/sha256.ts";
import { DataError } from "../gpu/errors.ts";
import { decodeJpeg } from "./decode-jpeg.ts";
import { reporting } from "./io-failure.ts";

/** More than any picture of 64 MP takes, however it was compressed. */
const largestFile = 2 ** 28;

/**
 * Reads, decodes and prepares a PNG or JPEG file (see `Host.readPicture`), whichever its first bytes
 * say it is: 16 bits become 8, palettes are expanded, inks become colours. `name` is what errors call
 * the file.
 */
export async function readPicture(
  path: string,
  name: string,
  options: PictureOptions = {},
): Promise<PictureFile> {
  const bytes = await reporting("read", name, async () => {
    const status = await fs.stat(path);
    // Reading a pipe would wait for ever.
    if (!status.isFile()) {
      const what = status.isDirectory() ? "a folder" : "a device or a pipe";
      throw new DataError(`${name}: ${what}, expected a picture`);
    }
    if (status.size > largestFile) {
      throw new DataError(`${name}: ${status.size} bytes, expected at most ${largestFile}`);
    }
    return fs.readFile(path);
  });
  const resized = options.size !== undefined;
  const decoded = isJpeg(bytes)
    ? await readJpeg(bytes, name, resized)
    : await readPng(bytes, name, resized);
  return { ...preparePicture(decoded, options), sha256: await sha256(bytes) };
}

async function readJpeg(
  bytes: Uint8Array,
  name: string,
  resized: boolean,
): Promise<DecodedPicture> {
  const header = checkJpeg(bytes, name);
  checkSize(header.width, header.height, name, resized);
  return decodeJpeg(bytes, header, name);
}

async function readPng(bytes: Buffer, name: string, resized: boolean): Promise<DecodedPicture> {
  if (bytes[0] !== pngSignature[0]) {
    throw new DataError(`${name}: neither a PNG nor a JPEG file, by its first bytes`);
  }
  const { width, height, grey, ...header } = await checkPng(bytes, name, resized);
  try {
    const pixels = PNG.sync.read(bytes.subarray(0, header.bytes)).data;
    return { width, height, samples: 4, pixels, grey };
  } catch (error) {
    throw new DataError(`${name}: ${(error as Error).message.replace(/\s+/g, " ")}`);
  }
}

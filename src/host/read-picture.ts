import * as fs from "node:fs/promises";
import { PNG } from "pngjs";
import { decodeJpeg } from "../formats/decode-jpeg.ts";
import { describeFile } from "../formats/file-kinds.ts";
import { HostMemoryError, isOutOfMemory } from "../formats/host-memory.ts";
import { checkJpeg } from "../formats/jpeg-check.ts";
import {
  type DecodedPicture,
  type PictureFile,
  type PictureOptions,
  preparePicture,
} from "../formats/picture.ts";
import { checkSize } from "../formats/picture-limits.ts";
import { checkPng } from "../formats/png-check.ts";
import { sha256 } from "../formats/sha256.ts";
import { DataError } from "../gpu/errors.ts";
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
  const decoded = await decode(bytes, name, resized);
  return { ...preparePicture(decoded, options), sha256: await sha256(bytes) };
}

function decode(bytes: Buffer, name: string, resized: boolean): Promise<DecodedPicture> {
  const { kind, words } = describeFile(bytes) ?? { words: "no picture by its first bytes" };
  if (kind === "jpeg") return readJpeg(bytes, name, resized);
  if (kind === "png") return readPng(bytes, name, resized);
  throw new DataError(`${name}: ${words}, expected a PNG or JPEG picture`);
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
  const { width, height, grey, ...header } = await checkPng(bytes, name, resized);
  try {
    const pixels = PNG.sync.read(bytes.subarray(0, header.bytes)).data;
    return { width, height, samples: 4, pixels, grey };
  } catch (error) {
    if (isOutOfMemory(error))
      throw new HostMemoryError(`out of memory: ${name} has ${width}×${height} pixels`);
    throw new DataError(`${name}: ${(error as Error).message.replace(/\s+/g, " ")}`);
  }
}

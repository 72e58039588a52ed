import * as fs from "node:fs/promises";
import { PNG } from "pngjs";
import { checkPng } from "../data/png-check.ts";
import { DataError } from "../gpu/errors.ts";
import type { PngPicture } from "./host.ts";
import { reporting } from "./io-failure.ts";

/** More than any picture of 4096×4096 pixels takes, however it was compressed. */
const largestFile = 2 ** 28;

/**
 * Reads and decodes a PNG file (see `Host.readPng`): 16 bits become 8, palettes are expanded, and
 * what is transparent is blended onto black. `name` is what errors call the file.
 */
export async function readPng(path: string, name: string): Promise<PngPicture> {
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
  const { width, height, grey } = await checkPng(bytes, name);
  let rgba: Uint8Array;
  try {
    rgba = PNG.sync.read(bytes).data;
  } catch (error) {
    throw new DataError(`${name}: ${(error as Error).message.replace(/\s+/g, " ")}`);
  }
  const channels = grey ? 1 : 3;
  return { width, height, channels, pixels: blend(rgba, channels) };
}

/** From [pixels, 4] to [pixels, channels], on black. */
function blend(rgba: Uint8Array, channels: 1 | 3): Uint8Array {
  const count = rgba.length / 4;
  const out = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const alpha = rgba[4 * i + 3]!;
    for (let c = 0; c < channels; c++) {
      out[i * channels + c] = Math.floor((rgba[4 * i + c]! * alpha) / 255 + 0.5);
    }
  }
  return out;
}

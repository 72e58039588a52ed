import { type PictureOptions, toGrey } from "../formats/picture.ts";
import { resizeAndCrop } from "../formats/resample.ts";
import { sha256 } from "../formats/sha256.ts";
import { UsageError } from "../gpu/errors.ts";
import { largestFolderBytes } from "./folder-pixels.ts";
import type { Dataset, Split } from "./types.ts";

/**
 * Does to the images of a set that is loaded what a folder's pictures have done to them as they are
 * read.
 *
 * @throws UsageError for a set of vectors, and for a background: none of these sets is transparent
 */
export async function reshapeImages(data: Dataset, options: PictureOptions): Promise<Dataset> {
  const { size, grey, background } = options;
  const [asked] = Object.entries({ size, grey, background }).find(([, value]) => value) ?? [];
  if (asked === undefined) return data;
  if (background) throw new UsageError(opaque(data.name));
  if (data.vectors)
    throw new UsageError(`--${asked}: ${data.name} has vectors, which are no pictures`);
  const channels = grey ? 1 : data.channels;
  const { height, width } = size ?? data;
  const bytes = (data.train.count + data.test.count) * height * width * channels;
  if (bytes > largestFolderBytes)
    throw new UsageError(
      `--size ${height}x${width}: the images are ${bytes} bytes then, expected at most ${largestFolderBytes}`,
    );
  const reshape = (split: Split): Split => {
    const before = data.height * data.width * data.channels;
    const after = height * width * channels;
    const images = new Uint8Array(split.count * after);
    for (let i = 0; i < split.count; i++) {
      const image = Uint8Array.from(split.images.subarray(i * before, (i + 1) * before));
      const pixels = channels < data.channels ? toGrey(image) : image;
      const bitmap = { height: data.height, width: data.width, channels, pixels };
      images.set(resizeAndCrop(bitmap, { height, width }).pixels, i * after);
    }
    return { ...split, images };
  };
  const { train, test, validation, fingerprint } = data;
  const changed = [fingerprint, height, width, channels];
  return {
    ...data,
    train: reshape(train),
    test: reshape(test),
    ...(validation ? { validation: reshape(validation) } : {}),
    height,
    width,
    channels,
    ...(fingerprint === undefined
      ? {}
      : { fingerprint: await sha256(new TextEncoder().encode(JSON.stringify(changed))) }),
  };
}

/** Why `--background` is refused for a set whose images have no transparent pixels. */
export function opaque(name: string): string {
  return `--background: ${name} has opaque images; it is for folders of pictures`;
}

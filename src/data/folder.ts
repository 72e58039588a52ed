import { sha256 } from "../formats/sha256.ts";
import type { DataSource } from "./files.ts";
import { type ListedPicture, listPictures } from "./folder-listing.ts";
import { FolderPixels, type PartPixels, toRgb } from "./folder-pixels.ts";
import { lastPart, pathLabel } from "./paths.ts";
import type { Dataset, Labels, Split } from "./types.ts";

/**
 * Loads a folder of PNG and JPEG pictures: see `listPictures` for classes and parts. They have one size,
 * or are brought to one. There is one channel if all pictures are grey, or made so, else three. The
 * fingerprint is over what is trained and validated on: names, the files' bytes, and what is done to
 * them.
 *
 * Throws DataError naming the folder or the picture.
 */
export async function loadFolder(path: string, source: DataSource): Promise<Dataset> {
  const { host, onNotice, pictures = {} } = source;
  const listed = await listPictures(path, lastPart(path), host);
  for (const line of listed.notices) onNotice?.(line);
  const { classNames, train, test, validation = [] } = listed;
  const all = new FolderPixels(path, train.length + validation.length + test.length, pictures);
  const trainPixels = await all.read(train, host);
  const validationPixels = await all.read(validation, host);
  const testPixels = await all.read(test, host);
  for (const line of all.notices()) onNotice?.(line);
  const { width, height, channels } = all;
  const split = (files: readonly ListedPicture[], { pixels, ...read }: PartPixels): Split => ({
    images: read.channels === channels ? pixels : toRgb(pixels),
    labels: labelsOf(files, classNames.length),
    count: files.length,
  });
  const named = (files: readonly ListedPicture[], { hashes }: PartPixels) =>
    files.map((file, i) => [nameWithin(path, file.path), hashes[i]]);
  const { size, grey = false, background } = pictures;
  const seen = [
    [size?.height, size?.width, grey, background],
    named(train, trainPixels),
    named(validation, validationPixels),
  ];
  return {
    name: pathLabel("folder", path),
    train: split(train, trainPixels),
    test: split(test, testPixels),
    ...(listed.validation ? { validation: split(validation, validationPixels) } : {}),
    height,
    width,
    channels,
    classes: classNames.length,
    classNames,
    fingerprint: await sha256(new TextEncoder().encode(JSON.stringify(seen))),
  };
}

/** A picture's path from its folder on, the same however the folder was typed: `/cats/1.png`. */
function nameWithin(folder: string, path: string): string {
  return `/${path.slice(folder.length).replace(/^[/\\]+/, "")}`;
}

function labelsOf(files: readonly ListedPicture[], classes: number): Labels {
  const labels = classes <= 256 ? new Uint8Array(files.length) : new Uint16Array(files.length);
  files.forEach(({ label }, i) => {
    labels[i] = label;
  });
  return labels;
}

import { readNpyBytes } from "../formats/npy.ts";
import { DataError } from "../gpu/errors.ts";
import { cacheFolder, type DataSource, dataFolder } from "./files.ts";
import { permutation } from "./hash.ts";
import { joinPath } from "./paths.ts";
import type { Dataset, Split } from "./types.ts";

/** A set whose one file is the user's to bring: its licence lets nobody publish it. */
export interface OwnSet {
  readonly name: string;
  /** Folder within the data folder. */
  readonly folder: string;
  /** What the file's name begins with; it ends in `.npy` or `.npy.gz`. */
  readonly prefix: string;
  readonly licence: string;
}

/** Photographs of people, from CelebA (Liu, Luo, Wang, Tang 2015). */
export const faces: OwnSet = {
  name: "faces",
  folder: "faces",
  prefix: "celeba",
  licence: "non-commercial research only, not to be passed on",
};

/** Faces of drawn figures. */
export const anime: OwnSet = {
  name: "anime",
  folder: "faces",
  prefix: "anime",
  licence: "none stated, not to be passed on",
};

/** One picture in so many is for the test part. */
const TEST_EVERY = 10;

/** Pixels a side at most, as of the images of a run. */
const largestSide = 4096;

/** Key of the hash that chooses them; a run's seed does not change it. */
const SPLIT_SEED = 0x66616365;

/**
 * Loads faces: one array in NumPy's format, [count, height, width, 3] of RGB, or [count, height, width]
 * or [count, height, width, 1] of grey pixels, in the elements of `readNpyBytes`. There are no
 * labels, so all are of one class. A tenth, chosen by a fixed hash, is the test part. Throws DataError
 * for a file that is missing or not what it should be; nothing is ever downloaded.
 */
export async function loadFaces(set: OwnSet, source: DataSource): Promise<Dataset<Uint8Array>> {
  const found = await findOwn(set, source);
  if (found === undefined) {
    const folder = joinPath(dataFolder(source), set.folder);
    throw new DataError(
      `data set ${set.name}: ${folder} lacks ${ownPattern(set)}; it is never downloaded (${set.licence}); put an array [count, height, width, 3] in NumPy's format there`,
    );
  }
  const { path } = found;
  return readNpyPictures(await source.host.readFile(path), path, set.name, "face");
}

/**
 * The set of one array of pictures, of one class; a tenth, chosen by a fixed hash, is the test part.
 * Throws DataError naming `path`.
 */
export async function readNpyPictures(
  bytes: Uint8Array,
  path: string,
  name: string,
  className: string,
): Promise<Dataset<Uint8Array>> {
  const { shape, values } = await readNpyBytes(bytes, path, [3, 4]);
  const [count = 0, height = 0, width = 0, channels = 1] = shape;
  if (channels !== 1 && channels !== 3) {
    const first = height === 1 || height === 3;
    const cure = first ? "; np.moveaxis(x, 1, -1) puts the channels last" : "";
    throw new DataError(
      `${path}: ${channels} channels (last axis), expected 1 (grey) or 3 (RGB)${cure}`,
    );
  }
  if (height > largestSide || width > largestSide)
    throw new DataError(
      `${path}: ${height}×${width} pixels, expected at most ${largestSide} a side`,
    );
  if (count < 2) throw new DataError(`${path}: only one picture, expected at least 2`);
  const order = permutation(count, SPLIT_SEED, 0);
  const held = Math.max(1, Math.floor(count / TEST_EVERY));
  const size = height * width * channels;
  const part = (indices: Uint32Array): Split<Uint8Array> => {
    const images = new Uint8Array(indices.length * size);
    indices.forEach((from, to) => {
      images.set(values.subarray(from * size, (from + 1) * size), to * size);
    });
    return { images, labels: new Uint8Array(indices.length), count: indices.length };
  };
  return {
    name,
    train: part(order.slice(held).sort()),
    test: part(order.slice(0, held).sort()),
    height,
    width,
    channels,
    classes: 1,
    classNames: [className],
  };
}

/** The names that a set's file may have, as messages show them. */
export function ownPattern({ prefix }: OwnSet): string {
  return `${prefix}*.npy or ${prefix}*.npy.gz`;
}

/** A set's file: the first by name, in the data folder, else in the cache. */
export async function findOwn(
  { folder: within, prefix }: OwnSet,
  source: DataSource,
): Promise<{ path: string; folder: string } | undefined> {
  const { host } = source;
  for (const folder of [dataFolder(source), cacheFolder(host)]) {
    const path = joinPath(folder, within);
    if ((await host.stat(path))?.kind !== "directory") continue;
    for (const name of (await host.list(path)).sort()) {
      if (!name.startsWith(prefix) || !/\.npy(\.gz)?$/.test(name)) continue;
      const file = joinPath(path, name);
      if ((await host.stat(file))?.kind === "file") return { path: file, folder };
    }
  }
  return undefined;
}

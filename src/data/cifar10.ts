import { joinBytes } from "../formats/bytes.ts";
import { anotherKind } from "../formats/file-kinds.ts";
import { gunzipWhole, isGzip } from "../formats/gunzip.ts";
import { DataError } from "../gpu/errors.ts";
import { fetchUnpacked, type SetFile } from "./archive.ts";
import type { DataSource } from "./files.ts";
import type { NamedFile } from "./idx-parts.ts";
import { cifar10 } from "./sources.ts";
import type { Dataset, Split } from "./types.ts";

const side = 32;
const channels = 3;

/** Samples of an image. */
const SAMPLES = side * side * channels;

/** A label and the samples of an image. */
const RECORD = 1 + SAMPLES;

/** Largest batch; the published ones have 31 million bytes. */
const largestBatch = 2 ** 29;

/** Names of the classes, in label order. */
const classNames: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/**
 * Loads CIFAR-10 (Krizhevsky 2009) in its binary version: the test batch and as many of the five
 * training batches as are there, at least one. Throws DataError for files that are missing or not
 * what they should be.
 */
export async function loadCifar10(source: DataSource): Promise<Dataset<Uint8Array>> {
  const files = await fetchUnpacked(cifar10, source);
  const part = (names: (file: SetFile) => boolean) =>
    files.filter(names).map(({ path }) => ({ name: path, read: () => source.host.readFile(path) }));
  const train = part(({ name }) => name.startsWith("data_batch_"));
  const test = part(({ name }) => name.startsWith("test_batch"));
  return readCifarParts(train, test, cifar10.name);
}

/** The set of batches, each read when its turn comes. Throws DataError naming what is wrong. */
export async function readCifarParts(
  train: readonly NamedFile[],
  test: readonly NamedFile[],
  name: string,
): Promise<Dataset<Uint8Array>> {
  const part = async (files: readonly NamedFile[]): Promise<Split<Uint8Array>> => {
    const batches: CifarBatch[] = [];
    for (const { name, read } of files) batches.push(await readCifarBatch(await read(), name));
    const images = joinBytes(batches.map((batch) => batch.images));
    const labels = joinBytes(batches.map((batch) => batch.labels));
    return { images, labels, count: labels.length };
  };
  return {
    name,
    train: await part(train),
    test: await part(test),
    height: side,
    width: side,
    channels,
    classes: classNames.length,
    classNames,
  };
}

/** Images of a batch, [count, 32, 32, 3] RGB, and their labels. */
export interface CifarBatch {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * Reads a batch, plain or gzip: records of a label and the samples of an image, all red ones first,
 * then green, then blue. Throws DataError naming `name`.
 */
export async function readCifarBatch(bytes: Uint8Array, name: string): Promise<CifarBatch> {
  const records = isGzip(bytes)
    ? await gunzipWhole(bytes, name, (size) => checkSize(size, name, "declares (cut off?)"))
    : bytes;
  checkSize(records.length, name, "has", records);
  const count = records.length / RECORD;
  const images = new Uint8Array(count * SAMPLES);
  const labels = new Uint8Array(count);
  const plane = side * side;
  for (let i = 0; i < count; i++) {
    const start = i * RECORD;
    const label = records[start]!;
    if (label >= classNames.length) {
      throw new DataError(`${name}: label ${i} (byte ${start}) is ${label}, expected 0 to 9`);
    }
    labels[i] = label;
    for (let p = 0; p < plane; p++) {
      const to = i * SAMPLES + p * channels;
      const from = start + 1 + p;
      images[to] = records[from]!;
      images[to + 1] = records[from + plane]!;
      images[to + 2] = records[from + 2 * plane]!;
    }
  }
  return { images, labels };
}

/** @param bytes what has that size, as far as it is there: it may be something else altogether */
function checkSize(size: number, name: string, verb: string, bytes?: Uint8Array): void {
  if (size === 0 || size % RECORD !== 0 || size > largestBatch) {
    const other = bytes && anotherKind(bytes);
    if (other !== undefined) {
      throw new DataError(
        `${name}: this is ${other}, expected a batch of CIFAR-10's binary version`,
      );
    }
    throw new DataError(
      `${name}: it ${verb} ${size} bytes, expected a multiple of ${RECORD} up to ${largestBatch}`,
    );
  }
}

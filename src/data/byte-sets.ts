/** Data sets from the bytes of files, as a page has them of what is dropped on it. */
import { checkArray, checkObject, checkOptions, isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { readCifarParts } from "./cifar10.ts";
import { readNpyPictures } from "./faces.ts";
import { type NamedFile, readIdxParts } from "./idx-parts.ts";
import type { Dataset } from "./types.ts";

/** The bytes of two IDX files, each plain or gzip: images [count, height, width] and labels [count]. */
export interface IdxPair {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** The IDX files of a set, as MNIST's. */
export interface IdxSetParts {
  readonly train: IdxPair;
  /** Default: every tenth image of each class of `train`. */
  readonly test?: IdxPair | undefined;
  /** Default: a trainer holds out some of `train`. */
  readonly validation?: IdxPair | undefined;
}

/** The batches of CIFAR-10's binary version, each plain or gzip. */
export interface CifarSetParts {
  /** One at least. */
  readonly train: readonly Uint8Array[];
  /** One at least. */
  readonly test: readonly Uint8Array[];
}

/** What errors and checkpoints call a set. */
export interface ByteSetOptions {
  /** Default `idx`, `npy` or `cifar10`. */
  readonly name?: string | undefined;
}

/** @throws UsageError for what is not bytes */
function fileOf(op: string, name: string, bytes: unknown): NamedFile {
  if (!(bytes instanceof Uint8Array))
    throw new UsageError(`${op}: ${isNot(name, bytes, "a Uint8Array with a file's bytes")}`);
  return { name, read: async () => bytes };
}

function nameIn(op: string, options: ByteSetOptions, byDefault: string): string {
  checkOptions(op, options, { name: "text?" });
  return options.name ?? byDefault;
}

/**
 * A data set from the bytes of IDX files with unsigned bytes, grey images: MNIST, Fashion-MNIST, EMNIST,
 * KMNIST. Classes are the labels that `train` has, in their order.
 *
 * @param parts `train`, and `test` and `validation` where the set has them
 * @throws UsageError for arguments that do not fit, DataError that names the file (`train.images`), the
 *   byte, and what was expected there
 */
export async function idxSet(
  parts: IdxSetParts,
  options: ByteSetOptions = {},
): Promise<Dataset<Uint8Array>> {
  const op = "idxSet";
  checkObject(op, "parts", parts, ["train"]);
  const name = nameIn(op, options, "idx");
  const pair = (part: keyof IdxSetParts, given: IdxPair) => {
    checkObject(op, `parts.${part}`, given, ["images", "labels"]);
    return {
      images: fileOf(op, `${part}.images`, given.images),
      labels: fileOf(op, `${part}.labels`, given.labels),
    };
  };
  const { train, test, validation } = parts;
  const files = {
    train: pair("train", train),
    ...(test ? { test: pair("test", test) } : {}),
    ...(validation ? { validation: pair("validation", validation) } : {}),
  };
  return readIdxParts(files, { name, path: name });
}

/**
 * A data set of one class from the bytes of one array in NumPy's format, plain or gzip: [count, height,
 * width], [count, height, width, 1] of grey or [count, height, width, 3] of red, green and blue pixels, as
 * unsigned bytes or as floats from 0 to 1. A tenth, chosen by a fixed hash, is the test part.
 *
 * @param images the bytes of an `.npy` file
 * @throws UsageError for arguments that do not fit, DataError that says what is wrong with the file
 */
export async function npySet(
  images: Uint8Array,
  options: ByteSetOptions = {},
): Promise<Dataset<Uint8Array>> {
  const name = nameIn("npySet", options, "npy");
  const file = fileOf("npySet", "images", images);
  return readNpyPictures(await file.read(), file.name, name, "picture");
}

/**
 * CIFAR-10 from the bytes of batches of its binary version (`data_batch_1.bin`), 32×32 pixels of red,
 * green and blue, with the names of its ten classes.
 *
 * @throws UsageError for arguments that do not fit, DataError that names the batch (`train[0]`) and says what
 *   is wrong with it
 */
export async function cifarSet(
  parts: CifarSetParts,
  options: ByteSetOptions = {},
): Promise<Dataset<Uint8Array>> {
  const op = "cifarSet";
  checkObject(op, "parts", parts, ["train", "test"]);
  const name = nameIn(op, options, "cifar10");
  const files = (part: keyof CifarSetParts) => {
    checkArray(op, `parts.${part}`, parts[part], "an array of batches' bytes");
    if (parts[part].length === 0) throw new UsageError(`${op}: parts.${part} has no batches`);
    return parts[part].map((bytes, i) => fileOf(op, `${part}[${i}]`, bytes));
  };
  return readCifarParts(files("train"), files("test"), name);
}

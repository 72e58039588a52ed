import { DataError } from "../gpu/errors.ts";
import { readIdxPair } from "./idx.ts";
import { selectImages } from "./splits.ts";
import type { Dataset, Split } from "./types.ts";

/** Every so many images of a class, the last goes to the test part, where the files have none. */
const testEvery = 10;

/** A file that is read when its turn comes, with the name that errors give it. */
export interface NamedFile {
  readonly name: string;
  readonly read: () => Promise<Uint8Array>;
}

/** Two IDX files: images [count, height, width] and labels [count]. */
export interface IdxFiles {
  readonly images: NamedFile;
  readonly labels: NamedFile;
}

/** The files of a set. */
export interface IdxParts {
  readonly train: IdxFiles;
  readonly test?: IdxFiles;
  readonly validation?: IdxFiles;
}

/**
 * The set of IDX files, plain or gzip. Without a test part every tenth image of each class is for
 * testing, or, where no class has ten, the last of all. Classes are the labels that the training part
 * has, in their order, whatever number they begin with. Throws DataError naming what is wrong.
 *
 * @param path what errors call the whole
 */
export async function readIdxParts(
  { train, test, validation }: IdxParts,
  { name, path }: { readonly name: string; readonly path: string },
  onNotice?: (line: string) => void,
): Promise<Dataset<Uint8Array>> {
  const trained = await readFiles(train);
  const classes = [...new Set(trained.labels)].sort((a, b) => a - b);
  const { height, width } = trained;
  const splitOf = (of: ReadFiles, files: IdxFiles): Split<Uint8Array> => {
    if (of.height !== height || of.width !== width)
      throw new DataError(
        `${files.images.name}: images of ${of.height}×${of.width}, expected ${height}×${width} as in ${train.images.name}`,
      );
    const stranger = of.labels.findIndex((label) => !classes.includes(label));
    if (stranger >= 0)
      throw new DataError(
        `${files.labels.name}: label ${stranger} is ${of.labels[stranger]}, which none in ${train.labels.name} is`,
      );
    const places = of.labels.map((label) => classes.indexOf(label));
    return { images: of.pixels, labels: places, count: of.count };
  };
  const all = splitOf(trained, train);
  const parts = test
    ? { train: all, test: splitOf(await readFiles(test), test) }
    : splitOff(all, path, onNotice);
  return {
    name,
    ...parts,
    ...(validation ? { validation: splitOf(await readFiles(validation), validation) } : {}),
    height,
    width,
    channels: 1,
    classes: classes.length,
    classNames: classes.map(String),
  };
}

type ReadFiles = Awaited<ReturnType<typeof readIdxPair>>;

async function readFiles({ images, labels }: IdxFiles): Promise<ReadFiles> {
  const read = async ({ name, read }: NamedFile) => ({ name, bytes: await read() });
  return readIdxPair(await read(images), await read(labels));
}

function splitOff(
  all: Split<Uint8Array>,
  path: string,
  onNotice?: (line: string) => void,
): { train: Split<Uint8Array>; test: Split<Uint8Array> } {
  if (all.count < 2) throw new DataError(`${path}: only one image, expected at least 2`);
  const seen = new Map<number, number>();
  const isTest = Array.from(all.labels, (label) => {
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return before % testEvery === testEvery - 1;
  });
  if (!isTest.includes(true)) isTest[all.count - 1] = true;
  const rows = (of: boolean) =>
    Uint32Array.from(isTest.flatMap((held, i) => (held === of ? [i] : [])));
  const part = (of: boolean) => selectImages(all, rows(of)) as Split<Uint8Array>;
  const parts = { train: part(false), test: part(true) };
  onNotice?.(
    `${path}: no test pair; every tenth image of each class is for testing (${parts.test.count} of ${all.count})`,
  );
  return parts;
}

import { DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { didYouMean } from "../models/suggest.ts";
import { glyphNames, glyphSize, makeGlyphs } from "./glyphs.ts";
import { readIdxPair } from "./idx.ts";
import { joinPath } from "./paths.ts";
import type { Dataset, Split } from "./types.ts";

/** Where a set's files are looked for. */
export interface DataSource {
  readonly host: Host;
  /** The folder that holds mnist/, fashion-mnist/, …; else $LATENTGRAD_DATA, else the cache. */
  readonly dataDir?: string | undefined;
}

/** A data set as the command `datasets` lists it. */
export interface DatasetEntry {
  readonly name: string;
  readonly summary: string;
  /** The folder within the data folder and its files; empty for a set that is computed. */
  readonly files: readonly string[];
  readonly load: (source: DataSource) => Promise<Dataset>;
}

const idxFiles = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const garments = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** The data sets by name. */
export const datasets: readonly DatasetEntry[] = [
  {
    name: "glyphs",
    summary: "10,000 + 2,000 procedural strokes, 28×28 grey, 10 classes, known factors; no files",
    files: [],
    load: async () => loadGlyphs(),
  },
  {
    name: "mnist",
    summary: "60,000 + 10,000 handwritten digits, 28×28 grey, 10 classes",
    files: idxFiles.map((file) => `mnist/${file}.gz`),
    load: (source) => loadIdx("mnist", digits, source),
  },
  {
    name: "fashion-mnist",
    summary: "60,000 + 10,000 garments, 28×28 grey, 10 classes",
    files: idxFiles.map((file) => `fashion-mnist/${file}.gz`),
    load: (source) => loadIdx("fashion-mnist", garments, source),
  },
];

/** The entry of that name. Throws UsageError with the nearest name and the list. */
export function findDataset(name: string): DatasetEntry {
  const entry = datasets.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const names = datasets.map((candidate) => candidate.name);
  throw new UsageError(
    `unknown data set "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}`,
  );
}

/**
 * Loads a data set whole. Throws UsageError for an unknown name, DataError for files that are missing
 * or not what they should be, IoError where reading fails.
 */
export async function loadDataset(name: string, source: DataSource): Promise<Dataset> {
  return findDataset(name).load(source);
}

/** The folder that holds the data sets' folders. */
export function dataFolder({ host, dataDir }: DataSource): string {
  return dataDir ?? (host.env.LATENTGRAD_DATA || joinPath(host.cacheDir, "data"));
}

/** `glyphs` with another size or seed than the named set's. */
export function loadGlyphs(train = 10_000, test = 2_000, seed = 1): Dataset {
  return {
    name: "glyphs",
    train: makeGlyphs(train, seed, 0),
    test: makeGlyphs(test, seed, 1),
    height: glyphSize,
    width: glyphSize,
    channels: 1,
    classes: glyphNames.length,
    classNames: glyphNames,
  };
}

async function loadIdx(
  name: string,
  classNames: readonly string[],
  source: DataSource,
): Promise<Dataset> {
  const folder = joinPath(dataFolder(source), name);
  const paths: string[] = [];
  const missing: string[] = [];
  for (const file of idxFiles) {
    const path = await firstFile(source.host, [
      joinPath(folder, `${file}.gz`),
      joinPath(folder, file),
    ]);
    if (path === undefined) missing.push(`${file}.gz`);
    else paths.push(path);
  }
  if (missing.length > 0) {
    throw new DataError(
      `data set ${name}: ${folder} lacks ${missing.join(", ")}; put the original IDX files there, or name the folder that holds ${name}/ with --data-dir or LATENTGRAD_DATA`,
    );
  }
  const part = async (imagesPath: string, labelsPath: string) => {
    const images = { bytes: await source.host.readFile(imagesPath), name: imagesPath };
    const labels = { bytes: await source.host.readFile(labelsPath), name: labelsPath };
    return readIdxPair(images, labels, classNames.length);
  };
  const [trainImages, trainLabels, testImages, testLabels] = paths as [
    string,
    string,
    string,
    string,
  ];
  const train = await part(trainImages, trainLabels);
  const test = await part(testImages, testLabels);
  if (test.height !== train.height || test.width !== train.width) {
    throw new DataError(
      `${testImages}: images of ${test.height}×${test.width}, expected ${train.height}×${train.width} as in ${trainImages}`,
    );
  }
  const split = (of: typeof train): Split => ({
    images: of.pixels,
    labels: of.labels,
    count: of.count,
  });
  return {
    name,
    train: split(train),
    test: split(test),
    height: train.height,
    width: train.width,
    channels: 1,
    classes: classNames.length,
    classNames,
  };
}

async function firstFile(host: Host, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if ((await host.stat(path))?.kind === "file") return path;
  }
  return undefined;
}

import { DataError } from "../gpu/errors.ts";
import { type DataSource, fetchFiles } from "./files.ts";
import { readIdxPair } from "./idx.ts";
import type { FileSet } from "./sources.ts";
import type { Dataset, Split } from "./types.ts";

/**
 * Loads a set of four IDX files: training images and labels, test images and labels. Throws
 * DataError for files that are missing or not what they should be.
 */
export async function loadIdxSet(
  set: FileSet,
  classNames: readonly string[],
  source: DataSource,
): Promise<Dataset> {
  const part = async (imagesPath: string, labelsPath: string) => {
    const images = { bytes: await source.host.readFile(imagesPath), name: imagesPath };
    const labels = { bytes: await source.host.readFile(labelsPath), name: labelsPath };
    return readIdxPair(images, labels, classNames.length);
  };
  const [trainImages = "", trainLabels = "", testImages = "", testLabels = ""] = await fetchFiles(
    set,
    source,
  );
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
    name: set.name,
    train: split(train),
    test: split(test),
    height: train.height,
    width: train.width,
    channels: 1,
    classes: classNames.length,
    classNames,
  };
}

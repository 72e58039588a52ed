/**
 * Data sets of own pictures, of the bytes of files, and those that need no files, and images on the device.
 *
 * @module latentgrad/data
 */

export type { Batch, ExampleSource } from "../data/batch.ts";
export { type Binarisation, binarise, binariseDataset } from "../data/binarise.ts";
export {
  type ByteSetOptions,
  type CifarSetParts,
  cifarSet,
  type IdxPair,
  type IdxSetParts,
  idxSet,
  npySet,
} from "../data/byte-sets.ts";
export type { Fingerprint } from "../data/fingerprint.ts";
export { loadGlyphs } from "../data/glyphs.ts";
export type { ImageBatch } from "../data/image-batch.ts";
export {
  type CanvasPicture,
  type ImageSetOptions,
  imageSet,
  type OwnPictures,
} from "../data/image-set.ts";
export { DeviceImages, type Examples, type ImageSize, ShuffledBatches } from "../data/loader.ts";
export { loadShapes } from "../data/shapes.ts";
export { loadTones } from "../data/tones.ts";
export type { Attribute, Dataset, Factors, Labels, Split, Values } from "../data/types.ts";

import { greater } from "../autograd/ops/elementwise.ts";
import { checkKey, type RandomKey, randomUniform } from "../autograd/ops/random.ts";
import { checkObject } from "../gpu/arguments.ts";
import { checkFloats } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSplit } from "./arguments.ts";
import { hash32 } from "./hash.ts";
import type { Dataset, Split } from "./types.ts";

/**
 * How grey pixels become black or white: not at all; once and for all, before training; or anew each
 * time an image is seen.
 */
export const binarisations = [
  "none",
  "static",
  "dynamic",
] as const satisfies readonly Binarisation[];

/** How pixels become black and white: not, once and for all, or anew each time an image is seen. */
export type Binarisation = "none" | "static" | "dynamic";

/** "BIN": the seed of the static sets, and what sets the dynamic numbers apart from a step's others. */
const binariseKey = 0x42494e;

/**
 * A data set whose pixels are 0 or 255: each became 255 with probability p/255, p its value before.
 * The outcome depends on nothing else, so all runs, whatever their seeds, see the same binary set.
 *
 * @throws UsageError for anything but a data set
 */
export function binariseDataset(data: Dataset): Dataset {
  const op = "binariseDataset";
  checkObject(op, "data", data, ["train", "test"]);
  const { train, test, validation } = data;
  for (const [name, split] of Object.entries({ train, test, ...(validation && { validation }) }))
    checkSplit(op, `data.${name}`, split);
  return {
    ...data,
    train: binariseSplit(train, 0),
    test: binariseSplit(test, 1),
    ...(validation ? { validation: binariseSplit(validation, 2) } : {}),
  };
}

/** One part of a data set with pixels of 0 or 255; parts of different streams are independent. */
export function binariseSplit(split: Split, stream: number): Split {
  const images = new Uint8Array(split.images.length);
  for (let i = 0; i < images.length; i++) {
    const value = split.images[i]!;
    // A uniform number is below 1, so 255 is always white; 0 never is.
    const white = value > 0 && hash32(binariseKey, stream, i) * 255 < value * 2 ** 32;
    if (white) images[i] = 255;
  }
  return { ...split, images };
}

/**
 * Binarises a batch on the device: an element becomes 1 with the probability that is its value, else
 * 0, so that 0 and 1 never change. Recordable; the random numbers are independent of those that
 * others draw with the same key. No derivative.
 *
 * @param x values from 0 to 1
 * @returns the shape of x
 */
export function binarise(x: Tensor, key: RandomKey): Tensor {
  checkKey("binarise", checkFloats("binarise", { x }), key);
  const own = { ...key, stream: key.stream + binariseKey };
  return greater(x, randomUniform(x.device, x.shape, own));
}

import { permutation } from "./hash.ts";
import type { Labels, Split } from "./types.ts";

/** Training images held out for validation, at most: it is a tenth of them. */
const mostValidation = 5000;

/** How many of so many training images are held out, where nobody says how many. */
export function validationCount(images: number): number {
  return images < 2 ? 0 : Math.max(1, Math.min(mostValidation, Math.floor(images / 10)));
}

/** Stream of the hash that chooses the validation images, apart from every other use of the seed. */
const validationStream = 0x56414c;

/** Which training images to train on and which to validate on, as ascending indices. */
export interface TrainingSplit {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Holds out `validation` of the training images, or else a tenth (at most 5,000), chosen by the seed.
 * Images of one group are held out together: then it is the first groups in an order by the seed, as
 * long as they are no more than that. `limit` then keeps the first so many of what is left to train
 * on, in the set's own order, so the validation images are the same whatever the limit.
 */
export function splitTraining(
  { count, groups }: Pick<Split, "count" | "groups">,
  seed: number,
  options: { readonly validation?: number | undefined; readonly limit?: number | undefined } = {},
): TrainingSplit {
  const most = Math.min(count, options.validation ?? validationCount(count));
  const { order, held } = groups
    ? orderGroups(groups, seed, most)
    : { order: permutation(count, seed, validationStream), held: most };
  const validation = order.slice(0, held).sort();
  const train = order.slice(held).sort();
  return { train: train.slice(0, options.limit), validation };
}

/**
 * The images, group by group, in an order of the groups by the seed; and how many are in the first
 * groups that have at most `most` together.
 */
function orderGroups(
  groups: Uint32Array,
  seed: number,
  most: number,
): { order: Uint32Array; held: number } {
  const members = new Map<number, number[]>();
  groups.forEach((group, i) => {
    const known = members.get(group);
    if (known) known.push(i);
    else members.set(group, [i]);
  });
  const all = [...members.values()];
  const shuffled = Array.from(permutation(all.length, seed, validationStream), (i) => all[i]!);
  let held = 0;
  for (const { length } of shuffled) {
    if (held + length > most) break;
    held += length;
  }
  return { order: Uint32Array.from(shuffled.flat()), held };
}

/** The images at `indices`, copied in that order. */
export function selectImages(split: Split, indices: Uint32Array): Split {
  const size = split.images.length / split.count;
  const length = indices.length * size;
  const images =
    split.images instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  const width = split.factors?.names.length ?? 0;
  const values = new Float32Array(indices.length * width);
  indices.forEach((from, to) => {
    images.set(split.images.subarray(from * size, (from + 1) * size), to * size);
    const row = split.factors?.values.subarray(from * width, (from + 1) * width);
    if (row !== undefined) values.set(row, to * width);
  });
  const { attributes, factors, groups } = split;
  return {
    images,
    labels: selectLabels(split.labels, indices),
    count: indices.length,
    ...(factors && { factors: { names: factors.names, values } }),
    ...(groups && { groups: indices.map((from) => groups[from]!) }),
    ...(attributes && { attributes: mapValues(attributes, (all) => selectLabels(all, indices)) }),
  };
}

function selectLabels(all: Labels, indices: Uint32Array): Labels {
  const chosen =
    all instanceof Uint8Array ? new Uint8Array(indices.length) : new Uint16Array(indices.length);
  indices.forEach((from, to) => {
    chosen[to] = all[from]!;
  });
  return chosen;
}

/** A record with the same keys. */
function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

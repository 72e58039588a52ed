import { type Call, type Item, isPack } from "../gpu/call.ts";
import type { ItemList } from "../gpu/item-list.ts";
import type { Value } from "../gpu/value.ts";
import type { MapSpec } from "./elementwise.ts";
import { expressionSize } from "./expression.ts";
import { facetOf } from "./facets.ts";
import type { View } from "./view.ts";

/** Nodes of what is cheaper to compute again than to store and to read. */
const MOST_NODES = 4;

/** Gives the consumer with the producer written into it, or undefined. */
export type Merge = (producer: Call, consumer: Call) => Call | undefined;

/**
 * Writes maps that cost next to nothing into each of their readers, where all of these can take
 * them: numbers that are the same everywhere, slices, and short expressions of one tensor. Their results are
 * then stored nowhere; else the first reader would have to store them for the others.
 *
 * @param keep values that are read after the step
 */
export function recompute(items: ItemList, keep: ReadonlySet<Value>, merge: Merge): void {
  let changed = true;
  while (changed) {
    changed = false; // what had one reader may now have several
    for (let p = 0; p < items.length; p++) {
      const producer = items.at(p);
      if (!producer || isPack(producer)) continue;
      const readers = readersToChange(items, p, producer, keep, merge);
      if (!readers) continue;
      for (const [i, call] of readers) items.replace(i, call);
      items.remove(p);
      changed = true;
    }
  }
}

/** The new readers by their places, or undefined where the producer has to stay. */
function readersToChange(
  items: ItemList,
  p: number,
  producer: Call,
  keep: ReadonlySet<Value>,
  merge: Merge,
): Map<number, Call> | undefined {
  const facet = facetOf(producer);
  if (facet?.kind !== "map" || !isCheap(facet.spec)) return undefined;
  const { inputs, outputs } = producer;
  if (outputs.some((v) => v.storage || keep.has(v) || v.dtype !== "f32")) return undefined;
  const places = new Set(outputs.flatMap((v) => items.readersOf(v)).filter((i) => i > p));
  // What has one reader is merged into it in any case.
  if (places.size < 2 || canBeEpilogue(items, producer)) return undefined;
  const readers = new Map<number, Call>();
  for (const i of [...places].sort((a, b) => a - b)) {
    const item = items.at(i) as Item;
    if (inputs.some((v) => items.isWritten(v, p + 1, i))) return undefined;
    const merged = isPack(item) ? undefined : merge(producer, item);
    if (!merged) return undefined;
    readers.set(i, merged);
  }
  return readers;
}

/** Whether the kernel before a map can take it, and the map's tensor is then not stored. */
function canBeEpilogue(items: ItemList, map: Call): boolean {
  return map.inputs.some((v) => {
    const maker = items.makerOf(v);
    const facet = maker === undefined ? undefined : facetOf(items.at(maker) as Call);
    if (facet?.kind !== "kernel" || facet.withEpilogue === undefined) return false;
    return items.readersOf(v).length === 1;
  });
}

function isCheap({ inputs, outputs }: MapSpec): boolean {
  const [output, ...others] = outputs;
  if (!output || others.length > 0) return false;
  if (expressionSize([output.expression]) > MOST_NODES) return false;
  const isUniform = (view: View) => view.strides.every((s) => s === 0);
  const tensors = inputs.filter((view) => !isUniform(view));
  // The tensor lives on in place of the result: it may not be much larger.
  return (
    tensors.length === 0 ||
    (tensors.length === 1 && (tensors[0] as View).value.size <= 2 * output.value.size)
  );
}

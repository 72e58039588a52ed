import { type Item, isPack, type Pack } from "./call.ts";
import type { Value } from "./value.ts";

/** Where a planned value lives: a slot of the plan, or a byte range inside another value. */
export type Place =
  | { readonly slot: number }
  | { readonly within: Value; readonly offset: number };

export interface Plan {
  readonly items: readonly Item[];
  readonly places: ReadonlyMap<Value, Place>;
  /** Bytes of each slot. */
  readonly slots: readonly number[];
}

/** Drops items whose results nobody uses. Items that change variables always stay. */
export function dropDead(items: readonly Item[], keep: ReadonlySet<Value>): Item[] {
  const wanted = new Set(keep);
  const alive: Item[] = [];
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i] as Item;
    const outputs = isPack(item) ? [item.target] : item.outputs;
    const changes = isPack(item) ? item.target.storage !== undefined : item.updates.length > 0;
    if (!changes && !outputs.some((v) => wanted.has(v))) continue;
    for (const input of item.inputs) wanted.add(input);
    alive.push(item);
  }
  return alive.reverse();
}

/**
 * Plans the memory of a recorded step. Values whose lives do not overlap share a buffer; a value
 * that is packed into another one is written to its place there, where WebGPU's rule (no buffer
 * both read and written in one dispatch) permits it.
 *
 * @param keep values that must outlive the step: each gets a slot of its own.
 * @param reuse false gives every value its own slot (LATENTGRAD_DEBUG=3).
 */
export function planMemory(
  items: readonly Item[],
  keep: ReadonlySet<Value>,
  reuse: boolean,
): Plan {
  const within = placePacked(items, keep);
  const root = (v: Value): Value => within.get(v)?.within ?? v;

  const first = new Map<Value, number>();
  const last = new Map<Value, number>();
  for (const [i, item] of items.entries()) {
    const written = isPack(item) ? [item.target] : item.outputs;
    for (const v of written) if (!first.has(root(v))) first.set(root(v), i);
    for (const v of [...item.inputs, ...written]) last.set(root(v), i);
  }

  const places = new Map<Value, Place>(within);
  const slots: number[] = [];
  const free: number[] = [];
  const ending = new Map<number, Value[]>();
  for (const [v, i] of last) ending.set(i, [...(ending.get(i) ?? []), v]);
  const starting = new Map<number, Value[]>();
  for (const [v, i] of first) starting.set(i, [...(starting.get(i) ?? []), v]);

  for (let i = 0; i < items.length; i++) {
    for (const v of starting.get(i) ?? []) {
      if (v.storage) continue; // a variable: it has its place
      places.set(v, { slot: takeSlot(slots, keep.has(v) ? [] : free, v.bytes) });
    }
    if (!reuse) continue;
    for (const v of ending.get(i) ?? []) {
      const place = places.get(v);
      if (place && "slot" in place && !keep.has(v)) free.push(place.slot);
    }
  }
  return { items, places, slots };
}

/** The free slot that fits best; failing that the largest one, grown; failing that a new one. */
function takeSlot(slots: number[], free: number[], bytes: number): number {
  let best = -1;
  for (const [i, slot] of free.entries()) {
    const size = slots[slot] as number;
    const bestSize = best < 0 ? -1 : (slots[free[best] as number] as number);
    const better = best < 0 || (bestSize < bytes ? size > bestSize : size >= bytes && size < bestSize);
    if (better) best = i;
  }
  if (best < 0) {
    slots.push(bytes);
    return slots.length - 1;
  }
  const [slot] = free.splice(best, 1) as [number];
  slots[slot] = Math.max(slots[slot] as number, bytes);
  return slot;
}

/** Decides which packed values can be produced in place. */
function placePacked(
  items: readonly Item[],
  keep: ReadonlySet<Value>,
): Map<Value, { within: Value; offset: number }> {
  const placed = new Map<Value, { within: Value; offset: number }>();
  const produced = new Set(items.flatMap((item) => (isPack(item) ? [] : item.outputs)));
  for (const item of items) {
    if (!isPack(item)) continue;
    const group = new Set<Value>([item.target]);
    for (const [i, v] of item.inputs.entries()) {
      const offset = item.offsets[i] ?? 0;
      const aligned = offset % 256 === 0; // minStorageBufferOffsetAlignment
      if (!aligned || !produced.has(v) || keep.has(v) || placed.has(v)) continue;
      if (conflicts(items, v, group) || readBetween(items, v, item)) continue;
      placed.set(v, { within: item.target, offset });
      group.add(v);
    }
  }
  return placed;
}

/** Whether the target's old content is still read after `v` is produced and before it is packed. */
function readBetween(items: readonly Item[], v: Value, pack: Pack): boolean {
  const from = items.findIndex((item) => !isPack(item) && item.outputs.includes(v));
  const to = items.indexOf(pack);
  return items
    .slice(from + 1, to)
    .some((item) => item.inputs.includes(pack.target) || (!isPack(item) && item.updates.includes(pack.target)));
}

/** Whether some dispatch would both read and write the buffer if `v` moved into `group`'s. */
function conflicts(items: readonly Item[], v: Value, group: ReadonlySet<Value>): boolean {
  for (const item of items) {
    if (isPack(item)) continue;
    const writes = [...item.outputs, ...item.updates];
    if (writes.includes(v) && item.inputs.some((x) => group.has(x) || x === v)) return true;
    if (item.inputs.includes(v) && writes.some((x) => group.has(x))) return true;
  }
  return false;
}

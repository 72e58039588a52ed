import { type Item, isPack, type Pack, writtenBy } from "./call.ts";
import { sharesBuffer, sharesMemory, type Value } from "./value.ts";

/** Where a planned value lives: a slot of the plan, or a byte range inside another value. */
export type Place = { readonly slot: number } | { readonly within: Value; readonly offset: number };

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
    const written = writtenBy(item);
    const changes = written.some((v) => v.storage) || (!isPack(item) && item.updates.length > 0);
    if (!changes && !written.some((v) => wanted.has(v))) continue;
    for (const input of item.inputs) wanted.add(input);
    if (!isPack(item)) for (const v of item.updates) wanted.add(v);
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
export function planMemory(items: readonly Item[], keep: ReadonlySet<Value>, reuse: boolean): Plan {
  const within = placePacked(items, keep);
  const root = (v: Value): Value => within.get(v)?.within ?? v;

  const first = new Map<Value, number>();
  const last = new Map<Value, number>();
  for (const [i, item] of items.entries()) {
    const written = writtenBy(item);
    for (const v of written) if (!first.has(root(v))) first.set(root(v), i);
    for (const v of [...item.inputs, ...written]) last.set(root(v), i);
  }

  const places = new Map<Value, Place>(within);
  const slots: number[] = [];
  const free: number[] = [];
  const ending = byItem(last);
  const starting = byItem(first);

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

function byItem(positions: ReadonlyMap<Value, number>): Map<number, Value[]> {
  const at = new Map<number, Value[]>();
  for (const [v, i] of positions) {
    const list = at.get(i);
    if (list) list.push(v);
    else at.set(i, [v]);
  }
  return at;
}

/** The free slot that fits best; failing that the largest one, grown; failing that a new one. */
function takeSlot(slots: number[], free: number[], bytes: number): number {
  let best = -1;
  for (const [i, slot] of free.entries()) {
    const size = slots[slot] as number;
    const bestSize = best < 0 ? -1 : (slots[free[best] as number] as number);
    const better =
      best < 0 || (bestSize < bytes ? size > bestSize : size >= bytes && size < bestSize);
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
  const produced = new Map<Value, number>();
  for (const [i, item] of items.entries())
    if (!isPack(item))
      for (const v of item.outputs) if (!v.storage && !produced.has(v)) produced.set(v, i);
  for (const [to, pack] of items.entries()) {
    if (!isPack(pack)) continue;
    for (const [i, v] of pack.inputs.entries()) {
      const offset = pack.offsets[i] ?? 0;
      const from = produced.get(v);
      const aligned = offset % 256 === 0; // minStorageBufferOffsetAlignment
      if (!aligned || from === undefined || keep.has(v) || placed.has(v)) continue;
      const neighbours = new Set<Value>([pack.target]);
      for (const [x, place] of placed) if (place.within === pack.target) neighbours.add(x);
      if (conflicts(items, v, neighbours)) continue;
      if (touchedBetween(items, v, offset, pack, from, to)) continue;
      if (overwrittenLater(items, v, pack.target, to)) continue;
      placed.set(v, { within: pack.target, offset });
    }
  }
  return placed;
}

/** Whether the target is read, or v's place in it written, between v's making and its packing. */
function touchedBetween(
  items: readonly Item[],
  v: Value,
  offset: number,
  pack: Pack,
  from: number,
  to: number,
): boolean {
  const { target } = pack;
  const inPlace = (start: number, bytes: number) =>
    start < offset + v.dataBytes && offset < start + bytes;
  return items.slice(from, to).some((item) => {
    if (item.inputs.some((x) => sharesMemory(x, target))) return true;
    if (isPack(item) && item.target === target)
      return item.inputs.some((x, i) => inPlace(item.offsets[i] ?? 0, x.dataBytes));
    return writtenBy(item).some((x) => sharesMemory(x, target));
  });
}

/** Whether v is still read after its place in the target has been given a new content. */
function overwrittenLater(
  items: readonly Item[],
  v: Value,
  target: Value,
  packed: number,
): boolean {
  let overwritten = false;
  for (const item of items.slice(packed + 1)) {
    overwritten ||= writtenBy(item).some((x) => sharesMemory(x, target));
    if (overwritten && item.inputs.includes(v)) return true;
  }
  return false;
}

/** Whether some dispatch would both read and write the buffer if `v` moved beside `neighbours`. */
function conflicts(items: readonly Item[], v: Value, neighbours: ReadonlySet<Value>): boolean {
  const beside = (x: Value): boolean => {
    if (neighbours.has(x)) return true;
    for (const n of neighbours) if (sharesBuffer(x, n)) return true;
    return false;
  };
  return items.some((item) => {
    if (isPack(item)) return false;
    const writes = writtenBy(item);
    if (writes.includes(v) && item.inputs.some((x) => x === v || beside(x))) return true;
    return item.inputs.includes(v) && writes.some((x) => x === v || beside(x));
  });
}

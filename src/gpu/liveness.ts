import { type Item, isPack, writtenBy } from "./call.ts";
import { ItemList } from "./item-list.ts";
import { sharesBuffer, type Value } from "./value.ts";

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
  recorded: readonly Item[],
  keep: ReadonlySet<Value>,
): Map<Value, { within: Value; offset: number }> {
  const items = new ItemList(recorded);
  const placed = new Map<Value, { within: Value; offset: number }>();
  /** Every target with what was placed in it. */
  const homes = new Map<Value, Set<Value>>();
  for (const [to, pack] of recorded.entries()) {
    if (!isPack(pack)) continue;
    const { target } = pack;
    const inside = homes.get(target) ?? new Set([target]);
    homes.set(target, inside);
    for (const [i, v] of pack.inputs.entries()) {
      const offset = pack.offsets[i] ?? 0;
      const from = v.storage ? undefined : items.makerOf(v);
      const aligned = offset % 256 === 0; // minStorageBufferOffsetAlignment
      if (!aligned || from === undefined || keep.has(v) || placed.has(v)) continue;
      if (conflicts(items, v, target, inside)) continue;
      if (touchedBetween(items, v, offset, target, from, to)) continue;
      if (overwrittenLater(items, v, target, to)) continue;
      placed.set(v, { within: target, offset });
      inside.add(v);
    }
  }
  return placed;
}

/** Whether the target is read, or v's place in it written, between v's making and its packing. */
function touchedBetween(
  items: ItemList,
  v: Value,
  offset: number,
  target: Value,
  from: number,
  to: number,
): boolean {
  const inPlace = (start: number, bytes: number) =>
    start < offset + v.dataBytes && offset < start + bytes;
  if (items.isRead(target, from, to)) return true;
  return items.isWritten(target, from, to, (item) => {
    if (!isPack(item) || item.target !== target) return true;
    return item.inputs.some((x, i) => inPlace(item.offsets[i] ?? 0, x.dataBytes));
  });
}

/** Whether v is still read after its place in the target has been given a new content. */
function overwrittenLater(items: ItemList, v: Value, target: Value, packed: number): boolean {
  return items.readersOf(v).some((i) => i > packed && items.isWritten(target, packed + 1, i + 1));
}

/** Whether some dispatch would both read and write the buffer if `v` moved into `target`. */
function conflicts(items: ItemList, v: Value, target: Value, inside: ReadonlySet<Value>): boolean {
  const beside = (x: Value): boolean => x === v || inside.has(x) || sharesBuffer(x, target);
  return [...items.readersOf(v), ...items.writersOf(v)].some((i) => {
    const item = items.at(i) as Item;
    if (isPack(item)) return false;
    const writes = writtenBy(item);
    if (writes.includes(v) && item.inputs.some(beside)) return true;
    return item.inputs.includes(v) && writes.some(beside);
  });
}

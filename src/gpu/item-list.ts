import { type Item, isPack, writtenBy } from "./call.ts";
import { sharesMemory, type Value } from "./value.ts";

/** The values whose content an item depends on. */
export function readBy(item: Item): readonly Value[] {
  return isPack(item) ? item.inputs : [...item.inputs, ...item.updates];
}

/** Where a value's bytes are: its buffer, or itself as long as it has none. */
export function placeOf(v: Value): object {
  return v.storage?.buffer ?? v;
}

/** Positions of the items that touch a place, in ascending order. */
interface Touching {
  readonly reading: number[];
  readonly writing: number[];
}

const NOBODY: Touching = { reading: [], writing: [] };

/**
 * The items of a recording while passes rewrite it. An item that goes leaves its place empty, so that
 * positions stay what they are, and an index holds of who reads and who writes what: questions about it
 * take the time of their answer, however long the list is.
 */
export class ItemList {
  private readonly items: (Item | undefined)[];
  private readonly places = new Map<object, Touching>();
  /** A position that no item lies before, of an empty place that is passed over. */
  private readonly skip: number[];

  constructor(recorded: readonly Item[]) {
    this.items = [...recorded];
    this.skip = recorded.map((_, i) => i + 1);
    for (const [i, item] of recorded.entries()) this.note(i, item);
  }

  /** Places, empty ones as well. */
  get length(): number {
    return this.items.length;
  }

  at(i: number): Item | undefined {
    return this.items[i];
  }

  replace(i: number, item: Item): void {
    this.remove(i);
    this.items[i] = item;
    this.note(i, item);
  }

  remove(i: number): void {
    const item = this.items[i];
    if (!item) return;
    this.items[i] = undefined;
    const leave = (values: readonly Value[], list: (t: Touching) => number[]) => {
      for (const place of new Set(values.map(placeOf))) {
        const positions = list(this.places.get(place) ?? NOBODY);
        positions.splice(firstFrom(positions, i), 1);
      }
    };
    leave(readBy(item), (t) => t.reading);
    leave(writtenBy(item), (t) => t.writing);
  }

  /** What is left, in order. */
  toItems(): Item[] {
    return this.items.filter((item) => item !== undefined);
  }

  /** The first call that makes a value, if there is one. */
  makerOf(v: Value): number | undefined {
    return this.touching(v).writing.find((i) => {
      const item = this.items[i] as Item;
      return !isPack(item) && item.outputs.includes(v);
    });
  }

  /** The items that have this value, not only its buffer, among their inputs. */
  readersOf(v: Value): number[] {
    const { reading } = this.touching(v);
    return reading.filter((i) => (this.items[i] as Item).inputs.includes(v));
  }

  /** The items that write to this value, not only to its buffer. */
  writersOf(v: Value): number[] {
    const { writing } = this.touching(v);
    return writing.filter((i) => writtenBy(this.items[i] as Item).includes(v));
  }

  /** Whether an item behind i depends on this value. */
  isReadBehind(v: Value, i: number): boolean {
    const { reading } = this.touching(v);
    for (let k = firstFrom(reading, i + 1); k < reading.length; k++)
      if (readBy(this.items[reading[k] as number] as Item).includes(v)) return true;
    return false;
  }

  /** Whether an item from `from` on and before `to` depends on what writing to a value may change. */
  isRead(v: Value, from: number, to: number): boolean {
    return this.some(this.touching(v).reading, from, to, (item) =>
      readBy(item).some((x) => sharesMemory(v, x)),
    );
  }

  /** Whether an item from `from` on and before `to`, of those that are asked about, may change a value. */
  isWritten(
    v: Value,
    from: number,
    to: number,
    asked: (item: Item) => boolean = () => true,
  ): boolean {
    return this.some(
      this.touching(v).writing,
      from,
      to,
      (item) => writtenBy(item).some((x) => sharesMemory(v, x)) && asked(item),
    );
  }

  /** Whether an item from `from` on and before `to` reads from a place or writes to it. */
  touches(place: object, from: number, to: number): boolean {
    return this.writesTo(place, from, to) || isWithin(this.places.get(place)?.reading, from, to);
  }

  writesTo(place: object, from: number, to: number): boolean {
    return isWithin(this.places.get(place)?.writing, from, to);
  }

  /** Position of the first item that is not before `at`; the length where there is none. */
  next(at: number): number {
    let i = at;
    while (i < this.items.length && !this.items[i]) i = this.skip[i] as number;
    // Who comes by again goes on from there.
    for (let k = at; k < i; ) {
      const further = this.skip[k] as number;
      this.skip[k] = i;
      k = further;
    }
    return i;
  }

  private some(
    positions: readonly number[],
    from: number,
    to: number,
    test: (item: Item) => boolean,
  ): boolean {
    for (let k = firstFrom(positions, from); k < positions.length; k++) {
      const i = positions[k] as number;
      if (i >= to) return false;
      if (test(this.items[i] as Item)) return true;
    }
    return false;
  }

  private touching(v: Value): Touching {
    return this.places.get(placeOf(v)) ?? NOBODY;
  }

  private note(i: number, item: Item): void {
    const join = (values: readonly Value[], list: (t: Touching) => number[]) => {
      for (const place of new Set(values.map(placeOf))) {
        let known = this.places.get(place);
        if (!known) {
          known = { reading: [], writing: [] };
          this.places.set(place, known);
        }
        const positions = list(known);
        positions.splice(firstFrom(positions, i), 0, i);
      }
    };
    join(readBy(item), (t) => t.reading);
    join(writtenBy(item), (t) => t.writing);
  }
}

function isWithin(positions: readonly number[] = [], from: number, to: number): boolean {
  const first = positions[firstFrom(positions, from)];
  return first !== undefined && first < to;
}

/** Index of the first position that is not before `at`, by halving. */
export function firstFrom(positions: readonly number[], at: number): number {
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

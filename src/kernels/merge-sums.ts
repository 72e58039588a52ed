import { type Call, type Item, isPack, type Pack } from "../gpu/call.ts";
import { MOST_BUFFERS } from "../gpu/dispatch-rules.ts";
import { ItemList } from "../gpu/item-list.ts";
import { sharesBuffer, Value } from "../gpu/value.ts";
import { type ColumnSum, columnSumOf } from "./facets.ts";
import { chunksOf, type Segment, segmentsCall } from "./segments.ts";

/** What errors and profiles call the dispatches. */
const OP = "sum";
/** Longer sums are cut into chunks, whose sums the second dispatch adds up. */
const LONGEST = 256;
/** The shortest chunk that is worth a thread. */
const SHORTEST_CHUNK = 64;
/** Values lie at multiples of so many elements in a buffer that is bound: 256 bytes. */
const ALIGNMENT = 64;

/**
 * Merges the sums over rows whose results are only packed: bias gradients, and the second passes of
 * weight gradients, of which every layer has some. They move to the pack and become two dispatches.
 *
 * The first makes sums of chunks of the long ones' rows. The second adds these up, the shares of split
 * products, and the rows of the short ones, and writes to the pack's target itself. Chunks and shares
 * are packed into one buffer, so that it binds no more than that, the short ones and the target.
 *
 * @param keep values that are read after the step
 */
export function mergeSums(items: readonly Item[], keep: ReadonlySet<Value>): Item[] {
  const list = new ItemList(items);
  const replaced = new Set<Item>();
  const instead = new Map<Item, readonly Item[]>();
  for (const [end, item] of items.entries()) {
    if (!isPack(item)) continue;
    const sums = deferrable(list, item, end, keep);
    const made = sums.length > 1 ? mergeInto(item, sums) : undefined;
    if (!made) continue;
    for (const call of sums.flatMap((sum) => sum.calls)) replaced.add(call);
    instead.set(item, made);
  }
  return items.flatMap((item) => (replaced.has(item) ? [] : (instead.get(item) ?? [item])));
}

/** A sum that can be made where its result is packed. */
interface Deferred extends ColumnSum {
  readonly result: Value;
  /** The calls that it replaces: one, or both passes. */
  readonly calls: readonly Call[];
  /** Nobody else reads its source: the shares of a split product. */
  readonly alone: boolean;
  /** Element of the target where its result goes. */
  readonly at: number;
}

function deferrable(
  items: ItemList,
  pack: Pack,
  end: number,
  keep: ReadonlySet<Value>,
): Deferred[] {
  const { target } = pack;
  if (!target.storage) return [];
  // Nothing has written to it, and nobody but one item reads it.
  const hasOneReader = (v: Value): boolean =>
    !v.storage && !keep.has(v) && items.readersOf(v).length === 1;
  const apart = placesApart(pack);
  const found: Deferred[] = [];
  for (const [k, result] of pack.inputs.entries()) {
    const at = (pack.offsets[k] as number) / 4;
    if (!hasOneReader(result) || at % 4 !== 0 || !apart[k]) continue;
    const place = items.makerOf(result);
    const last = place === undefined ? undefined : (items.at(place) as Call);
    const whole = last && columnSumOf(last);
    if (!last || !whole || place === undefined) continue;
    // Both passes of a sum become one, unless something else reads what the first one left.
    const before = items.makerOf(whole.source);
    const first = before === undefined ? undefined : (items.at(before) as Call);
    const onlyReader = hasOneReader(whole.source);
    const long = first && onlyReader ? columnSumOf(first) : undefined;
    const sum = long ?? whole; // the first pass has as many columns as the second
    const calls = long && first ? [first, last] : [last];
    if (items.isWritten(sum.source, long ? (before as number) : place, end)) continue;
    const alone = !long && onlyReader;
    if (sharesBuffer(sum.source, target) || (!alone && sum.rows > LONGEST && !foldOf(sum)))
      continue;
    found.push({ ...sum, result, calls, alone, at });
  }
  return found;
}

/** Of each input of a pack, whether no other one goes to the same place. */
function placesApart(pack: Pack): boolean[] {
  const starts = pack.offsets;
  const ends = pack.inputs.map((v, k) => (starts[k] as number) + v.dataBytes);
  const order = pack.inputs.map((_, k) => k).sort((a, b) => (starts[a] as number) - (starts[b] as number)); // biome-ignore format: one line
  const apart = pack.inputs.map(() => true);
  let furthest: number | undefined;
  for (const k of order) {
    if (furthest !== undefined && (ends[furthest] as number) > (starts[k] as number))
      apart[k] = apart[furthest] = false;
    if (furthest === undefined || (ends[k] as number) > (ends[furthest] as number)) furthest = k;
  }
  return apart;
}

/**
 * Rows that are taken as one, so that its length is a multiple of four; undefined where the sum cannot
 * be cut into chunks.
 */
function foldOf({ rows, columns }: ColumnSum): number | undefined {
  return [1, 2, 4].find((fold) => (columns * fold) % 4 === 0 && rows % fold === 0);
}

/** Rows that the second dispatch adds up, and where they lie. */
type Shares = Omit<Segment, "target" | "chunk">;

/** What stands in the place of a pack with so many sums; undefined where that would be no fewer dispatches. */
function mergeInto(pack: Pack, sums: readonly Deferred[]): Item[] | undefined {
  const { target } = pack;
  const long = sums.filter(isLong);
  const short = sums.filter((sum) => !isLong(sum));
  const whole = (sum: Deferred): Shares => ({ ...sum, start: 0 });
  const first = inGroups(long, MOST_BUFFERS - 1).map(firstPass);
  const shares = [
    ...short.filter((sum) => sum.alone).map(whole),
    ...first.flatMap((pass) => pass.shares),
  ];
  const together = packTogether(shares);
  const own = short.filter((sum) => !sum.alone).map(whole);
  const second = inGroups([...together.shares, ...own], MOST_BUFFERS - 1).map((some) =>
    segmentsCall(
      OP,
      some.map((sum) => ({ ...sum, chunk: sum.rows, target })),
    ),
  );
  const replaced = new Set<Item>(sums.flatMap((sum) => sum.calls));
  if (first.length + second.length >= replaced.size) return undefined;
  const merged = new Set(sums.map((sum) => sum.result));
  const left = pack.inputs.flatMap((v, k) => (merged.has(v) ? [] : [k]));
  const rest: Pack = {
    ...pack,
    inputs: left.map((k) => pack.inputs[k] as Value),
    offsets: left.map((k) => pack.offsets[k] as number),
  };
  return [
    ...first.map((pass) => pass.call),
    ...together.packs,
    ...(left.length > 0 ? [rest] : []),
    ...second,
  ];
}

function isLong({ rows, alone }: Deferred): boolean {
  return !alone && rows > LONGEST;
}

/** Sums with at most so many sources together. */
function inGroups<T extends { readonly source: Value }>(sums: readonly T[], most: number): T[][] {
  const sources = [...new Set(sums.map((sum) => sum.source))];
  const groups: T[][] = [];
  for (let k = 0; k < sources.length; k += most) {
    const some = new Set(sources.slice(k, k + most));
    groups.push(sums.filter((sum) => some.has(sum.source)));
  }
  return groups;
}

/** The sums of chunks of rows, and how they lie in one value. */
function firstPass(sums: readonly Deferred[]): { call: Call; shares: Shares[] } {
  const { device } = (sums[0] as Deferred).source;
  const units = sums.reduce((all, { rows, columns }) => all + (rows * columns) / 4, 0);
  const busy = device.target.spread.mergedThreads;
  const longest = Math.max(SHORTEST_CHUNK, Math.ceil(units / busy));
  const parts = sums.map((sum) => {
    const fold = foldOf(sum) as number;
    const rows = sum.rows / fold;
    return { sum, fold, rows, columns: sum.columns * fold, chunk: Math.min(rows, longest) };
  });
  const size = parts.reduce((all, part) => all + chunksOf(part) * part.columns, 0);
  const partial = new Value(device, "f32", size, `${OP} partial`);
  const segments: Segment[] = [];
  const shares: Shares[] = [];
  let start = 0;
  for (const { sum, fold, ...part } of parts) {
    const { source, columns, at } = sum;
    segments.push({ ...part, source, start: 0, target: partial, at: start });
    shares.push({ source: partial, start, rows: chunksOf(part) * fold, columns, at });
    start += chunksOf(part) * part.columns;
  }
  return { call: segmentsCall(OP, segments), shares };
}

/** What the shares lie in as one value. A pack costs nothing where kernels can write to their place. */
function packTogether(shares: readonly Shares[]): { packs: Pack[]; shares: Shares[] } {
  const inputs = [...new Set(shares.map((s) => s.source))];
  const [only] = inputs;
  if (!only || inputs.length === 1) return { packs: [], shares: [...shares] };
  const starts: number[] = [];
  let size = 0;
  for (const v of inputs) {
    starts.push(size);
    size += Math.ceil(v.size / ALIGNMENT) * ALIGNMENT;
  }
  const target = new Value(only.device, "f32", size, `${OP} partials`);
  const pack: Pack = { op: OP, pack: true, inputs, target, offsets: starts.map((n) => n * 4) };
  const moved = shares.map((s) => {
    const start = s.start + (starts[inputs.indexOf(s.source)] as number);
    return { ...s, source: target, start };
  });
  return { packs: [pack], shares: moved };
}

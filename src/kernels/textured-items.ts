import { bindingsOf, type Call, type Item, isPack, writtenBy } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { placeOf } from "../gpu/item-list.ts";
import type { ReadCosts } from "../gpu/target.ts";
import { MOST_TEXTURE_ELEMENTS } from "../gpu/textures.ts";
import type { Value } from "../gpu/value.ts";
import { type ReadBinding, readBindings, readTexels, withoutComments } from "./read-texels.ts";
import { writtenOnce } from "./written-once.ts";

/** A buffer that a call could read through a texture. */
interface Candidate extends ReadBinding {
  readonly value: Value;
  /** Nanoseconds that its loads cost less, without the copy. */
  readonly gain: number;
}

interface Considered {
  readonly call: Call;
  readonly code: string;
  readonly candidates: readonly Candidate[];
}

/**
 * Has kernels read their inputs through textures where that costs less, the copies included: the last
 * pass over a recording. A copy serves all readers until its buffer is written again. Copies that can be
 * made at one place end but one pass, and before the first dispatch none is open.
 *
 * The same elements come from elsewhere: the results keep their bits.
 */
export function readThroughTextures(items: readonly Item[], device: Device): Item[] {
  const { reads, costs } = device.target.textures;
  if (!costs) return [...items];
  const { limits } = device;
  const most =
    reads === "storage"
      ? limits.maxStorageTexturesPerShaderStage
      : limits.maxSampledTexturesPerShaderStage;
  const considered = items.map((item) => consider(item, costs, most));
  const chosen = chooseCopies(items, considered, costs);
  return items.map((item, i) => {
    const [found, buffers] = [considered[i], chosen[i] ?? []];
    if (!found) return item;
    return buffers.length > 0 ? readTexels(found.call, found.code, buffers, reads) : found.call;
  });
}

/** What a call could read through textures, the most worthwhile first. */
function consider(item: Item, costs: ReadCosts, most: number): Considered | undefined {
  if (isPack(item) || item.asWritten) return undefined;
  const room = most - (item.textures?.length ?? 0);
  if (room <= 0 || !bindingsOf(item).some(mayPay)) return undefined;
  const call = writtenOnce(item);
  const code = withoutComments(call.kernel().code);
  const bound = bindingsOf(call);
  const candidates = readBindings(code).flatMap((read): Candidate[] => {
    const value = bound[read.binding];
    if (!value) return []; // who made the call hears of it from the device
    const isInput = read.binding < call.inputs.length;
    const isSettled = read.binding < (call.settled ?? 0) || call.textures?.includes(read.binding);
    if (isSettled || !mayPay(value)) return [];
    if (read.written ? isInput || !call.readsFirst : !isInput) return [];
    if (read.written && call.outputs.includes(value)) return [];
    const loads = (call.loads?.[read.binding] ?? value.size) / read.width;
    const gain =
      loads * (read.width === 4 ? costs.vector - costs.texel : costs.number - costs.channel);
    return gain > 0 ? [{ ...read, value, gain }] : [];
  });
  candidates.sort((a, b) => b.gain - a.gain || a.binding - b.binding);
  return { call, code, candidates: candidates.slice(0, room) };
}

/** Whether a value is such that a texture could hold it. */
function mayPay({ dtype, size }: Value): boolean {
  return dtype === "f32" && size > 0 && size <= MOST_TEXTURE_ELEMENTS;
}

/** What each item reads through textures, of the candidates. */
function chooseCopies(
  items: readonly Item[],
  considered: readonly (Considered | undefined)[],
  costs: ReadCosts,
): (readonly Candidate[])[] {
  const ahead = gainsAhead(items, considered, costs);
  /** Item that wrote a place last; what was there before has none. */
  const written = new Map<object, number>();
  const held = new ByPlace<true>();
  /** The last item before which no pass is open when its copies are made. */
  let free = 0;
  const isEarly = (v: Value, i: number) => i === free || (written.get(placeOf(v)) ?? -1) < free;
  return items.map((item, i) => {
    for (const v of copiedAnyhow(item)) {
      if (!held.get(v) && !isEarly(v, i)) free = i;
      held.set(v, true);
    }
    const taken: Candidate[] = [];
    const late: Candidate[] = [];
    let profit = 0;
    for (const [k, candidate] of (considered[i]?.candidates ?? []).entries()) {
      const { value } = candidate;
      const gained = (ahead[i]?.[k] as number) - copyCost(value, costs);
      if (held.get(value)) taken.push(candidate);
      else if (gained <= 0) continue;
      else if (isEarly(value, i)) taken.push(candidate);
      else {
        late.push(candidate);
        profit += gained;
      }
    }
    if (late.length > 0 && profit > costs.pass) {
      taken.push(...late);
      free = i;
    }
    for (const { value } of taken) held.set(value, true);
    for (const v of writtenBy(item)) {
      written.set(placeOf(v), i);
      held.forget(v);
    }
    return taken;
  });
}

/** What all readers of a candidate's copy gain, from its call on until its buffer is written. */
function gainsAhead(
  items: readonly Item[],
  considered: readonly (Considered | undefined)[],
  costs: ReadCosts,
): (readonly number[])[] {
  const ahead = new ByPlace<number>();
  const gains: (readonly number[])[] = [];
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i] as Item;
    for (const v of writtenBy(item)) ahead.forget(v);
    // Who copies anyhow has it copied already.
    for (const v of copiedAnyhow(item)) ahead.set(v, (ahead.get(v) ?? 0) + copyCost(v, costs));
    gains[i] = (considered[i]?.candidates ?? []).map(({ value, gain }) => {
      ahead.set(value, (ahead.get(value) ?? 0) + gain);
      return ahead.get(value) as number;
    });
  }
  return gains;
}

function copyCost({ size }: Value, { fill, copy }: ReadCosts): number {
  return fill + copy * size;
}

/** What products read of themselves through textures. */
function copiedAnyhow(item: Item): Value[] {
  if (isPack(item)) return [];
  return (item.textures ?? []).map((k) => item.inputs[k] as Value);
}

/** What is known of values until something is written to their place. */
class ByPlace<T> {
  private readonly places = new Map<object, Map<Value, T>>();

  get(v: Value): T | undefined {
    return this.places.get(placeOf(v))?.get(v);
  }

  set(v: Value, known: T): void {
    const place = placeOf(v);
    const there = this.places.get(place) ?? new Map<Value, T>();
    this.places.set(place, there.set(v, known));
  }

  forget(v: Value): void {
    this.places.delete(placeOf(v));
  }
}

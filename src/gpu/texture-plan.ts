import { firstFrom } from "./item-list.ts";
import type { DispatchStep, Step } from "./step.ts";
import { type TextureCopy, type TexturePool, textureHeight, textureSize } from "./textures.ts";
import { overlaps, type Storage } from "./value.ts";

/** Small textures of one size are as many as fit in so many bytes: each weight keeps one of its own. */
const KEPT_BYTES = 2 ** 20;
/** While a program's textures take no more, what is read once more keeps its own until then. */
const MOST_BYTES = 2 ** 26;

const NEVER = Number.POSITIVE_INFINITY;

/** What a dispatch reads through textures, and which of them have to be filled for it. */
export interface Assigned {
  readonly textures: readonly TextureCopy[];
  readonly fills: readonly TextureCopy[];
}

/** What an item of a program reads through textures, and what it writes. */
export interface TextureAccess {
  readonly reads: readonly Storage[];
  readonly writes: readonly Storage[];
}

/**
 * Chooses the textures of a recorded step's dispatches, in their order. A texture that still holds what
 * a dispatch reads is not filled again, as when both gradients of a layer read that of its output; from
 * its last reader on it serves others.
 */
export class TexturePlan {
  /** What each texture holds, and those that hold something of a buffer. */
  private readonly held = new Map<GPUTexture, Storage>();
  private readonly holders = new Map<GPUBuffer, Set<GPUTexture>>();
  /** Number of the dispatch that read it last. */
  private readonly used = new Map<GPUTexture, number>();
  private readonly made = new Map<number, GPUTexture[]>();
  /** The item that reads next what a texture holds. */
  private readonly next = new Map<GPUTexture, number>();
  private readonly nextReads: readonly (readonly number[])[];
  private bytes = 0;

  /** @param accesses of all items, in their order */
  constructor(
    private readonly pool: TexturePool,
    private readonly accesses: readonly TextureAccess[],
  ) {
    this.nextReads = nextReadsOf(accesses);
  }

  /** @param now number of the item */
  assign(now: number): Assigned {
    const storages = this.accesses[now]?.reads ?? [];
    // Those that are there already first, so that none of them is taken for another input.
    const found = storages.map((from) => this.holding(from));
    for (const texture of found) if (texture) this.used.set(texture, now);
    const fills: TextureCopy[] = [];
    const textures = storages.map((from, k) => {
      const texture = found[k] ?? this.holding(from) ?? this.take(from, now);
      if (!found[k] && !fills.some((fill) => fill.texture === texture))
        fills.push({ from, texture });
      this.hold(texture, from);
      this.used.set(texture, now);
      this.next.set(texture, this.nextReads[now]?.[k] ?? NEVER);
      return { from, texture };
    });
    return { textures, fills };
  }

  /** Notes what the item has changed. */
  changed(now: number): void {
    for (const storage of this.accesses[now]?.writes ?? [])
      for (const texture of [...(this.holders.get(storage.buffer) ?? [])])
        if (overlaps(this.held.get(texture) as Storage, storage)) this.drop(texture);
  }

  private hold(texture: GPUTexture, from: Storage): void {
    this.drop(texture);
    this.held.set(texture, from);
    const holders = this.holders.get(from.buffer) ?? new Set();
    this.holders.set(from.buffer, holders.add(texture));
  }

  private drop(texture: GPUTexture): void {
    const from = this.held.get(texture);
    if (from) this.holders.get(from.buffer)?.delete(texture);
    this.held.delete(texture);
  }

  private holding(from: Storage): GPUTexture | undefined {
    for (const texture of this.holders.get(from.buffer) ?? [])
      if (isSame(this.held.get(texture) as Storage, from)) return texture;
    return undefined;
  }

  /**
   * The texture that has had its last reader for the longest time, or a new one; where there are too many
   * already, that which is needed again the latest.
   */
  private take({ bytes }: Storage, now: number): GPUTexture {
    const height = textureHeight(bytes);
    const size = textureSize(height);
    const made = this.made.get(height) ?? [];
    this.made.set(height, made);
    if ((made.length + 1) * size > KEPT_BYTES) {
      const free = made.filter((texture) => this.used.get(texture) !== now);
      const done = free.filter((texture) => this.nextRead(texture) === NEVER);
      const lastUse = (texture: GPUTexture) => this.used.get(texture) ?? -1;
      if (done.length > 0) return done.reduce((a, b) => (lastUse(a) <= lastUse(b) ? a : b));
      if (free.length > 0 && this.bytes + size > MOST_BYTES)
        return free.reduce((a, b) => (this.nextRead(a) >= this.nextRead(b) ? a : b));
    }
    const texture = this.pool.texture(bytes, made.length);
    this.bytes += size;
    made.push(texture);
    return texture;
  }

  private nextRead(texture: GPUTexture): number {
    return this.held.has(texture) ? (this.next.get(texture) ?? NEVER) : NEVER;
  }
}

/** For each item's reads the item that reads the same next, before it is written. */
function nextReadsOf(accesses: readonly TextureAccess[]): (readonly number[])[] {
  /** What is read further on, of each buffer by its range. */
  const ahead = new Map<GPUBuffer, Map<string, { from: Storage; item: number }>>();
  const rangeOf = ({ offset, bytes }: Storage) => `${offset}+${bytes}`;
  const all: (readonly number[])[] = [];
  for (let i = accesses.length - 1; i >= 0; i--) {
    const { reads, writes } = accesses[i] as TextureAccess;
    // It reads before it writes.
    for (const written of writes) {
      const known = ahead.get(written.buffer);
      for (const [range, { from }] of known ?? [])
        if (overlaps(from, written)) known?.delete(range);
    }
    all[i] = reads.map((read) => ahead.get(read.buffer)?.get(rangeOf(read))?.item ?? NEVER);
    for (const from of reads) {
      const known = ahead.get(from.buffer) ?? new Map();
      ahead.set(from.buffer, known.set(rangeOf(from), { from, item: i }));
    }
  }
  return all;
}

function isSame(a: Storage, b: Storage): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.bytes === b.bytes;
}

/**
 * Fills textures earlier, where others are filled anyhow or no pass is open yet: between two dispatches
 * without fills no pass has to end. Nothing that is moved over changes the buffer or reads the texture.
 */
export function gatherFills(steps: readonly Step[]): Step[] {
  const gathered = [...steps];
  const isFirst = (i: number) => i === 0 || steps[i - 1]?.kind === "copy";
  /** Where others are filled or no pass is open; the last writes so far to a buffer, readings of a texture. */
  const places = steps.flatMap((step, i) =>
    step.kind === "dispatch" && (step.fills.length > 0 || isFirst(i)) ? [i] : [],
  );
  const written = new Map<GPUBuffer, { readonly at: number; readonly storage: Storage }[]>();
  const read = new Map<GPUTexture, number>();
  for (const [i, step] of steps.entries()) {
    if (step.kind === "dispatch") {
      for (const fill of step.fills) {
        const { buffer } = fill.from;
        const changed = written
          .get(buffer)
          ?.findLast(({ storage }) => overlaps(storage, fill.from));
        const behind = Math.max(changed?.at ?? -1, read.get(fill.texture) ?? -1);
        const to = places[firstFrom(places, behind + 1)] as number;
        if (to === i) continue;
        const [earlier, late] = [gathered[to] as DispatchStep, gathered[i] as DispatchStep];
        gathered[to] = { ...earlier, fills: [...earlier.fills, fill] };
        gathered[i] = { ...late, fills: late.fills.filter((f) => f !== fill) };
        if (late.fills.length === 1 && !isFirst(i)) places.splice(firstFrom(places, i), 1);
      }
      for (const { texture } of step.textures) read.set(texture, i);
    }
    for (const storage of step.kind === "copy" ? [step.to] : step.written.map((w) => w.storage)) {
      const known = written.get(storage.buffer) ?? [];
      written.set(storage.buffer, known);
      known.push({ at: i, storage });
    }
  }
  return gathered;
}

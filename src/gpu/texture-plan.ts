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
  /** What each texture holds. */
  private readonly held = new Map<GPUTexture, Storage>();
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
      this.held.set(texture, from);
      this.used.set(texture, now);
      this.next.set(texture, this.nextReads[now]?.[k] ?? NEVER);
      return { from, texture };
    });
    return { textures, fills };
  }

  /** Notes what the item has changed. */
  changed(now: number): void {
    for (const storage of this.accesses[now]?.writes ?? [])
      for (const [texture, from] of this.held)
        if (overlaps(from, storage)) this.held.delete(texture);
  }

  private holding(from: Storage): GPUTexture | undefined {
    for (const [texture, storage] of this.held) if (isSame(storage, from)) return texture;
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
  const ahead = new Map<GPUBuffer, { from: Storage; item: number }[]>();
  const all: (readonly number[])[] = [];
  for (let i = accesses.length - 1; i >= 0; i--) {
    const { reads, writes } = accesses[i] as TextureAccess;
    // It reads before it writes.
    for (const written of writes) {
      const known = ahead.get(written.buffer);
      const left = known?.filter(({ from }) => !overlaps(from, written));
      if (left) ahead.set(written.buffer, left);
    }
    all[i] = reads.map(
      (read) => ahead.get(read.buffer)?.find((a) => isSame(a.from, read))?.item ?? NEVER,
    );
    for (const from of reads) {
      const known = ahead.get(from.buffer)?.filter((a) => !isSame(a.from, from)) ?? [];
      ahead.set(from.buffer, [...known, { from, item: i }]);
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
  for (const [i, step] of steps.entries()) {
    if (step.kind === "copy") continue;
    for (const fill of step.fills) {
      const to = earliest(gathered, i, fill);
      if (to === i) continue;
      const [earlier, late] = [gathered[to] as DispatchStep, gathered[i] as DispatchStep];
      gathered[to] = { ...earlier, fills: [...earlier.fills, fill] };
      gathered[i] = { ...late, fills: late.fills.filter((f) => f !== fill) };
    }
  }
  return gathered;
}

/** The first dispatch that no pass leads to before which the texture can be filled, from i backwards. */
function earliest(steps: readonly Step[], i: number, { from, texture }: TextureCopy): number {
  let place = i;
  for (let k = i - 1; k >= 0; k--) {
    const step = steps[k] as Step;
    const written = step.kind === "copy" ? [step.to] : step.written.map((w) => w.storage);
    if (written.some((storage) => overlaps(storage, from))) break;
    if (step.kind === "copy") continue;
    if ([...step.textures, ...step.fills].some((t) => t.texture === texture)) break;
    if (step.fills.length > 0 || k === 0 || steps[k - 1]?.kind === "copy") place = k;
  }
  return place;
}

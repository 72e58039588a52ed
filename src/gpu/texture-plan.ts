import type { DispatchStep, Step } from "./step.ts";
import { type TextureCopy, type TexturePool, textureHeight, textureSize } from "./textures.ts";
import { overlaps, type Storage } from "./value.ts";

/** Small textures of one size are as many as fit in so many bytes: each weight keeps one of its own. */
const KEPT_BYTES = 2 ** 20;

/** What a dispatch reads through textures, and which of them have to be filled for it. */
export interface Assigned {
  readonly textures: readonly TextureCopy[];
  readonly fills: readonly TextureCopy[];
}

/**
 * Chooses the textures of a recorded step's dispatches, in their order. A texture that still holds what
 * a dispatch reads is not filled again, as when both gradients of a layer read that of its output.
 */
export class TexturePlan {
  /** What each texture holds. */
  private readonly held = new Map<GPUTexture, Storage>();
  /** Number of the dispatch that read it last. */
  private readonly used = new Map<GPUTexture, number>();
  private readonly made = new Map<number, GPUTexture[]>();
  private dispatches = 0;

  constructor(private readonly pool: TexturePool) {}

  assign(storages: readonly Storage[]): Assigned {
    const now = ++this.dispatches;
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
      return { from, texture };
    });
    return { textures, fills };
  }

  /** Notes that a buffer's content has changed. */
  changed(storage: Storage): void {
    for (const [texture, from] of this.held) if (overlaps(from, storage)) this.held.delete(texture);
  }

  private holding(from: Storage): GPUTexture | undefined {
    for (const [texture, { buffer, offset, bytes }] of this.held)
      if (buffer === from.buffer && offset === from.offset && bytes === from.bytes) return texture;
    return undefined;
  }

  /** The texture that has not been read for the longest time, or a new one. */
  private take({ bytes }: Storage, now: number): GPUTexture {
    const height = textureHeight(bytes);
    const made = this.made.get(height) ?? [];
    this.made.set(height, made);
    const free = made.filter((texture) => this.used.get(texture) !== now);
    if (free.length > 0 && (made.length + 1) * textureSize(height) > KEPT_BYTES)
      return free.reduce((a, b) => (this.lastUse(a) <= this.lastUse(b) ? a : b));
    const texture = this.pool.texture(bytes, made.length);
    made.push(texture);
    return texture;
  }

  private lastUse(texture: GPUTexture): number {
    return this.used.get(texture) ?? 0;
  }
}

/**
 * Fills textures earlier, where others are filled anyhow: between two dispatches without fills no pass
 * has to end. Nothing that is moved over changes the buffer or reads the texture.
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

/** The first dispatch with fills of its own before which the texture can be filled, from i backwards. */
function earliest(steps: readonly Step[], i: number, { from, texture }: TextureCopy): number {
  let place = i;
  for (let k = i - 1; k >= 0; k--) {
    const step = steps[k] as Step;
    const written = step.kind === "copy" ? [step.to] : step.written.map((w) => w.storage);
    if (written.some((storage) => overlaps(storage, from))) break;
    if (step.kind === "copy") continue;
    if ([...step.textures, ...step.fills].some((t) => t.texture === texture)) break;
    if (step.fills.length > 0) place = k;
  }
  return place;
}

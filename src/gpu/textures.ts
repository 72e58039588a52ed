import type { Call } from "./call.ts";
import type { GuardedDevice } from "./guarded-device.ts";
import type { TexelReads } from "./target.ts";
import type { Storage } from "./value.ts";

/** Texels in a row. Kernels that read element i take channel i % 4 of texel i / 4, counted by rows. */
export const TEXTURE_WIDTH = 4096;
/** Most rows; the specification's default limit is 8192. */
const MOST_ROWS = 8192;
const TEXEL_BYTES = 16;
const FORMAT = "rgba32float";

/** Most elements that a kernel can read through a texture. */
export const MOST_TEXTURE_ELEMENTS = TEXTURE_WIDTH * MOST_ROWS * 4;

/** The declaration of a texture that a kernel reads in place of a buffer. */
export function textureType(reads: TexelReads): string {
  return reads === "storage" ? "texture_storage_2d<rgba32float, read>" : "texture_2d<f32>";
}

/** The load of one texel; `place` is a vec2u. */
export function texelLoad(reads: TexelReads, name: string, place: string): string {
  return reads === "storage"
    ? `textureLoad(${name}, ${place})`
    : `textureLoad(${name}, ${place}, 0)`;
}

/** The binding's entry in a bind group layout. */
export function textureEntry(
  reads: TexelReads,
): Pick<GPUBindGroupLayoutEntry, "texture" | "storageTexture"> {
  return reads === "storage"
    ? { storageTexture: { access: "read-only", format: FORMAT } }
    : { texture: { sampleType: "unfilterable-float" } };
}

/** A buffer's content that a dispatch reads through a texture. */
export interface TextureCopy {
  readonly from: Storage;
  readonly texture: GPUTexture;
}

/**
 * Textures that kernels read in place of buffers. llvmpipe reads buffers one lane at a time and
 * textures eight lanes at once, ten times faster and more. Eager ops and programs fill them before
 * they read them, so a few serve all.
 */
export class TexturePool {
  private readonly textures = new Map<string, GPUTexture>();
  /** Bytes of all textures. */
  bytes = 0;

  constructor(private readonly device: GuardedDevice) {}

  /** Textures for the inputs of one eager dispatch, each to be filled for it. */
  copies(storages: readonly Storage[]): TextureCopy[] {
    return storages.map((from, slot) => ({ from, texture: this.texture(from.bytes, slot) }));
  }

  /** The texture of a slot among those that are just large enough. */
  texture(bytes: number, slot: number): GPUTexture {
    const height = textureHeight(bytes);
    const key = `${height}/${slot}`;
    const found = this.textures.get(key);
    if (found) return found;
    const size = textureSize(height);
    const label = `texture ${slot} for kernels' inputs`;
    const texture = this.device.guardMemory(label, size, () =>
      this.device.gpu.createTexture({
        label,
        size: [TEXTURE_WIDTH, height],
        format: FORMAT,
        // COPY_DST | STORAGE_BINDING or TEXTURE_BINDING
        usage: 0x02 | (this.device.target.textures.reads === "storage" ? 0x08 : 0x04),
      }),
    );
    this.bytes += size;
    this.textures.set(key, texture);
    return texture;
  }
}

/** Of what a call binds, the storages that its kernel reads through textures. */
export function texturedOf({ textures = [] }: Call, storages: readonly Storage[]): Storage[] {
  return textures.map((binding) => storages[binding] as Storage);
}

/** The textures of those, by their bindings. */
export function atBindings(
  { textures = [] }: Call,
  copies: readonly TextureCopy[],
): ReadonlyMap<number, TextureCopy> {
  return new Map(textures.map((binding, k) => [binding, copies[k] as TextureCopy]));
}

/** Rows of the texture that holds so many bytes: powers of two, so that many values share one. */
export function textureHeight(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.ceil(bytes / (TEXTURE_WIDTH * TEXEL_BYTES))));
}

/** Bytes of a texture of so many rows. */
export function textureSize(height: number): number {
  return TEXTURE_WIDTH * TEXEL_BYTES * height;
}

/** Bytes of the textures that copies fill, each counted once. */
export function textureBytes(copies: readonly TextureCopy[]): number {
  const textures = new Set(copies.map(({ texture }) => texture));
  return [...textures].reduce((sum, t) => sum + t.width * t.height * TEXEL_BYTES, 0);
}

/** Fills textures: whole rows at once, then what is left of the last row. */
export function encodeTextureCopies(
  encoder: GPUCommandEncoder,
  copies: readonly TextureCopy[],
): void {
  const bytesPerRow = TEXTURE_WIDTH * TEXEL_BYTES;
  for (const { from, texture } of copies) {
    const { buffer, offset } = from;
    const rows = Math.floor(from.bytes / bytesPerRow);
    const rest = (from.bytes - rows * bytesPerRow) / TEXEL_BYTES;
    if (rows > 0)
      encoder.copyBufferToTexture({ buffer, offset, bytesPerRow }, { texture }, [
        TEXTURE_WIDTH,
        rows,
      ]);
    if (rest > 0)
      encoder.copyBufferToTexture(
        { buffer, offset: offset + rows * bytesPerRow, bytesPerRow },
        { texture, origin: [0, rows] },
        [rest, 1],
      );
  }
}

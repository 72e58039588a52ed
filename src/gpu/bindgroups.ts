import type { GuardedDevice } from "./guarded-device.ts";
import type { Pipeline } from "./pipelines.ts";
import type { TextureCopy } from "./textures.ts";
import type { Storage } from "./value.ts";

/** Textures by the binding at which they stand in for a buffer. */
export type BoundTextures = ReadonlyMap<number, TextureCopy>;

const NONE: BoundTextures = new Map();

/**
 * Bind groups by what they bind. Eager ops that come round again with pooled buffers find theirs;
 * recorded programs make each of theirs once.
 */
export class BindGroupCache {
  private groups = new Map<string, GPUBindGroup>();
  private readonly ids = new WeakMap<object, number>();
  private nextId = 1;
  /** Bind groups made since the device was opened. */
  created = 0;

  constructor(
    private readonly device: GuardedDevice,
    /** Cached groups keep their buffers' memory alive, so the cache is emptied when it is full. */
    private readonly capacity = 4096,
  ) {}

  /** @param textures stand in for the storages of these bindings */
  get(
    op: string,
    pipeline: Pipeline,
    storages: readonly Storage[],
    textures: BoundTextures = NONE,
  ): GPUBindGroup {
    const key = [
      this.id(pipeline.layout),
      ...storages.map((s, binding) => {
        const copy = textures.get(binding);
        return copy ? this.id(copy.texture) : `${this.id(s.buffer)}+${s.offset}+${s.bytes}`;
      }),
    ].join();
    const found = this.groups.get(key);
    if (found) return found;
    if (this.groups.size >= this.capacity) this.groups = new Map();
    const group = this.create(op, pipeline, storages, textures);
    this.groups.set(key, group);
    return group;
  }

  /** A bind group outside the cache. What the device has against it is a GpuValidationError of `op`. */
  create(
    op: string,
    pipeline: Pipeline,
    storages: readonly Storage[],
    textures: BoundTextures = NONE,
  ): GPUBindGroup {
    this.created++;
    return this.device.guardValidation(op, () =>
      this.device.gpu.createBindGroup({
        layout: pipeline.layout,
        entries: storages.map(({ buffer, offset, bytes }, binding) => ({
          binding,
          resource: textures.get(binding)?.texture.createView() ?? { buffer, offset, size: bytes },
        })),
      }),
    );
  }

  /** Forgets every group, for instance after the pool gave its buffers back. */
  clear(): void {
    this.groups = new Map();
  }

  private id(object: object): number {
    let id = this.ids.get(object);
    if (id === undefined) {
      id = this.nextId++;
      this.ids.set(object, id);
    }
    return id;
  }
}

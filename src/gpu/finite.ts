import source from "../../shaders/finite_check.wgsl";
import type { BindGroupCache } from "./bindgroups.ts";
import { NonFiniteError } from "./errors.ts";
import type { GuardedDevice } from "./guarded-device.ts";
import type { Pipeline, PipelineCache } from "./pipelines.ts";
import type { Storage, StorageType } from "./value.ts";

const NEVER = 0xffffffff;

/** What a finite check looks at. */
export interface Checkable {
  readonly label: string;
  readonly dtype: StorageType;
  readonly size: number;
  /** The part of a recording that it is of. */
  readonly part?: string | undefined;
  readonly storage: Storage;
}

/** What the checker needs of a device. */
interface CheckingDevice extends GuardedDevice {
  readonly pipelines: PipelineCache;
  readonly bindGroups: BindGroupCache;
  encode(
    op: string,
    pipeline: Pipeline,
    group: GPUBindGroup,
    workgroups: readonly [number, number, number],
  ): void;
  readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer>;
}

/**
 * Checks values for NaN and infinity on the device, by their bits, and remembers the first op that
 * produced one. Used by LATENTGRAD_DEBUG=2 and to find out which op made a training step diverge.
 */
export class FiniteChecker {
  private names: string[] = [];
  private tags: GPUBuffer[] = [];
  private firstBad: GPUBuffer | undefined;

  constructor(private readonly device: CheckingDevice) {}

  /** Encodes a check of `values` behind the op that has just been encoded. */
  check(op: string, values: readonly Checkable[]): void {
    const { device } = this;
    const kernel = {
      name: "finite check",
      code: source,
      workgroups: [64, 1, 1],
      flops: 0,
      bytes: 0,
    } as const;
    for (const { label, dtype, size, storage } of values) {
      if (dtype !== "f32" || size === 0) continue;
      this.firstBad ??= this.words([NEVER], "first non-finite");
      const tag = this.words([this.names.length, size], "tag");
      this.tags.push(tag);
      this.names.push(label === "" || label === op ? op : `${op} (${label})`);
      const pipeline = device.pipelines.get("finiteCheck", kernel, ["read", "read", "write"]);
      const whole = (buffer: GPUBuffer) => ({
        buffer,
        offset: 0,
        bytes: buffer.size,
        owner: this,
      });
      const group = device.bindGroups.create("finiteCheck", pipeline, [
        storage,
        whole(tag),
        whole(this.firstBad),
      ]);
      device.encode("finiteCheck", pipeline, group, kernel.workgroups);
    }
  }

  /** The first op since the last verdict whose result was not finite, if there was one. */
  async first(): Promise<string | undefined> {
    const { device, firstBad, names, tags } = this;
    if (!firstBad) return undefined;
    this.names = [];
    this.tags = [];
    this.firstBad = undefined;
    const [first] = new Uint32Array(await device.readBuffer(firstBad, 0, 4));
    for (const buffer of [firstBad, ...tags]) buffer.destroy();
    return names[first ?? NEVER];
  }

  /** Throws a NonFiniteError naming the first op whose result was not finite, if there was one. */
  async verdict(step?: number): Promise<void> {
    const name = await this.first();
    if (name !== undefined)
      throw new NonFiniteError(name, step, "the result holds NaN or infinite values");
  }

  private words(words: number[], label: string): GPUBuffer {
    const { device } = this;
    const bytes = words.length * 4;
    return device.guardMemory(label, bytes, () => {
      const buffer = device.gpu.createBuffer({
        size: bytes,
        usage: 0x80 | 0x04 | 0x08, // STORAGE | COPY_SRC | COPY_DST
        mappedAtCreation: true,
        label,
      });
      new Uint32Array(buffer.getMappedRange()).set(words);
      buffer.unmap();
      return buffer;
    });
  }
}

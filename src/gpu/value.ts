import type { GuardedDevice } from "./guarded-device.ts";
import { Shown } from "./shown.ts";

/**
 * What the elements of a tensor are: 32-bit floats, whole numbers of 32 bits, or bytes. Bytes are packed four to a
 * word and are read by `gather` alone: data sets live in them.
 */
export type DType = "f32" | "u32" | "u8";

/**
 * What kernels may read: `f16`, two to a word, is what they read their inputs from where that was asked for
 * (src/kernels/half.ts); no tensor has it.
 */
export type StorageType = DType | "f16";

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<StorageType, number>> = {
  f32: 4,
  u32: 4,
  u8: 1,
  f16: 2,
};

/** Where a value's bytes are. */
export interface Storage {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  /** While this object is reachable, the buffer is not handed to anybody else. */
  readonly owner: object;
}

let nextId = 1;

/**
 * A flat run of elements on a device: what kernels read and write. It knows no shape; tensors give
 * it one, and several tensors (reshapes) may share it. While a step is being recorded a value has
 * no storage yet: the planner assigns it.
 */
export class Value extends Shown {
  readonly id = nextId++;
  storage: Storage | undefined;
  /** Values of parameters, optimiser state and data sets: they outlive every scope. */
  persistent = false;
  /** Recorded values belong to the recording that made them. */
  recording: object | undefined;
  /** The part of a recording that made it, where that has a name: errors say it. */
  part: string | undefined;
  /** When an op last wrote to it, in the device's count; 0: the host wrote it. */
  epoch = 0;

  constructor(
    readonly device: GuardedDevice,
    readonly dtype: StorageType,
    /** Number of elements. */
    readonly size: number,
    public label: string,
  ) {
    super();
  }

  override toString(): string {
    return `Value of ${this.size} ${this.dtype} (${this.label})`;
  }

  /** Bytes that are reserved. */
  get bytes(): number {
    return byteLength(this.dtype, this.size);
  }

  /** Bytes that hold elements, up to a whole word. */
  get dataBytes(): number {
    return Math.ceil((this.size * ELEMENT_BYTES[this.dtype]) / 4) * 4;
  }
}

/** Bytes of `size` elements, padded to 16 so that every value can be bound as an array of vec4. */
export function byteLength(dtype: StorageType, size: number): number {
  return Math.max(16, Math.ceil((size * ELEMENT_BYTES[dtype]) / 16) * 16);
}

/** Whether writing to one of two values may change the other. */
export function sharesMemory(a: Value, b: Value): boolean {
  return a === b || (!!a.storage && !!b.storage && overlaps(a.storage, b.storage));
}

/** Whether two values may not be read and written in one dispatch: WebGPU looks at whole buffers. */
export function sharesBuffer(a: Value, b: Value): boolean {
  return a === b || (!!a.storage && a.storage.buffer === b.storage?.buffer);
}

export function overlaps(a: Storage, b: Storage): boolean {
  return a.buffer === b.buffer && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

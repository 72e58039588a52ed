import type { Device } from "./device.ts";
import { OutOfMemoryError } from "./errors.ts";

export interface PoolStatistics {
  /** Bytes in buffers that are in use. */
  readonly liveBytes: number;
  /** Bytes in buffers that wait for reuse. */
  readonly idleBytes: number;
  /** The highest that `liveBytes` has been. */
  readonly peakBytes: number;
  /** Buffers made since the device was opened. */
  readonly created: number;
}

const USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST

/** Storage buffers by exact size. Released buffers are handed out again to requests of their size. */
export class BufferPool {
  private readonly idle = new Map<number, GPUBuffer[]>();
  private live = 0;
  private idleTotal = 0;
  private peak = 0;
  private made = 0;

  constructor(
    private readonly device: Device,
    /** Most bytes that may be held, in use and idle together. */
    private readonly limit: number,
    private readonly reuse: boolean,
  ) {}

  statistics(): PoolStatistics {
    return {
      liveBytes: this.live,
      idleBytes: this.idleTotal,
      peakBytes: this.peak,
      created: this.made,
    };
  }

  /** A buffer of exactly `bytes`. Its content is whatever was there before. */
  acquire(bytes: number, label: string): GPUBuffer {
    const waiting = this.reuse ? this.idle.get(bytes)?.pop() : undefined;
    if (waiting) {
      this.idleTotal -= bytes;
      this.count(bytes);
      return waiting;
    }
    const largest = Math.min(
      this.device.limits.maxBufferSize,
      this.device.limits.maxStorageBufferBindingSize,
    );
    if (bytes > largest)
      throw new OutOfMemoryError(label, bytes, `the adapter's largest buffer is ${largest}`);
    if (this.live + this.idleTotal + bytes > this.limit) this.trim();
    if (this.live + bytes > this.limit)
      throw new OutOfMemoryError(
        label,
        bytes,
        `${this.live} of the ${this.limit} allowed are in use`,
      );
    const buffer = this.device.guardMemory(label, bytes, () =>
      this.device.gpu.createBuffer({ size: bytes, usage: USAGE, label }),
    );
    this.made++;
    this.count(bytes);
    return buffer;
  }

  release(buffer: GPUBuffer): void {
    const bytes = buffer.size;
    this.live -= bytes;
    if (!this.reuse) {
      buffer.destroy();
      return;
    }
    this.idleTotal += bytes;
    const list = this.idle.get(bytes);
    if (list) list.push(buffer);
    else this.idle.set(bytes, [buffer]);
  }

  /** Gives idle buffers back to the driver. */
  trim(): void {
    for (const list of this.idle.values()) for (const buffer of list) buffer.destroy();
    this.idle.clear();
    this.idleTotal = 0;
  }

  private count(bytes: number): void {
    this.live += bytes;
    this.peak = Math.max(this.peak, this.live);
  }
}

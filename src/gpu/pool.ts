import { OutOfMemoryError } from "./errors.ts";
import type { GuardedDevice } from "./guarded-device.ts";

/** What the buffers of a device take. */
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
/** Beyond this, and beyond what is in use, idle buffers are given back to the driver. */
const MOST_IDLE = 2 ** 28;

/** Storage buffers by exact size. Released buffers are handed out again to requests of their size. */
export class BufferPool {
  private readonly idle = new Map<number, GPUBuffer[]>();
  private live = 0;
  private idleTotal = 0;
  private peak = 0;
  private made = 0;
  private doomed: GPUBuffer[] = [];
  /** Buffers that the driver had no memory for. */
  private readonly broken = new WeakMap<GPUBuffer, OutOfMemoryError>();

  constructor(
    private readonly device: GuardedDevice,
    /** Most bytes that may be held, in use and idle together. */
    private readonly limit: number,
    private readonly reuse: boolean,
    /** Makes the device forget buffers that are about to be destroyed, and submit what uses them. */
    private readonly letGo: () => void,
  ) {}

  /** Most bytes that one buffer may have. */
  get largest(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  statistics(): PoolStatistics {
    return {
      liveBytes: this.live,
      idleBytes: this.idleTotal,
      peakBytes: this.peak,
      created: this.made,
    };
  }

  /**
   * A buffer of exactly `bytes`. Its content is whatever was there before.
   *
   * @throws OutOfMemoryError at once where a limit is exceeded; what the driver refuses becomes
   *   known later and is thrown by the next read-back
   */
  acquire(bytes: number, label: string): GPUBuffer {
    const waiting = this.reuse ? this.idle.get(bytes)?.pop() : undefined;
    if (waiting) {
      this.idleTotal -= bytes;
      this.count(bytes);
      return waiting;
    }
    const { largest } = this;
    if (bytes > largest)
      throw new OutOfMemoryError(label, bytes, `the device's largest buffer is ${largest}`);
    if (this.live + this.idleTotal + bytes > this.limit) this.trim();
    if (this.live + bytes > this.limit)
      throw new OutOfMemoryError(
        label,
        bytes,
        `${this.live} of the ${this.limit} allowed are in use`,
      );
    const buffer = this.device.guardMemory(
      label,
      bytes,
      () => this.device.gpu.createBuffer({ size: bytes, usage: USAGE, label }),
      (made, error) => {
        this.broken.set(made, error);
      },
    );
    this.made++;
    this.count(bytes);
    return buffer;
  }

  release(buffer: GPUBuffer): void {
    const bytes = buffer.size;
    this.live -= bytes;
    if (!this.reuse || this.broken.has(buffer)) {
      this.doomed.push(buffer);
      return;
    }
    this.idleTotal += bytes;
    const list = this.idle.get(bytes);
    if (list) list.push(buffer);
    else this.idle.set(bytes, [buffer]);
    if (this.idleTotal > Math.max(MOST_IDLE, this.live)) this.trim();
  }

  /** Gives idle buffers back to the driver. */
  trim(): void {
    for (const list of this.idle.values()) this.doomed.push(...list);
    this.idle.clear();
    this.idleTotal = 0;
    if (this.doomed.length === 0) return;
    this.letGo();
    this.sweep();
  }

  /** Destroys what was given up; called when no unsubmitted command can refer to it. */
  sweep(): void {
    for (const buffer of this.doomed) buffer.destroy();
    this.doomed = [];
  }

  /** Why a buffer holds nothing, if it does not. */
  failureOf(buffer: GPUBuffer): OutOfMemoryError | undefined {
    return this.broken.get(buffer);
  }

  private count(bytes: number): void {
    this.live += bytes;
    this.peak = Math.max(this.peak, this.live);
  }
}

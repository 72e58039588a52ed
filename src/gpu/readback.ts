import type { GuardedDevice } from "./guarded-device.ts";

/** Staging buffers up to this size are kept: those of the scalars that a training loop reads. */
const SMALL = 1 << 16;
const KEPT_PER_SIZE = 8;

/**
 * Reads buffers back. Behind the data each read-back carries a number that it has itself put on
 * the device: when a device is lost, a runtime may resolve a mapping whose copy never happened,
 * and its zeros must not pass for data.
 */
export class ReadBack {
  private readonly staging = new Map<number, GPUBuffer[]>();
  private receipt: GPUBuffer | undefined;
  private count = 0;

  constructor(
    private readonly device: GuardedDevice,
    private readonly submit: (commands: GPUCommandBuffer) => void,
  ) {}

  /** @param bytes a multiple of 4; 0 only waits for the work before it */
  async read(buffer: GPUBuffer | undefined, offset: number, bytes: number): Promise<ArrayBuffer> {
    const { device } = this;
    const { gpu } = device;
    const size = bytes + 4;
    this.count = (this.count % 0xffffffff) + 1;
    const number = this.count;
    const kept = this.staging.get(size) ?? [];
    const staging = device.guardMemory(
      "a read-back",
      size,
      () => kept.pop() ?? gpu.createBuffer({ size, usage: 0x1 | 0x8, label: "read-back" }), // MAP_READ | COPY_DST
    );
    const harmless = { spoils: false };
    const copyBack = () => {
      this.receipt ??= gpu.createBuffer({ size: 4, usage: 0x4 | 0x8, label: "receipt" }); // COPY_SRC | COPY_DST
      gpu.queue.writeBuffer(this.receipt, 0, Uint32Array.of(number));
      const encoder = gpu.createCommandEncoder();
      if (buffer && bytes > 0) encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
      encoder.copyBufferToBuffer(this.receipt, 0, staging, bytes, 4);
      this.submit(encoder.finish());
    };
    device.guardValidation("read", copyBack, harmless);
    let data: ArrayBuffer;
    let arrived: number | undefined;
    try {
      const mapping = () => staging.mapAsync(0x1); // READ
      await device.survive(device.guardValidation("read", mapping, harmless));
      const mapped = staging.getMappedRange();
      data = mapped.slice(0, bytes);
      [arrived] = new Uint32Array(mapped, bytes, 1);
      staging.unmap();
    } catch (error) {
      if (device.lost) throw device.lost;
      await device.settle();
      throw await device.explain("read", error instanceof Error ? error.message : String(error));
    }
    if (arrived !== number) {
      await device.settle();
      throw await device.explain("read", "a read-back did not arrive");
    }
    if (size <= SMALL && kept.length < KEPT_PER_SIZE) {
      kept.push(staging);
      this.staging.set(size, kept);
    } else staging.destroy();
    return data;
  }
}

import source from "../../shaders/finite_check.wgsl";
import type { Device } from "./device.ts";
import { NonFiniteError } from "./errors.ts";
import type { Value } from "./value.ts";

const NEVER = 0xffffffff;

/**
 * Checks values for NaN and infinity on the device, by their bits, and remembers the first op that
 * produced one. Used by LATENTGRAD_DEBUG=2 and to find out which op made a training step diverge.
 */
export class FiniteChecker {
  private readonly names: string[] = [];
  private firstBad: GPUBuffer | undefined;

  constructor(private readonly device: Device) {}

  get active(): boolean {
    return this.names.length > 0;
  }

  /** Encodes a check of `values` behind the op that has just been encoded. */
  check(op: string, values: readonly Value[]): void {
    const { device } = this;
    const gpu = device.gpu;
    this.firstBad ??= this.words([NEVER], "first non-finite");
    const kernel = {
      name: "finite check",
      code: source,
      workgroups: [64, 1, 1],
      flops: 0,
      bytes: 0,
    } as const;
    for (const value of values) {
      if (value.dtype !== "f32" || value.size === 0 || !value.storage) continue;
      const tag = this.words([this.names.length, value.size], "tag");
      this.names.push(value.label === "" || value.label === op ? op : `${op} (${value.label})`);
      const pipeline = device.pipelines.get("finiteCheck", kernel, ["read", "read", "write"]);
      const group = gpu.createBindGroup({
        layout: pipeline.layout,
        entries: [
          {
            binding: 0,
            resource: {
              buffer: value.storage.buffer,
              offset: value.storage.offset,
              size: value.storage.bytes,
            },
          },
          { binding: 1, resource: { buffer: tag } },
          { binding: 2, resource: { buffer: this.firstBad } },
        ],
      });
      device.encode(pipeline, group, kernel.workgroups);
    }
  }

  /** Throws a NonFiniteError naming the first op whose result was not finite, if there was one. */
  async verdict(step?: number): Promise<void> {
    if (!this.firstBad || this.names.length === 0) return;
    const [first] = new Uint32Array(await this.device.readBuffer(this.firstBad, 0, 4));
    const name = this.names[first ?? NEVER];
    this.names.length = 0;
    this.firstBad.destroy();
    this.firstBad = undefined;
    if (name !== undefined)
      throw new NonFiniteError(name, step, "the result holds NaN or infinite values");
  }

  private words(words: number[], label: string): GPUBuffer {
    const buffer = this.device.gpu.createBuffer({
      size: words.length * 4,
      usage: 0x80 | 0x04 | 0x08, // STORAGE | COPY_SRC | COPY_DST
      mappedAtCreation: true,
      label,
    });
    new Uint32Array(buffer.getMappedRange()).set(words);
    buffer.unmap();
    return buffer;
  }
}

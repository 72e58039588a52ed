import type { KernelSource } from "./call.ts";
import type { Device } from "./device.ts";
import { DeviceLostError, GpuValidationError } from "./errors.ts";

/** What a kernel does with each of its bindings, in binding order. */
export type Access = "read" | "write";

/** A compiled kernel. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Compiled kernels by their text: the same text is compiled once per device. */
export class PipelineCache {
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  private readonly ready = new Map<string, Pipeline>();
  private readonly pending = new Map<string, Promise<Pipeline>>();
  /** Pipelines compiled since the device was opened. */
  compiled = 0;

  constructor(private readonly device: Device) {}

  /** Compiles at once, for eager ops. Errors surface at the next read-back. */
  get(op: string, source: KernelSource, access: readonly Access[]): Pipeline {
    const found = this.ready.get(source.code);
    if (found) return found;
    this.compiled++;
    const layout = this.layout(access);
    const pipeline = this.device.guardValidation(op, () =>
      this.device.gpu.createComputePipeline(this.descriptor(source, layout)),
    );
    const entry = { pipeline, layout };
    this.ready.set(source.code, entry);
    return entry;
  }

  /** Compiles without blocking; several may be under way at once. */
  async compile(op: string, source: KernelSource, access: readonly Access[]): Promise<Pipeline> {
    const found = this.ready.get(source.code);
    if (found) return found;
    const waiting = this.pending.get(source.code);
    if (waiting) return waiting;
    this.compiled++;
    const promise = this.compileNow(op, source, access);
    this.pending.set(source.code, promise);
    try {
      return await promise;
    } finally {
      this.pending.delete(source.code);
    }
  }

  private async compileNow(
    op: string,
    source: KernelSource,
    access: readonly Access[],
  ): Promise<Pipeline> {
    const layout = this.layout(access);
    try {
      const descriptor = this.device.guardValidation(op, () => this.descriptor(source, layout));
      const pipeline = await this.device.gpu.createComputePipelineAsync(descriptor);
      const entry = { pipeline, layout };
      this.ready.set(source.code, entry);
      return entry;
    } catch (error) {
      if (this.device.lost) throw this.device.lost;
      const reason = error instanceof Error ? error.message : String(error);
      if (/lost/i.test(reason)) throw new DeviceLostError(op, reason);
      throw new GpuValidationError(op, `${source.name} does not compile: ${reason}`);
    }
  }

  private descriptor(
    source: KernelSource,
    layout: GPUBindGroupLayout,
  ): GPUComputePipelineDescriptor {
    const gpu = this.device.gpu;
    const module = gpu.createShaderModule({ code: source.code, label: source.name });
    return {
      label: source.name,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: "main" },
    };
  }

  private layout(access: readonly Access[]): GPUBindGroupLayout {
    const key = access.join();
    const found = this.layouts.get(key);
    if (found) return found;
    const layout = this.device.gpu.createBindGroupLayout({
      label: key,
      entries: access.map((a, binding) => ({
        binding,
        visibility: 4, // COMPUTE
        buffer: { type: a === "read" ? "read-only-storage" : "storage" },
      })),
    });
    this.layouts.set(key, layout);
    return layout;
  }
}

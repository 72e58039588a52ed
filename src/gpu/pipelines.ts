import type { Access, KernelSource } from "./call.ts";
import { GpuValidationError } from "./errors.ts";
import { firstLine, type GuardedDevice, tellsLoss } from "./guarded-device.ts";
import { textureEntry } from "./textures.ts";

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

  constructor(private readonly device: GuardedDevice) {}

  /** Compiles at once, for eager ops. Errors surface at the next read-back. */
  get(op: string, source: KernelSource, access: readonly Access[]): Pipeline {
    const key = keyOf(source, access);
    const found = this.ready.get(key);
    if (found) return found;
    this.compiled++;
    const layout = this.layout(access);
    const entry = this.device.guardValidation(
      op,
      () => ({
        pipeline: this.device.gpu.createComputePipeline(this.descriptor(source, layout)),
        layout,
      }),
      {
        what: `kernel "${source.name}" does not compile: `,
        failed: () => this.ready.delete(key),
      },
    );
    this.ready.set(key, entry);
    return entry;
  }

  /** Compiles without blocking; several may be under way at once. */
  async compile(op: string, source: KernelSource, access: readonly Access[]): Promise<Pipeline> {
    const key = keyOf(source, access);
    const found = this.ready.get(key);
    if (found) return found;
    const waiting = this.pending.get(key);
    if (waiting) return waiting;
    this.compiled++;
    const promise = this.compileNow(op, source, access);
    this.pending.set(key, promise);
    try {
      const entry = await promise;
      this.ready.set(key, entry);
      return entry;
    } finally {
      this.pending.delete(key);
    }
  }

  private async compileNow(
    op: string,
    source: KernelSource,
    access: readonly Access[],
  ): Promise<Pipeline> {
    const { device } = this;
    const layout = this.layout(access);
    device.gpu.pushErrorScope("validation");
    let compiling: Promise<GPUComputePipeline>;
    try {
      compiling = device.gpu.createComputePipelineAsync(this.descriptor(source, layout));
    } catch (error) {
      compiling = Promise.reject(error);
    }
    const scope = device.gpu.popErrorScope().catch(() => null);
    const refused = (reason: string) =>
      new GpuValidationError(op, `kernel "${source.name}" does not compile: ${reason}`);
    try {
      const pipeline = await device.survive(compiling);
      const error = await device.survive(scope);
      if (error) throw refused(firstLine(error.message));
      return { pipeline, layout };
    } catch (error) {
      if (device.lost) throw device.lost;
      // The module's own error says where; the pipeline's only that the module is no good.
      const cause = await device.survive(scope);
      const reason = error instanceof Error ? error.message : String(error);
      if (tellsLoss(reason)) device.lose(firstLine(reason));
      if (device.lost) throw device.lost;
      throw refused(firstLine(cause?.message ?? reason));
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
        ...(a === "texture"
          ? textureEntry(this.device.target.textures.reads)
          : { buffer: { type: a === "read" ? "read-only-storage" : "storage" } }),
      })),
    });
    this.layouts.set(key, layout);
    return layout;
  }
}

function keyOf(source: KernelSource, access: readonly Access[]): string {
  return `${access}\n${source.code}`;
}

import type { Pipeline } from "./pipelines.ts";
import { encodeTextureCopies, type TextureCopy } from "./textures.ts";

/** Commands that are submitted together, and the ops that they are of. */
export interface Batch {
  readonly encoder: GPUCommandEncoder;
  /** The ops' names for errors: a few of them stand for the others. */
  readonly ops: string;
}

/**
 * The commands of eager ops, collected until they are submitted. Neighbouring dispatches share a pass, unless
 * textures have to be filled between them.
 */
export class Commands {
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private ops: string[] = [];

  constructor(private readonly gpu: GPUDevice) {}

  /** Commands since the last batch was taken. */
  get count(): number {
    return this.ops.length;
  }

  /** Something waits to be submitted. */
  get waiting(): boolean {
    return this.encoder !== undefined;
  }

  dispatch(
    op: string,
    pipeline: Pipeline,
    group: GPUBindGroup,
    workgroups: readonly [number, number, number],
    fills: readonly TextureCopy[],
  ): void {
    this.encoder ??= this.gpu.createCommandEncoder();
    if (fills.length > 0) {
      this.endPass();
      encodeTextureCopies(this.encoder, fills);
    }
    this.pass ??= this.encoder.beginComputePass();
    this.pass.setPipeline(pipeline.pipeline);
    this.pass.setBindGroup(0, group);
    this.pass.dispatchWorkgroups(...workgroups);
    this.ops.push(op);
  }

  copy(
    op: string,
    from: GPUBuffer,
    fromOffset: number,
    to: GPUBuffer,
    toOffset: number,
    bytes: number,
  ): void {
    this.endPass();
    this.encoder ??= this.gpu.createCommandEncoder();
    this.encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
    this.ops.push(op);
  }

  /** What was collected, to be submitted; the next command begins anew. */
  take(): Batch | undefined {
    const { encoder, ops } = this;
    if (!encoder) return undefined;
    this.endPass();
    this.drop();
    return { encoder, ops: describe(ops) };
  }

  /** Forgets what was collected. */
  drop(): void {
    this.encoder = undefined;
    this.pass = undefined;
    this.ops = [];
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = undefined;
  }
}

function describe(ops: readonly string[]): string {
  const names = [...new Set(ops)];
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 4).join(", ")}, …`;
}

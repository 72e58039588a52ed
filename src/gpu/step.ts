import type { KernelSource } from "./call.ts";
import type { Checkable } from "./finite.ts";
import type { Pipeline } from "./pipelines.ts";
import type { SubmitLimits } from "./target.ts";
import { encodeTextureCopies, type TextureCopy } from "./textures.ts";
import type { Storage } from "./value.ts";

/** One command of a program. */
export type Step = DispatchStep | CopyStep;

export interface DispatchStep {
  readonly kind: "dispatch";
  readonly op: string;
  /** How many kernels are side by side in it. */
  readonly kernels: number;
  readonly source: KernelSource;
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  /** Inputs that the kernel reads through textures. */
  readonly textures: readonly TextureCopy[];
  /** Textures that are filled before it: others hold already what it reads. */
  readonly fills: readonly TextureCopy[];
  readonly written: readonly Written[];
}

/** A result, and the op that it is of: the dispatch's, or one of several side by side in it. */
export interface Written extends Checkable {
  readonly op: string;
  /** Number of the kernel in the dispatch. */
  readonly kernel: number;
}

export interface CopyStep {
  readonly kind: "copy";
  readonly op: string;
  readonly from: Storage;
  readonly to: Storage;
  readonly toOffset: number;
  readonly bytes: number;
}

/** Encodes the copy of a step. */
export function encodeCopy(encoder: GPUCommandEncoder, step: CopyStep): void {
  const { from, to, toOffset, bytes } = step;
  encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset + toOffset, bytes);
}

/**
 * Encodes steps in their order. Neighbouring dispatches share a pass, unless textures have to be
 * filled between them.
 *
 * @param last descriptor of a pass that the last step, a dispatch, has for itself
 */
export function encodeSteps(
  encoder: GPUCommandEncoder,
  steps: readonly Step[],
  last?: GPUComputePassDescriptor,
): void {
  let pass: GPUComputePassEncoder | undefined;
  for (const [i, step] of steps.entries()) {
    const apart = last !== undefined && i === steps.length - 1;
    if (step.kind === "copy" || step.fills.length > 0 || apart) {
      pass?.end();
      pass = undefined;
    }
    if (step.kind === "copy") {
      encodeCopy(encoder, step);
      continue;
    }
    encodeTextureCopies(encoder, step.fills);
    pass ??= encoder.beginComputePass(apart ? last : undefined);
    encodeDispatch(pass, step);
  }
  pass?.end();
}

/** Encodes the dispatch of a step; its textures are filled outside of the pass. */
export function encodeDispatch(pass: GPUComputePassEncoder, step: DispatchStep): void {
  pass.setPipeline(step.pipeline.pipeline);
  pass.setBindGroup(0, step.group);
  pass.dispatchWorkgroups(...step.source.workgroups);
}

/** Starts a new submit where the work collected so far is estimated to exceed the watchdog's patience. */
export function splitSubmits(steps: readonly Step[], limits: SubmitLimits): Set<number> {
  const cuts = new Set<number>(steps.length > 0 ? [0] : []);
  let seconds = 0;
  for (const [i, step] of steps.entries()) {
    if (step.kind === "copy") continue;
    const estimate = step.source.flops / limits.flops + step.source.bytes / limits.bytes;
    if (seconds > 0 && seconds + estimate > limits.seconds) {
      cuts.add(i);
      seconds = 0;
    }
    seconds += estimate;
  }
  return cuts;
}

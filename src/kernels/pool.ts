import shader from "../../shaders/pool.wgsl";
import gradientShader from "../../shaders/pool_gradient.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { wgslType } from "./expression.ts";
import { plainCall } from "./plain.ts";

/** Shapes of a pooling. x: [batch, inH, inW, channels], y: [batch, outH, outW, channels] */
export interface PoolGeometry {
  readonly batch: number;
  readonly inH: number;
  readonly inW: number;
  readonly outH: number;
  readonly outW: number;
  readonly channels: number;
  readonly windowH: number;
  readonly windowW: number;
  readonly strideH: number;
  readonly strideW: number;
  /** Zeros in front; those behind follow from the output's size. Less than the window. */
  readonly padTop: number;
  readonly padLeft: number;
}

function constantsOf(g: PoolGeometry, width: 1 | 4): Record<string, number> {
  return {
    IN_H: g.inH,
    IN_W: g.inW,
    OUT_H: g.outH,
    OUT_W: g.outW,
    CHANNELS: g.channels / width,
    WINDOW_H: g.windowH,
    WINDOW_W: g.windowW,
    STRIDE_H: g.strideH,
    STRIDE_W: g.strideW,
    PAD_TOP: g.padTop,
    PAD_LEFT: g.padLeft,
  };
}

function describe(g: PoolGeometry): string {
  const size = `${g.batch}×${g.inH}×${g.inW}×${g.channels}→${g.outH}×${g.outW}`;
  return `${size} k${g.windowH} s${g.strideH}`;
}

/** Mean or largest element of each window, or (`position`, u32) where in x the largest is. */
export function poolCall(
  op: string,
  kind: "mean" | "max" | "position",
  x: Value,
  g: PoolGeometry,
  y: Value,
): Call {
  const width = kind !== "position" && g.channels % 4 === 0 ? 4 : 1;
  const type = wgslType("f32", width);
  return plainCall({
    op,
    detail: describe(g),
    shader,
    threads: y.size / width,
    inputs: [x],
    outputs: [y],
    aliases: { E: type, R: kind === "position" ? "u32" : type },
    constants: {
      ...constantsOf(g, width),
      MEAN: kind === "mean",
      POSITION: kind === "position",
    },
    flops: y.size * g.windowH * g.windowW,
  });
}

/**
 * dx from dy: shared among the window for a mean, else to the place that `position` names.
 *
 * @param position u32, as poolCall computes it
 */
export function poolGradientCall(
  op: string,
  dy: Value,
  position: Value | undefined,
  g: PoolGeometry,
  dx: Value,
): Call {
  const width = !position && g.channels % 4 === 0 ? 4 : 1;
  const bindings = [
    ...(position ? ["@group(0) @binding(1) var<storage, read> position: array<u32>;"] : []),
    `@group(0) @binding(${position ? 2 : 1}) var<storage, read_write> dx: array<E>;`,
  ];
  return plainCall({
    op,
    detail: describe(g),
    shader: gradientShader,
    threads: dx.size / width,
    inputs: position ? [dy, position] : [dy],
    outputs: [dx],
    aliases: { E: wgslType("f32", width) },
    constants: { ...constantsOf(g, width), PICK: position !== undefined },
    inserts: { bindings: bindings.join("\n") },
    flops: dy.size * g.windowH * g.windowW,
  });
}

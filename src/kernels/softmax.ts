import shader from "../../shaders/softmax.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { helpersBesideF } from "./elementwise.ts";
import { wgslType } from "./expression.ts";
import { plainCall } from "./plain.ts";

export type SoftmaxKind = "softmax" | "logSoftmax" | "logsumexp";

/** Along the middle axis of x: [outer, length, inner]. y: as x, or [outer, inner] for logsumexp. */
export function softmaxCall(
  kind: SoftmaxKind,
  x: Value,
  length: number,
  inner: number,
  y: Value,
): Call {
  const width = inner % 4 === 0 ? 4 : 1;
  const helpers = helpersBesideF(shader, width);
  return plainCall({
    op: kind,
    detail: `${x.size / length / inner}×(${length})×${inner}`,
    shader,
    threads: x.size / length / width,
    inputs: [x],
    outputs: [y],
    aliases: { F: wgslType("f32", width) },
    inserts: { helpers },
    constants: {
      LENGTH: length,
      INNER: inner / width,
      TOTAL: kind === "logsumexp",
      LOGARITHM: kind === "logSoftmax",
    },
    flops: 5 * x.size,
  });
}

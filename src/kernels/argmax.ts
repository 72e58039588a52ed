import shader from "../../shaders/argmax.wgsl";
import type { Call } from "../gpu/call.ts";
import { Value } from "../gpu/value.ts";
import { plainCall } from "./plain.ts";
import { MOST_TURNS } from "./turns.ts";

/** Below this many lines, long ones are cut into chunks of at least this many elements. */
const BUSY_LINES = 512;
const SHORTEST_CHUNK = 64;

/** Chunks that a line is cut into: as many as keep a device busy, and none too long for a thread. */
function chooseSplits(lines: number, length: number): number {
  const busy = Math.min(Math.ceil(BUSY_LINES / lines), Math.floor(length / SHORTEST_CHUNK));
  return Math.max(busy, Math.ceil(length / MOST_TURNS));
}

/**
 * Position of the first largest element along the middle axis of x: [outer, length, inner].
 *
 * @param y u32 [outer, inner]
 * @param splits chunks that a line is cut into; default by its length
 */
export function argmaxCalls(
  op: string,
  x: Value,
  length: number,
  inner: number,
  y: Value,
  splits = chooseSplits(y.size, length),
): Call[] {
  const lines = y.size;
  const chunk = Math.ceil(length / Math.max(1, splits));
  const chunks = Math.ceil(length / chunk);
  const pass = (found: Value | undefined, result: Value, threads: number): Call => {
    const bindings = [
      ...(found ? ["@group(0) @binding(1) var<storage, read> found: array<u32>;"] : []),
      `@group(0) @binding(${found ? 2 : 1}) var<storage, read_write> y: array<u32>;`,
    ];
    return plainCall({
      op,
      detail: `${lines / inner}×(${length})×${inner}${result === y ? "" : " partial"}`,
      shader,
      threads,
      inputs: found ? [x, found] : [x],
      outputs: [result],
      constants: {
        LINES: lines,
        LENGTH: found ? chunks : length,
        CHUNK: found ? chunks : chunk,
        INNER: inner,
        AXIS: length,
        COMBINE: found !== undefined,
      },
      inserts: { bindings: bindings.join("\n") },
      flops: found ? lines * chunks : x.size,
    });
  };
  if (chunks === 1) return [pass(undefined, y, lines)];
  const found = new Value(y.device, "u32", chunks * lines, `${op} partial`);
  return [pass(undefined, found, chunks * lines), pass(found, y, lines)];
}

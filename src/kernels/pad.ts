import shader from "../../shaders/pad.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { wgslType } from "./expression.ts";
import { plainCall } from "./plain.ts";

/**
 * Puts x into a larger array of zeros.
 *
 * @param shape of x; no length may be 0
 * @param begin where x's first element comes, in each axis
 * @param outShape at least begin + shape in each axis
 */
export function padCall(
  op: string,
  x: Value,
  shape: readonly number[],
  begin: readonly number[],
  y: Value,
  outShape: readonly number[],
): Call {
  const axes = mergeUnpadded(shape, begin, outShape);
  const inner = axes.at(-1);
  const wide = inner && [inner.from, inner.to, inner.begin].every((n) => n % 4 === 0);
  if (wide) {
    inner.from /= 4;
    inner.to /= 4;
    inner.begin /= 4;
  }
  return plainCall({
    op,
    detail: `${shape.join("×")}→${outShape.join("×")}`,
    shader,
    threads: y.size / (wide ? 4 : 1),
    inputs: [x],
    outputs: [y],
    aliases: { E: wgslType(x.dtype, wide ? 4 : 1) },
    inserts: { coordinates: coordinates(axes).join("\n  ") },
  });
}

interface PaddedAxis {
  from: number;
  to: number;
  begin: number;
}

/** Unpadded axes joined with the padded one before them: fewer coordinates, wider rows. */
function mergeUnpadded(
  shape: readonly number[],
  begin: readonly number[],
  outShape: readonly number[],
): PaddedAxis[] {
  const axes: PaddedAxis[] = [];
  for (const [a, n] of shape.entries()) {
    const to = outShape[a] as number;
    const before = axes.at(-1);
    if (before && to === n) {
      before.from *= n;
      before.to *= n;
      before.begin *= n;
    } else axes.push({ from: n, to, begin: begin[a] as number });
  }
  return axes;
}

/** Unsigned differences wrap, so one comparison tests both bounds. */
function coordinates(axes: readonly PaddedAxis[]): string[] {
  const lines: string[] = [];
  let step = 1;
  let stride = 1;
  for (const [a, axis] of [...axes.entries()].reverse()) {
    const quotient = step === 1 ? "thread" : `(thread / ${step}u)`;
    lines.push(
      `let c${a} = ${a === 0 ? quotient : `${quotient} % ${axis.to}u`} - ${axis.begin}u;`,
      `inside = inside && c${a} < ${axis.from}u;`,
      `at += c${a} * ${stride}u;`,
    );
    step *= axis.to;
    stride *= axis.from;
  }
  return lines;
}

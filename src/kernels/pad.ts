import shader from "../../shaders/pad.wgsl";
import { type Call, foldWorkgroups } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { wgslType } from "./expression.ts";
import { specialise } from "./specialise.ts";
import { sizeOf } from "./view.ts";

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
  return {
    op,
    inputs: [x],
    outputs: [y],
    updates: [],
    kernel: () => {
      const axes = mergeUnpadded(shape, begin, outShape);
      const inner = axes.at(-1);
      const width =
        inner && inner.from % 4 === 0 && inner.to % 4 === 0 && inner.begin % 4 === 0 ? 4 : 1;
      if (inner && width === 4) {
        inner.from /= 4;
        inner.to /= 4;
        inner.begin /= 4;
      }
      const elements = y.size / width;
      const workgroups = foldWorkgroups(Math.ceil(elements / 64));
      return {
        name: `${op} ${shape.join("×")}→${outShape.join("×")}`,
        code: specialise(shader, {
          op,
          aliases: { E: wgslType(x.dtype, width) },
          constants: {
            GROUPS_X: workgroups[0],
            GROUPS_XY: workgroups[0] * workgroups[1],
            ELEMENTS: elements,
          },
          inserts: { coordinates: coordinates(axes).join("\n  ") },
        }),
        workgroups,
        flops: 0,
        bytes: x.bytes + sizeOf(outShape) * 4,
      };
    },
  };
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
    const quotient = step === 1 ? "i" : `(i / ${step}u)`;
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

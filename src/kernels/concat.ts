import shader from "../../shaders/concat.wgsl";
import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { wgslType } from "./expression.ts";
import { plainCall } from "./plain.ts";

/** WebGPU's default limit of storage buffers, but one for the result. */
export const MOST_CONCATENATED = 7;

/**
 * Joins rows: input k is [rows, lengths[k]], y is [rows, Σ lengths].
 *
 * @param inputs at most MOST_CONCATENATED, of y's type
 */
export function concatCall(
  op: string,
  inputs: readonly Value[],
  lengths: readonly number[],
  y: Value,
): Call {
  const width = lengths.every((n) => n % 4 === 0) ? 4 : 1;
  const units = lengths.map((n) => n / width);
  const total = units.reduce((a, b) => a + b, 0);
  const type = wgslType(y.dtype, width);
  const bindings = inputs.map(
    (_, k) => `@group(0) @binding(${k}) var<storage, read> in${k}: array<${type}>;`,
  );
  bindings.push(`@group(0) @binding(${inputs.length}) var<storage, read_write> y: array<${type}>;`);
  let start = 0;
  const branches = units.map((n, k) => {
    const at = start === 0 ? "column" : `column - ${start}u`;
    start += n;
    const last = k === units.length - 1;
    const head = last ? "{" : `if (column < ${start}u) {`;
    return `${head}\n    y[thread] = in${k}[row * ${n}u + ${at}];\n  }`;
  });
  return plainCall({
    op,
    detail: `${y.size / width / total}×(${lengths.join("+")})`,
    shader,
    threads: y.size / width,
    inputs,
    outputs: [y],
    aliases: { E: type },
    constants: { LENGTH: total },
    inserts: { bindings: bindings.join("\n"), copy: branches.join(" else ") },
  });
}

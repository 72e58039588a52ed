import gatherShader from "../../shaders/gather.wgsl";
import bytesShader from "../../shaders/gather_bytes.wgsl";
import oneHotShader from "../../shaders/one_hot.wgsl";
import scatterShader from "../../shaders/scatter_add.wgsl";
import type { Call } from "../gpu/call.ts";
import { Value } from "../gpu/value.ts";
import { wgslType } from "./expression.ts";
import { sumPartials } from "./partials.ts";
import { plainCall } from "./plain.ts";
import { MOST_TURNS } from "./turns.ts";

/** Which rows of a larger table a part of it answers for; the rows of other parts are 0. */
export interface RowRange {
  /** Number of the part's first row. */
  readonly first: number;
  /** The last number that is looked up in the part; beyond its last row it reads that row. */
  readonly last: number;
}

/**
 * y[i, :] = table[indices[i], :].
 *
 * @param table [rows, length]; bytes become floats times `scale`
 * @param y [count, length], of the table's type; f32 for bytes
 * @param part the table is a part of a larger one
 */
export function gatherCall(
  op: string,
  table: Value,
  rows: number,
  length: number,
  indices: Value,
  y: Value,
  scale: number,
  part?: RowRange,
): Call {
  const bytes = table.dtype === "u8";
  const wide = length % 4 === 0;
  return plainCall({
    op,
    detail: `${rows}×${length}→${indices.size}×${length}`,
    shader: bytes ? bytesShader : gatherShader,
    threads: y.size / (wide ? 4 : 1),
    inputs: [table, indices],
    loads: [y.size, indices.size],
    outputs: [y],
    aliases: { E: wgslType(y.dtype, wide ? 4 : 1) },
    constants: {
      ROWS: rows,
      LENGTH: length / (wide ? 4 : 1),
      ...(bytes ? { WIDE: wide, SCALE: scale } : {}),
      ...(part ? { PART: true, FIRST: part.first, LAST: part.last } : {}),
    },
    bytes: indices.bytes + y.bytes + (bytes ? y.size : y.bytes),
  });
}

/**
 * y[r, :] = Σ x[i, :] over the i with indices[i] = r. Many indices are cut into chunks, whose sums are
 * added up. x: [count, length], y: [rows, length]
 */
export function scatterAddCalls(
  op: string,
  x: Value,
  indices: Value,
  length: number,
  y: Value,
): Call[] {
  const width = length % 4 === 0 ? 4 : 1;
  const chunks = Math.ceil(indices.size / MOST_TURNS);
  const sums = chunks === 1 ? y : new Value(y.device, "f32", chunks * y.size, `${op} partial`);
  const call = plainCall({
    op,
    detail: `${indices.size}×${length}→${y.size / length}×${length}`,
    shader: scatterShader,
    threads: sums.size / width,
    inputs: [x, indices],
    outputs: [sums],
    aliases: { E: wgslType("f32", width) },
    constants: {
      COUNT: indices.size,
      CHUNK: Math.ceil(indices.size / chunks),
      ROWS: y.size / length,
      LENGTH: length / width,
    },
    flops: x.size,
  });
  return chunks === 1 ? [call] : [call, ...sumPartials(op, sums, chunks, y)];
}

/** y[i, c] = 1 where c = indices[i], else 0. y: [count, classes] */
export function oneHotCall(op: string, indices: Value, classes: number, y: Value): Call {
  return plainCall({
    op,
    detail: `${indices.size}×${classes}`,
    shader: oneHotShader,
    threads: y.size,
    inputs: [indices],
    outputs: [y],
    constants: { CLASSES: classes },
  });
}

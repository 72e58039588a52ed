import shader from "../../shaders/matmul_subgroups.wgsl";
import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import type { Value } from "../gpu/value.ts";
import { bytesOf, callWithEpilogue, gridConstants, writeEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./facets.ts";
import type { MatmulGeometry } from "./matmul.ts";
import { specialise } from "./specialise.ts";
import { chooseTile, type Tile, tileBudget } from "./tiles.ts";

/** Threads of a workgroup, which lie side by side along C's rows. */
const ACROSS = 64;

/** matmul_subgroups.wgsl for one shape and tile. */
export interface SubgroupsKernel {
  readonly shader: string;
  readonly aliases: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, number | boolean>>;
  /** Elements that it loads at once of A and B, by their names in the shader. */
  readonly widths: { readonly a: 1 | 4; readonly b: 1 | 4 };
  /** Elements of C that it stores at once. */
  readonly storeWidth: 1 | 4;
  readonly workgroups: number;
}

const widthFor = (length: number): 1 | 4 => (length % 4 === 0 ? 4 : 1);
const typeFor = (width: 1 | 4): string => (width === 4 ? "vec4f" : "f32");

/** By fours where that leaves no thread of a workgroup without a column. */
function storeWidthFor(g: MatmulGeometry): 1 | 4 {
  return g.n >= 4 * ACROSS ? widthFor(g.n) : 1;
}

/** Whether a load of A gives four elements of a column of C. */
function readsRowsByFours(g: MatmulGeometry): boolean {
  return g.transposeA && widthFor(g.m) === 4;
}

/** The tile of a thread that suits a shape. */
export function subgroupsTile(device: Device, g: MatmulGeometry): Tile {
  const width = storeWidthFor(g);
  const budget = tileBudget(device);
  return chooseTile(
    { ...budget, accumulators: Math.min(64, budget.accumulators) },
    g.m,
    // Whole workgroups, so that threads without a column count.
    Math.ceil(g.n / (width * ACROSS)) * width * ACROSS,
    readsRowsByFours(g) ? [8, 4] : [8, 4, 2, 1],
    [2 * width, width],
    g.batch,
  );
}

/**
 * @param tile of a thread, in elements of C; the width a multiple of 4 where `storeWidth` is 4, the
 *   height where A is transposed and its rows are multiples of 4
 */
export function subgroupsKernel(g: MatmulGeometry, tile: Tile): SubgroupsKernel {
  const block = widthFor(g.k);
  const storeWidth = storeWidthFor(g);
  const widths = {
    a: g.transposeA ? widthFor(g.m) : block,
    b: g.transposeB ? block : storeWidth,
  } as const;
  if (tile.cols % storeWidth !== 0 || (readsRowsByFours(g) && tile.rows % 4 !== 0))
    throw new GpuValidationError("matmul", `no tile ${tile.rows}×${tile.cols} of subgroups here`);
  return {
    shader,
    aliases: {
      AX: typeFor(widths.a),
      BX: typeFor(widths.b),
      X: typeFor(block),
      F: typeFor(storeWidth),
    },
    constants: {
      TRANSPOSE_A: g.transposeA,
      TRANSPOSE_B: g.transposeB,
      BATCH: g.batch,
      A_STRIDE: g.sharedA ? 0 : g.m * g.k,
      B_STRIDE: g.sharedB ? 0 : g.k * g.n,
      M: g.m,
      N: g.n,
      K: g.k,
      ROWS: tile.rows,
      COLS: tile.cols / storeWidth,
      A_WIDTH: widths.a,
      B_WIDTH: widths.b,
      BLOCK: block,
      F_WIDTH: storeWidth,
    },
    widths,
    storeWidth,
    workgroups: g.batch * Math.ceil(g.m / tile.rows) * Math.ceil(g.n / (tile.cols * ACROSS)),
  };
}

/**
 * A matrix product whose threads share their loads by shuffles within subgroups of whatever size.
 * Runs on devices with `has.subgroups`.
 *
 * @param a [batch, m, k], or [batch, k, m] transposed; without a batch where it is shared
 * @param b [batch, k, n], or [batch, n, k] transposed; likewise
 * @param c [batch, m, n]
 */
export function matmulSubgroupsCall(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  epilogue?: Epilogue,
  tile = subgroupsTile(c.device, g),
): Call {
  const kernel = subgroupsKernel(g, tile);
  const { storeWidth } = kernel;
  const source = (inputs: readonly Value[]): KernelSource => {
    const workgroups = foldWorkgroups(kernel.workgroups);
    return {
      name: `${op} ${g.batch}×${g.m}×${g.k}×${g.n} subgroups`,
      code: specialise(writeEpilogue(kernel.shader, epilogue, storeWidth, 2).text, {
        op,
        sizeBound: tileBudget(c.device).characters,
        aliases: kernel.aliases,
        constants: { ...kernel.constants, ...gridConstants(workgroups) },
      }),
      workgroups,
      flops: 2 * g.batch * g.m * g.n * g.k,
      bytes: bytesOf(inputs) + c.bytes,
    };
  };
  return callWithEpilogue({
    op,
    inputs: [a, b],
    result: c,
    width: storeWidth,
    epilogue,
    again: (e) => matmulSubgroupsCall(op, a, b, g, c, e, tile),
    source,
  });
}

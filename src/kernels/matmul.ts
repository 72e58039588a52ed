import shader from "../../shaders/matmul.wgsl";
import tiledShader from "../../shaders/matmul_tiled.wgsl";
import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import { Value } from "../gpu/value.ts";
import { bytesOf, callWithEpilogue, gridConstants, writeEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./facets.ts";
import { sumPartials } from "./partials.ts";
import { specialise } from "./specialise.ts";
import { prefersTextures, readTextures } from "./textures.ts";
import { chooseTile, tileBudget } from "./tiles.ts";

const WORKGROUP = 64;
/** Edge of the square tile of matmul_tiled.wgsl. */
const TILE = 64;

/** Shapes of a batched product C[b] = op(A[b]) · op(B[b]), C: [batch, m, n], summed length k. */
export interface MatmulGeometry {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** A is stored [k, m] instead of [m, k]. */
  readonly transposeA: boolean;
  /** B is stored [n, k] instead of [k, n]. */
  readonly transposeB: boolean;
  /** One matrix A serves the whole batch. */
  readonly sharedA?: boolean;
  readonly sharedB?: boolean;
}

export type MatmulVariant = "registers" | "tiled";

function describe(g: MatmulGeometry): string {
  const batch = g.batch > 1 ? `${g.batch}×` : "";
  return `${batch}${g.m}×${g.k}×${g.n}${g.transposeA ? " Aᵀ" : ""}${g.transposeB ? " Bᵀ" : ""}`;
}

/**
 * The calls of a matrix product.
 *
 * @param variant default: workgroup-memory tiles for large products on GPUs, else register tiles
 */
export function matmulCalls(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  variant?: MatmulVariant,
): Call[] {
  const large = g.m >= TILE && g.n >= TILE && g.k >= 32;
  const chosen = variant ?? (c.device.isSoftware || !large ? "registers" : "tiled");
  return chosen === "tiled" ? [tiledCall(op, a, b, g, c)] : registerCalls(op, a, b, g, c);
}

function registerCalls(op: string, a: Value, b: Value, g: MatmulGeometry, c: Value): Call[] {
  const block = g.k % 4 === 0 ? 4 : 1;
  // Width of a load: along the contiguous axis, which is m or k for A and k or n for B.
  const aWidth = (g.transposeA ? g.m : g.k) % 4 === 0 ? 4 : 1;
  const bWidth = (g.transposeB ? g.k : g.n) % 4 === 0 ? 4 : 1;
  const fWidth = g.n % 4 === 0 ? 4 : 1;
  const rowsInFours = g.transposeA && aWidth === 4;
  const colsInFours = fWidth === 4;
  const budget = tileBudget(c.device);
  const small = { ...budget, accumulators: Math.min(64, budget.accumulators) };
  const tile = chooseTile(
    small,
    g.m,
    g.n,
    rowsInFours ? [8, 4] : [8, 4, 2, 1],
    colsInFours ? [8, 4] : [8, 4, 2, 1],
    g.batch,
  );
  const tiles = g.batch * Math.ceil(g.m / tile.rows) * Math.ceil(g.n / tile.cols);
  const splits = Math.max(
    1,
    Math.min(Math.floor(g.k / 128), Math.floor((2 * budget.threads) / tiles), 64),
  );
  const result = splits === 1 ? c : new Value(c.device, "f32", splits * c.size, `${op} partial`);
  const widths = { a: aWidth, b: bWidth } as const;
  const textures = prefersTextures(c.device, [a, b], widths);
  const text = textures ? readTextures(op, shader, c.device.textures.reads, widths) : shader;
  const product = (epilogue?: Epilogue): Call => {
    const source = (inputs: readonly Value[]): KernelSource => {
      const workgroups = foldWorkgroups(Math.ceil((tiles * splits) / WORKGROUP));
      const written = writeEpilogue(text, epilogue, fWidth, 2);
      return {
        name: `${op} ${describe(g)}`,
        code: specialise(written.text, {
          op,
          sizeBound: tileBudget(c.device).characters,
          aliases: {
            AX: aWidth === 4 ? "vec4f" : "f32",
            BX: bWidth === 4 ? "vec4f" : "f32",
            F: fWidth === 4 ? "vec4f" : "f32",
          },
          constants: {
            ...gridConstants(workgroups),
            TRANSPOSE_A: g.transposeA,
            TRANSPOSE_B: g.transposeB,
            BATCH: g.batch,
            A_STRIDE: g.sharedA ? 0 : g.m * g.k,
            B_STRIDE: g.sharedB ? 0 : g.k * g.n,
            M: g.m,
            N: g.n,
            K: g.k,
            ROWS: tile.rows,
            COLS: tile.cols,
            BLOCK: block,
            A_WIDTH: aWidth,
            B_WIDTH: bWidth,
            F_WIDTH: fWidth,
            SPLITS: splits,
          },
        }),
        workgroups,
        flops: 2 * g.batch * g.m * g.n * g.k,
        bytes: bytesOf(inputs) + result.bytes,
      };
    };
    const again = splits === 1 ? product : undefined;
    return callWithEpilogue({
      op,
      inputs: [a, b],
      result,
      width: fWidth,
      epilogue,
      again,
      source,
      textures,
    });
  };
  return splits === 1 ? [product()] : [product(), ...sumPartials(op, result, splits, c)];
}

function tiledCall(
  op: string,
  a: Value,
  b: Value,
  g: MatmulGeometry,
  c: Value,
  epilogue?: Epilogue,
): Call {
  const fWidth = g.n % 4 === 0 ? 4 : 1;
  const source = (inputs: readonly Value[]): KernelSource => {
    const groups = g.batch * Math.ceil(g.m / TILE) * Math.ceil(g.n / TILE);
    const workgroups = foldWorkgroups(groups);
    const written = writeEpilogue(tiledShader, epilogue, fWidth, 2);
    return {
      name: `${op} ${describe(g)} tiled`,
      code: specialise(written.text, {
        op,
        sizeBound: tileBudget(c.device).characters,
        aliases: { F: fWidth === 4 ? "vec4f" : "f32" },
        constants: {
          ...gridConstants(workgroups),
          TRANSPOSE_A: g.transposeA,
          TRANSPOSE_B: g.transposeB,
          BATCH: g.batch,
          A_STRIDE: g.sharedA ? 0 : g.m * g.k,
          B_STRIDE: g.sharedB ? 0 : g.k * g.n,
          M: g.m,
          N: g.n,
          K: g.k,
          F_WIDTH: fWidth,
        },
      }),
      workgroups,
      flops: 2 * g.batch * g.m * g.n * g.k,
      bytes: bytesOf(inputs) + c.bytes,
    };
  };
  const again = (e: Epilogue) => tiledCall(op, a, b, g, c, e);
  return callWithEpilogue({
    op,
    inputs: [a, b],
    result: c,
    width: fWidth,
    epilogue,
    again,
    source,
  });
}

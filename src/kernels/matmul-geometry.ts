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

/**
 * Constants that all its shaders have.
 *
 * @param storeWidth elements of C that are stored at once
 */
export function geometryConstants(
  g: MatmulGeometry,
  storeWidth: 1 | 4,
): Record<string, number | boolean> {
  return {
    TRANSPOSE_A: g.transposeA,
    TRANSPOSE_B: g.transposeB,
    BATCH: g.batch,
    A_STRIDE: g.sharedA ? 0 : g.m * g.k,
    B_STRIDE: g.sharedB ? 0 : g.k * g.n,
    M: g.m,
    N: g.n,
    K: g.k,
    F_WIDTH: storeWidth,
  };
}

/** Multiply-adds, twice. */
export const flopsOf = (g: MatmulGeometry): number => 2 * g.batch * g.m * g.n * g.k;

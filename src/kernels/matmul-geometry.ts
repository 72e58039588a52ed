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

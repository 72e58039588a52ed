/** Eigenvalues and eigenvectors of a symmetric matrix, in float64. */
export interface Eigen {
  /** [n], in no particular order. */
  readonly values: Float64Array;
  /** [n, n]; column k belongs to value k. */
  readonly vectors: Float64Array;
}

const SWEEPS = 60;

/**
 * Jacobi's method with cyclic sweeps (Golub and Van Loan, Matrix Computations, section 8.5): slow for
 * thousands of rows, simple and accurate for hundreds.
 *
 * @param matrix [n, n], symmetric; only read
 */
export function eigenSymmetric(matrix: Float64Array, n: number): Eigen {
  const a = Float64Array.from(matrix);
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  let size = 0;
  for (const x of a) size = Math.max(size, Math.abs(x));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) off = Math.max(off, Math.abs(a[p * n + q]!));
    if (off <= 1e-15 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}

/** Makes the elements (p, q) and (q, p) zero by a rotation in their plane. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q]!;
  if (apq === 0) return;
  const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k++) {
    const [kp, kq] = [a[k * n + p]!, a[k * n + q]!];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k++) {
    const [pk, qk] = [a[p * n + k]!, a[q * n + k]!];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const [vp, vq] = [vectors[k * n + p]!, vectors[k * n + q]!];
    vectors[k * n + p] = c * vp - s * vq;
    vectors[k * n + q] = s * vp + c * vq;
  }
}

/** The root of a symmetric matrix without negative eigenvalues; small negative ones count as 0. */
export function rootSymmetric(matrix: Float64Array, n: number): Float64Array {
  const { values, vectors } = eigenSymmetric(matrix, n);
  const root = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    const value = Math.sqrt(Math.max(0, values[k]!));
    if (value === 0) continue;
    for (let i = 0; i < n; i++) {
      const scaled = value * vectors[i * n + k]!;
      for (let j = 0; j < n; j++) root[i * n + j]! += scaled * vectors[j * n + k]!;
    }
  }
  return root;
}

/** L with L·Lᵀ = a + floor·I, lower triangular. Pivots stay positive, whatever rounding does. */
export function cholesky(a: Float64Array, d: number, floor = 0): Float64Array {
  const l = new Float64Array(d * d);
  for (let row = 0; row < d; row++)
    for (let col = 0; col <= row; col++) {
      let rest = a[row * d + col]! + (row === col ? floor : 0);
      for (let i = 0; i < col; i++) rest -= l[row * d + i]! * l[col * d + i]!;
      l[row * d + col] =
        row === col ? Math.sqrt(Math.max(rest, floor, 1e-300)) : rest / l[col * d + col]!;
    }
  return l;
}

/** [n, n] · [n, n] */
export function multiply(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < n; j++) result[i * n + j]! += factor * b[k * n + j]!;
    }
  return result;
}

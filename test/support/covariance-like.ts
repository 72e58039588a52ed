import { multiply } from "../../src/math/symmetric.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";

/** A symmetric matrix without negative eigenvalues, [n, n]. */
export function covarianceLike(n: number, seed: number): Float64Array {
  const factor = Float64Array.from(new HostRandom(seed).normal(n * n));
  const transposed = Float64Array.from(factor, (_, i) => factor[(i % n) * n + Math.floor(i / n)]!);
  return multiply(factor, transposed, n);
}

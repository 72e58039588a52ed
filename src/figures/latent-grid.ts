/**
 * Quantile function of the standard normal distribution, by bisection on its distribution function.
 *
 * @param p probability in (0, 1)
 */
export function normalQuantile(p: number): number {
  let low = -9;
  let high = 9;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Distribution function of N(0, 1): Zelen and Severo's polynomial, error below 7.5e-8. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const polynomial =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
  return x >= 0 ? 1 - tail : tail;
}

/**
 * Latent points of a manifold figure: a size × size grid over the first two dimensions, at quantiles
 * of the prior, so that every cell stands for the same probability; the rest are 0.
 *
 * @returns [size², latent], rows from the top (second dimension high) to the bottom
 */
export function latentGrid(size: number, latent: number): Float32Array<ArrayBuffer> {
  const z = new Float32Array(size * size * latent);
  const at = (i: number): number => normalQuantile((i + 0.5) / size);
  for (let row = 0; row < size; row++)
    for (let col = 0; col < size; col++) {
      const point = (row * size + col) * latent;
      z[point] = at(col);
      if (latent > 1) z[point + 1] = at(size - 1 - row);
    }
  return z;
}

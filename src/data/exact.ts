/**
 * Functions made of + − × ÷ and rounding down only. IEEE 754 rounds these exactly, while the last bits
 * of `Math.sin` or `Math.pow` may differ between runtimes: what is computed with the functions here has
 * the same bits everywhere.
 */

/** Sine of an angle in turns, within 1e-13 for up to some thousand turns. */
export function sinTurns(turns: number): number {
  let t = turns - Math.floor(turns + 0.5);
  // sin(π − x) = sin x brings the angle into a quarter turn to either side.
  if (t > 0.25) t = 0.5 - t;
  else if (t < -0.25) t = -0.5 - t;
  const x = 2 * Math.PI * t;
  const square = x * x;
  // Taylor's series up to x¹⁷; the next term is below 5e-14.
  let sum = 1;
  for (let k = 16; k > 0; k -= 2) sum = 1 - (square * sum) / (k * (k + 1));
  return x * sum;
}

/** Cosine of an angle in turns. */
export function cosTurns(turns: number): number {
  return sinTurns(turns + 0.25);
}

/** 2 to the power x, within a few units of the last place, where that is a normal number. */
export function exp2(x: number): number {
  const whole = Math.floor(x + 0.5);
  const y = Math.LN2 * (x - whole);
  // Taylor's series up to y¹³, as |y| ≤ ln 2 / 2.
  let sum = 1;
  for (let k = 13; k > 0; k--) sum = 1 + (y * sum) / k;
  const base = whole < 0 ? 0.5 : 2;
  for (let k = Math.abs(whole); k > 0; k--) sum *= base;
  return sum;
}

/** 10 to the power x. */
export function exp10(x: number): number {
  return exp2(3.321928094887362 * x);
}

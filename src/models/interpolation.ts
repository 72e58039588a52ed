/** A point between a (t = 0) and b (t = 1). */
export type Interpolation = (a: Float64Array, b: Float64Array, t: number) => Float64Array;

/** On a straight line, or on the arc of a great circle, as suits codes that are far from 0. */
export type InterpolationMethod = "lerp" | "slerp";

/** Below this sine the angle between two vectors decides nothing. */
const PARALLEL = 1e-6;

/** The straight line: (1 − t)·a + t·b. */
export function lerp(a: Float64Array, b: Float64Array, t: number): Float64Array {
  return weighted(a, 1 - t, b, t);
}

/**
 * Along the arc between the directions of a and b (Shoemake 1985; White 2016 for latent codes):
 * sin((1 − t)·Ω)/sin Ω · a + sin(t·Ω)/sin Ω · b, Ω the angle between them. Draws from a wide prior have
 * nearly one length, and so has what lies on the arc, but not what lies on the line. Vectors that are
 * nearly parallel or opposite, or 0, have no arc: then it is `lerp`.
 */
export function slerp(a: Float64Array, b: Float64Array, t: number): Float64Array {
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  if (!(lengths > 0)) return lerp(a, b, t);
  const omega = Math.acos(Math.max(-1, Math.min(1, dot(a, b) / lengths)));
  const sine = Math.sin(omega);
  if (sine < PARALLEL) return lerp(a, b, t);
  return weighted(a, Math.sin((1 - t) * omega) / sine, b, Math.sin(t * omega) / sine);
}

export const interpolations: Readonly<Record<InterpolationMethod, Interpolation>> = {
  lerp,
  slerp,
};

function weighted(a: Float64Array, u: number, b: Float64Array, v: number): Float64Array {
  return a.map((value, i) => u * value + v * b[i]!);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/**
 * @param codes [rows, 2, latent]: where each row begins and ends
 * @returns [rows, steps, latent]
 */
export function interpolationRows(
  codes: Float32Array,
  {
    rows,
    steps,
    latent,
  }: { readonly rows: number; readonly steps: number; readonly latent: number },
  method: InterpolationMethod,
): Float32Array {
  const between = interpolations[method];
  const z = new Float32Array(rows * steps * latent);
  for (let row = 0; row < rows; row++) {
    const at = (end: number) => {
      const start = (2 * row + end) * latent;
      return Float64Array.from(codes.subarray(start, start + latent));
    };
    const [a, b] = [at(0), at(1)];
    for (let i = 0; i < steps; i++)
      z.set(between(a, b, i / (steps - 1)), (row * steps + i) * latent);
  }
  return z;
}

import { checkFunction, checkOptions } from "../gpu/arguments.ts";
import { LatentgradError } from "../gpu/errors.ts";
import { checkTensors, eachOf, tensorFrom } from "../tensor/arguments.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import { formatShape, type Tensor } from "../tensor/tensor.ts";
import { add, mul } from "./ops/elementwise.ts";
import { sum } from "./ops/sum.ts";
import { grad, track } from "./tape.ts";

/** How derivatives are compared with finite differences. */
export interface CheckOptions {
  /** Step of the differences, relative to the root mean square of the input; default 0.02. */
  readonly epsilon?: number;
  /** Permitted error, relative to the derivative; default 2e-3. */
  readonly tolerance?: number;
  /** Check derivatives of derivatives too. */
  readonly second?: boolean;
  /** Random directions tried for each input; default 2. */
  readonly directions?: number;
  readonly seed?: number;
}

/** What was found for one input along one direction. */
export interface DirectionCheck {
  readonly input: number;
  /** By reverse mode. */
  readonly derivative: number;
  /** By finite differences. */
  readonly difference: number;
  readonly permitted: number;
}

type Point = readonly Float32Array<ArrayBuffer>[];

/**
 * Compares reverse mode with central finite differences. The outputs are projected on random
 * weights, the inputs are moved along random directions, and two steps are combined (Richardson's
 * extrapolation), so that the steps may be large: float32 leaves few digits of small ones.
 *
 * @param fn differentiable at the inputs and a step around them: keep away from kinks
 * @param inputs f32
 * @returns what was compared
 * @throws LatentgradError naming the input whose derivative is wrong
 */
export async function checkGradients(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: CheckOptions = {},
): Promise<DirectionCheck[]> {
  const op = "checkGradients";
  checkFunction(op, "fn", fn, "a function of tensors");
  const device = checkTensors(op, eachOf(op, "inputs", inputs, ["f32"]));
  checkOptions(op, options, {
    epsilon: "number?",
    tolerance: "number?",
    second: "boolean?",
    directions: "number?",
    seed: "number?",
  });
  const random = generator(options.seed ?? 1);
  const shapes = inputs.map((t) => t.shape);
  const point: Point = await Promise.all(inputs.map((t) => t.data()));
  const place = (at: Point): Tensor[] =>
    at.map((data, i) => track(tensor(device, data, shapes[i] as number[])));
  const like = (t: Tensor) => tensor(device, randomVector(random, t.size), t.shape);

  const leaves = place(point);
  const output = tensorFrom(op, "fn", fn(...leaves));
  const weights = like(output);
  const w = await weights.data();
  const found: DirectionCheck[] = [];

  // First derivatives: of Σ w·fn.
  const first = grad(output, leaves, { dy: weights, allowUnused: true });
  const value = (at: Point) =>
    scope(device, () => fn(...place(at)))
      .data()
      .then((y) => dot(y, w));
  found.push(...(await compare("derivative", value, first, shapes, point, random, options)));

  // Second derivatives: of Σ v·(first derivatives).
  if (options.second) {
    const again = fn(...leaves);
    const graph = grad(again, leaves, { dy: weights, allowUnused: true, createGraph: true });
    const used = graph.flatMap((g, i) => (g ? [{ g, i, v: like(g) }] : []));
    const v = await Promise.all(used.map((u) => u.v.data()));
    const second = leaves.map(() => undefined as Tensor | undefined);
    for (const { g, v: direction } of used) {
      if (!g.tracked) continue; // linear: its derivative is zero
      const share = grad(sum(mul(g, direction)), leaves, { allowUnused: true });
      for (const [i, s] of share.entries())
        if (s) second[i] = second[i] ? add(second[i] as Tensor, s) : s;
    }
    const slope = (at: Point) => {
      const moved = scope(device, () => {
        const here = place(at);
        const all = grad(fn(...here), here, { dy: weights, allowUnused: true });
        return used.map(({ i }) => all[i] as Tensor);
      });
      return Promise.all(
        moved.map((g, k) => g.data().then((data) => dot(data, v[k] ?? data))),
      ).then((parts) => parts.reduce((a, b) => a + b, 0));
    };
    found.push(
      ...(await compare("second derivative", slope, second, shapes, point, random, options)),
    );
  }
  return found;
}

async function compare(
  what: string,
  value: (at: Point) => Promise<number>,
  derivatives: readonly (Tensor | undefined)[],
  shapes: readonly (readonly number[])[],
  point: Point,
  random: () => number,
  options: CheckOptions,
): Promise<DirectionCheck[]> {
  const { epsilon = 0.02, tolerance = 2e-3, directions = 2 } = options;
  const along = async (i: number, g: Float32Array, direction: Float32Array) => {
    const x = point[i] as Float32Array;
    const step = epsilon * (Math.sqrt(dot(x, x) / x.length) || 1);
    const moved = (by: number): Point =>
      point.map((p, j) => (j === i ? p.map((xj, n) => xj + by * (direction[n] as number)) : p));
    const values = await Promise.all(
      [step, -step, 2 * step, -2 * step].map((h) => value(moved(h))),
    );
    const [plus, minus, far, back] = values as [number, number, number, number];
    const difference = (8 * (plus - minus) - (far - back)) / (12 * step);
    const derivative = dot(g, direction);
    const products = g.map((gn, n) => gn * (direction[n] as number));
    const noise = (2 ** -20 * Math.max(...values.map(Math.abs))) / step;
    const size = Math.sqrt(dot(products, products));
    const permitted = tolerance * (Math.abs(derivative) + size + 1e-3) + noise;
    if (!(Math.abs(difference - derivative) <= permitted))
      throw new LatentgradError(
        `${what} of input ${i} ${formatShape(shapes[i] ?? [])} is ${derivative} along a random direction, finite differences give ${difference} (± ${permitted})`,
      );
    return { input: i, derivative, difference, permitted };
  };
  // All at once: waiting for one read-back after another would take most of the time.
  const found = point.map(async (x, i) => {
    if (x.length === 0) return [];
    const moves = Array.from({ length: directions }, () => randomVector(random, x.length));
    const g = (await derivatives[i]?.data()) ?? new Float32Array(x.length);
    return Promise.all(moves.map((direction) => along(i, g, direction)));
  });
  return (await Promise.all(found)).flat();
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}

/** Numbers in [−1, 1) by a linear congruential generator: the same ones every time. */
function generator(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  };
}

function randomVector(random: () => number, length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, random);
}

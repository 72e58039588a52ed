/** Float64 references of tensors on the host: an array and its shape. */
import * as fc from "fast-check";
import * as assert from "uvu/assert";
import { tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "./device.ts";
import { numbers } from "./products.ts";

export interface Host {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Numbers in [−2, 2) that a float32 holds exactly. */
export function randomHost(shape: readonly number[], seed = 1): Host {
  return { shape, data: Float64Array.from(numbers(sizeOf(shape), seed), (x) => 2 * x) };
}

export async function upload(host: Host): Promise<Tensor> {
  return tensor(await testDevice(), Float32Array.from(host.data), host.shape);
}

/** The coordinates of element i, row-major. */
export function coordinates(shape: readonly number[], i: number): number[] {
  const c = new Array<number>(shape.length).fill(0);
  let rest = i;
  for (let a = shape.length - 1; a >= 0; a--) {
    c[a] = rest % shape[a]!;
    rest = Math.floor(rest / shape[a]!);
  }
  return c;
}

/** The number of the element at some coordinates; those along axes of length 1 are ignored. */
export function place(shape: readonly number[], c: readonly number[]): number {
  const lead = c.length - shape.length;
  return shape.reduce((at, n, a) => at * n + (n === 1 ? 0 : c[a + lead]!), 0);
}

/** A tensor computed element by element from its coordinates. */
export function build(shape: readonly number[], f: (c: number[]) => number): Host {
  return {
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => f(coordinates(shape, i))),
  };
}

/** Reduces over axes, which stay with length 1: `f` gets all elements that make a result. */
export function reduceHost(
  x: Host,
  axes: readonly number[],
  f: (elements: number[]) => number,
): Host {
  const shape = x.shape.map((n, a) => (axes.includes(a) ? 1 : n));
  const groups = Array.from({ length: sizeOf(shape) }, () => [] as number[]);
  for (const [i, value] of x.data.entries())
    groups[place(shape, coordinates(x.shape, i))]!.push(value);
  return { shape, data: Float64Array.from(groups, (elements) => f(elements)) };
}

/** Asserts that a tensor has a shape and numbers, within a tolerance relative to the largest. */
export async function assertClose(
  actual: Tensor<"f32" | "u32">,
  expected: Host,
  what = "",
  tolerance = 1e-5,
): Promise<void> {
  assert.equal([...actual.shape], [...expected.shape], `${what}: shape`);
  const data = await actual.data();
  const size = expected.data.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
  for (const [i, want] of expected.data.entries())
    if (!(Math.abs(data[i]! - want) <= tolerance * size))
      assert.unreachable(`${what}: element ${i} is ${data[i]}, not ${want}`);
}

/** Shapes of up to four axes with short, odd and one-element lengths; empty ones where allowed. */
export function shapes(options: { empty?: boolean; rank?: number } = {}): fc.Arbitrary<number[]> {
  const lengths = [1, 2, 3, 4, 5, 7, 8, 12];
  const length = fc.constantFrom(...(options.empty ? [0, ...lengths, ...lengths] : lengths));
  const rank = { minLength: options.rank ?? 1, maxLength: options.rank ?? 4 };
  return fc.array(length, rank).filter((shape) => sizeOf(shape) <= 4000);
}

/** A shape with some of its axes. */
export function shapeAndAxes(empty = false): fc.Arbitrary<{ shape: number[]; axes: number[] }> {
  return shapes({ empty }).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.subarray(
        shape.map((_, a) => a),
        { minLength: 1 },
      ),
    }),
  );
}

/** Runs a property over random cases, the same ones every time. */
export function forAll<T>(
  cases: fc.Arbitrary<T>,
  run: (c: T) => Promise<void>,
  numRuns = 12,
): Promise<void> {
  return fc.assert(fc.asyncProperty(cases, run), { seed: 7, numRuns, includeErrorInReport: true });
}

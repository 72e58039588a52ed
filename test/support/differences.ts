/** Derivatives along random directions against central differences. */
import * as assert from "uvu/assert";
import { grad, track } from "../../src/autograd/tape.ts";
import { tensor } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "./device.ts";
import { numbers } from "./products.ts";

/**
 * Asserts the derivatives of `f`, which gives one number, at random points of the given shapes.
 *
 * @param step functions that are linear along each input bear large ones
 */
export async function assertDerivatives(
  what: string,
  shapes: readonly (readonly number[])[],
  f: (inputs: readonly Tensor[]) => Tensor,
  { step = 0.25, tolerance = 1e-4, directions = 2 } = {},
): Promise<void> {
  const device = await testDevice();
  const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const points = shapes.map((shape, i) => numbers(sizeOf(shape), 20 + i));
  const place = (at: readonly Float32Array<ArrayBuffer>[]): Tensor[] =>
    at.map((data, i) => track(tensor(device, data, shapes[i]!)));
  const inputs = place(points);
  const derivatives = grad(f(inputs), inputs);
  for (const [i, derivative] of derivatives.entries()) {
    assert.equal(derivative.shape, shapes[i], `${what}: shape of derivative ${i}`);
    const g = await derivative.data();
    for (let d = 0; d < directions; d++) {
      const direction = numbers(g.length, 50 + d);
      const shifted = async (sign: number): Promise<number> => {
        const moved = points[i]!.map((x, k) => x + sign * step * direction[k]!);
        return f(place(points.map((p, k) => (k === i ? moved : p)))).item();
      };
      const difference = ((await shifted(1)) - (await shifted(-1))) / (2 * step);
      const slope = g.reduce((sum, x, k) => sum + x * direction[k]!, 0);
      const size = g.reduce((sum, x, k) => sum + Math.abs(x * direction[k]!), 0);
      const error = Math.abs(difference - slope);
      if (!(error <= tolerance * (size + 1)))
        assert.unreachable(`${what}: derivative ${i} is ${slope}, the difference ${difference}`);
      if (size === 0) assert.unreachable(`${what}: derivative ${i} is zero everywhere`);
    }
  }
}

import { add, mul } from "../autograd/ops/elementwise.ts";
import { randomUniform } from "../autograd/ops/random.ts";
import type { Device } from "../gpu/device.ts";
import { variable } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Tensors of evenly distributed numbers in [low, high), drawn on the device, with a random stream for
 * each. Default [−1, 1).
 */
export function randomOnDevice(
  device: Device,
  shapes: readonly (readonly number[])[],
  [low, high]: readonly [number, number] = [-1, 1],
): Tensor[] {
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const tensors = scope(device, () =>
    shapes.map((shape, stream) =>
      add(mul(randomUniform(device, shape, { seed: [1, 0], step, stream }), high - low), low),
    ),
  );
  device.release(step.value);
  return tensors;
}

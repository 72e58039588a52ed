import { mul, sub } from "../autograd/ops/elementwise.ts";
import { randomUniform } from "../autograd/ops/random.ts";
import type { Device } from "../gpu/device.ts";
import { variable } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tensors of evenly distributed numbers in [−1, 1), drawn on the device, with a stream for each. */
export function randomOnDevice(device: Device, shapes: readonly (readonly number[])[]): Tensor[] {
  const step = variable(device, Uint32Array.of(1), [1], "step");
  return scope(device, () =>
    shapes.map((shape, stream) =>
      mul(sub(randomUniform(device, shape, { seed: [1, 0], step, stream }), 0.5), 2),
    ),
  );
}

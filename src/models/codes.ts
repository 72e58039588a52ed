import { concat } from "../autograd/ops/join.ts";
import { sliceAxis } from "../autograd/ops/shape.ts";
import { withoutTape } from "../autograd/tape.ts";
import type { Device } from "../gpu/device.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Batch, type ExampleSource, evaluating, type Model } from "./model.ts";

/** Examples that are encoded at once. */
const PORTION = 500;

/** The codes of all examples, on the device: [count, latent]. The caller's scope frees them. */
export function encodeAll(device: Device, model: Model, examples: ExampleSource): Tensor {
  const { count } = examples;
  const parts: Tensor[] = [];
  for (let start = 0; start < count; start += PORTION) {
    const here = Math.min(PORTION, count - start);
    // All portions have one size, since every shape has kernels of its own: the last repeats its end.
    const rows = Uint32Array.from({ length: PORTION }, (_, i) => start + Math.min(i, here - 1));
    parts.push(
      scope(device, () =>
        withoutTape(() => {
          const batch: Batch = examples.take(tensor(device, rows));
          const codes = evaluating(model, () => model.encode(batch));
          return here === PORTION ? codes : sliceAxis(codes, 0, 0, here);
        }),
      ),
    );
  }
  return concat(parts, 0);
}

import { concat } from "../autograd/ops/join.ts";
import { sliceAxis } from "../autograd/ops/shape.ts";
import { noGrad } from "../autograd/tape.ts";
import type { Batch, ExampleSource } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import { tensor } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { evaluating, type Model } from "./model.ts";

/** Examples that are encoded at once. */
const PORTION = 500;

/**
 * The codes of all examples, on the device: [count, latent]. Who asks for them releases them.
 *
 * @param pause awaited between portions; it may throw to give up
 */
export async function encodeAll(
  device: Device,
  model: Model,
  examples: ExampleSource,
  pause?: () => Promise<void>,
): Promise<Tensor> {
  const { count } = examples;
  const parts: Tensor[] = [];
  for (let start = 0; start < count; start += PORTION) {
    const here = Math.min(PORTION, count - start);
    // All portions have one size, since every shape has kernels of its own: the last repeats its end.
    const rows = Uint32Array.from({ length: PORTION }, (_, i) => start + Math.min(i, here - 1));
    parts.push(
      scope(device, () =>
        noGrad(() => {
          const batch: Batch = examples.take(tensor(device, rows));
          const codes = evaluating(model, () => model.encode(batch));
          return here === PORTION ? codes : sliceAxis(codes, 0, 0, here);
        }),
      ),
    );
    await pause?.();
  }
  if (parts.length === 1) return parts[0] as Tensor;
  const codes = scope(device, () => noGrad(() => concat(parts, 0)));
  for (const { value } of parts) device.release(value);
  return codes;
}

import { checkDevice, kindOf } from "../gpu/arguments.ts";
import { ShapeError, UsageError } from "../gpu/errors.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import { sizeOf } from "../kernels/view.ts";
import { checkTensors } from "../tensor/arguments.ts";
import { formatShape, type Tensor } from "../tensor/tensor.ts";
import { checkRandom, type HostRandom, type Initialiser } from "./initialisers.ts";

/** Checks what every layer with weights is made of. */
export function checkLayer(op: string, device: unknown, random: unknown): void {
  checkDevice(op, device);
  checkRandom(op, random);
}

/**
 * The values that an initialiser makes for a weight.
 *
 * @throws UsageError, ShapeError for one that makes something else
 */
export function initialValues(
  op: string,
  initialiser: Initialiser,
  random: HostRandom,
  shape: readonly number[],
  fanIn: number,
  fanOut: number,
): Float32Array<ArrayBuffer> {
  const name = "options.initialiser";
  const values = initialiser(random, shape, fanIn, fanOut);
  checkSynchronous(op, name, values);
  if (!(values instanceof Float32Array))
    throw new UsageError(`${op}: ${name} gives ${kindOf(values)}, wanted a Float32Array`);
  if (values.length !== sizeOf(shape))
    throw new ShapeError(
      op,
      `${name} gives ${values.length} numbers, wanted ${sizeOf(shape)} for ${formatShape(shape)}`,
    );
  return values;
}

/** Checks what a layer is given: floats on the device of its weights. */
export function checkInput(op: string, x: Tensor, weight: Tensor, name = "x"): void {
  checkTensors(op, [
    ["weight", weight, "f32"],
    [name, x, "f32"],
  ]);
}

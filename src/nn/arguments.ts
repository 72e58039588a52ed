import { checkDevice, isNot } from "../gpu/arguments.ts";
import { UsageError } from "../gpu/errors.ts";
import { checkTensors } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { HostRandom } from "./initialisers.ts";

/** Checks what every layer with weights is made of. */
export function checkLayer(op: string, device: unknown, random: unknown): void {
  checkDevice(op, device);
  if (!(random instanceof HostRandom))
    throw new UsageError(`${op}: ${isNot("random", random, "a HostRandom: new HostRandom(seed)")}`);
}

/** Checks what a layer is given: floats on the device of its weights. */
export function checkInput(op: string, x: Tensor, weight: Tensor, name = "x"): void {
  checkTensors(op, [
    ["weight", weight, "f32"],
    [name, x, "f32"],
  ]);
}

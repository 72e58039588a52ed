import { checkDevice, checkFunction } from "../gpu/arguments.ts";
import type { Item } from "../gpu/call.ts";
import type { Device } from "../gpu/device.ts";
import { type Optimiser, Program } from "../gpu/program.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import type { Value } from "../gpu/value.ts";
import { fuse } from "../kernels/fusion.ts";
import { mergeSums } from "../kernels/merge-sums.ts";
import { putSideBySide } from "../kernels/side-by-side.ts";
import { Tensor } from "./tensor.ts";

/** Tensors in nested arrays and plain objects. */
export function* tensorsIn(result: unknown): Generator<Tensor> {
  if (result instanceof Tensor) yield result;
  else if (Array.isArray(result)) for (const item of result) yield* tensorsIn(item);
  else if (
    result &&
    typeof result === "object" &&
    Object.getPrototypeOf(result) === Object.prototype
  )
    for (const item of Object.values(result)) yield* tensorsIn(item);
}

function* valuesIn(result: unknown): Generator<Value> {
  for (const t of tensorsIn(result)) yield t.value;
}

/** What a body is, for errors. */
const BODY = "a function, such as () => add(x, y)";

/**
 * Runs `body` and frees every tensor it made, except those in its result (a tensor, or arrays and
 * plain objects of tensors) and variables. Synchronous; read tensors after the scope.
 *
 * @throws UsageError for a body that is asynchronous
 */
export function scope<T>(device: Device, body: () => T): T {
  checkDevice("scope", device);
  checkFunction("scope", "body", body, BODY);
  return device.scope(body, valuesIn);
}

/** Gives what `body` records a name, which errors of these ops then say. Nothing else changes. */
export function recordPart<T>(device: Device, name: string, body: () => T): T {
  const { sink } = device;
  if (!sink) return body();
  const outer = sink.part;
  sink.part = name;
  try {
    const result = body();
    checkSynchronous("record", name, result);
    return result;
  } finally {
    sink.part = outer;
  }
}

/**
 * Records a step: `body` runs once without computing anything, its ops are fused and planned, and
 * the program that comes back replays them. The tensors in `result` hold the results after each
 * `program.run()`. What changes from run to run must be in variables.
 *
 * @throws UsageError for a body that is asynchronous: a recording sees what runs before it returns
 */
export function record<T>(device: Device, body: () => T): Promise<{ program: Program; result: T }> {
  checkDevice("record", device);
  checkFunction("record", "body", body, BODY);
  const optimise: Optimiser = (items, keep) => {
    const fused = putSideBySide(mergeSums(fuse(items, keep), keep));
    return device.target.textures.costs ? throughTextures(fused, device) : fused;
  };
  return Program.record(device, body, valuesIn, optimise);
}

/** The last pass, which bundles for browsers leave out: no adapter there asks for it. */
async function throughTextures(items: Item[], device: Device): Promise<Item[]> {
  const pass: Partial<typeof import("../kernels/textured-items.ts")> = await import(
    "../kernels/textured-items.ts"
  );
  return pass.readThroughTextures?.(items, device) ?? items;
}

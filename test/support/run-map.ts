import type { KernelSource } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { Value } from "../../src/gpu/value.ts";
import type { Expression } from "../../src/kernels/expression.ts";
import { mapCall } from "../../src/kernels/map.ts";
import { sizeOf, type View } from "../../src/kernels/view.ts";
import { tensor } from "../../src/tensor/create.ts";

/** Data on the host, and how a map reads it. */
export interface HostView {
  readonly data: Float32Array<ArrayBuffer>;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Runs one map kernel, a result for each expression. */
export async function runMap(
  device: Device,
  shape: readonly number[],
  views: readonly HostView[],
  expressions: readonly Expression[],
): Promise<{ results: Float32Array[]; source: KernelSource }> {
  const inputs: View[] = views.map(({ data, offset, strides }) => ({
    value: tensor(device, data).value,
    offset,
    strides,
  }));
  const outputs = expressions.map((expression) => ({
    value: new Value(device, "f32", sizeOf(shape), "out"),
    expression,
  }));
  const call = mapCall("test", { shape, inputs, outputs });
  device.emit(call);
  const results: Float32Array[] = [];
  for (const { value } of outputs) results.push(new Float32Array(await device.read(value)));
  return { results, source: call.kernel() };
}

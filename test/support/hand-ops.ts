/** Ops that no fusion pass understands, for tests of what is recorded and planned. */
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { handCall } from "./kernels.ts";

/** f(x) = x·scale + 1. */
export function opaque(x: Tensor, scale = 1): Tensor {
  const out = emptyResult(x.device, "opaque", x.shape);
  const body = `if (i < ${x.size}u) { out0[i] = in0[i] * ${scale}.0 + 1.0; }`;
  x.device.emit(handCall({ op: "opaque", inputs: [x.value], outputs: [out.value], body }));
  return out;
}

/** v ← v·factor in place. */
export function scale(v: Tensor, factor: number): void {
  const body = `if (i < ${v.size}u) { out0[i] = out0[i] * ${factor}.0; }`;
  v.device.emit(
    handCall({ op: "scale", updates: [v.value], body, groups: Math.ceil(v.size / 64) }),
  );
}

/** target[offset…] ← x */
export function assign(target: Tensor, ...parts: readonly (readonly [Tensor, number])[]): void {
  target.device.emit({
    op: "assign",
    pack: true,
    inputs: parts.map(([x]) => x.value),
    target: target.value,
    offsets: parts.map(([, element]) => element * 4),
  });
}

export const list = async (t: Tensor): Promise<number[]> => [...(await t.data())];

/** Calls for tests that need kernels of their own making. */
import type { Call } from "../../src/gpu/call.ts";
import type { Value } from "../../src/gpu/value.ts";

/** A kernel of one workgroup whose body sees `in0`…, `out0`… and the thread's number `i`. */
export function handCall(spec: {
  readonly op: string;
  readonly inputs?: readonly Value[];
  readonly outputs?: readonly Value[];
  readonly updates?: readonly Value[];
  readonly body: string;
  readonly groups?: number;
}): Call {
  const inputs = spec.inputs ?? [];
  const written = [...(spec.outputs ?? []), ...(spec.updates ?? [])];
  const type = (v: Value) => (v.dtype === "f32" ? "f32" : "u32");
  const bindings = [
    ...inputs.map((v, k) => `var<storage, read> in${k}: array<${type(v)}>`),
    ...written.map((v, k) => `var<storage, read_write> out${k}: array<${type(v)}>`),
  ].map((text, k) => `@group(0) @binding(${k}) ${text};`);
  return {
    op: spec.op,
    inputs,
    outputs: spec.outputs ?? [],
    updates: spec.updates ?? [],
    kernel: () => ({
      name: `${spec.op} kernel`,
      code: `${bindings.join("\n")}
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  ${spec.body}
}`,
      workgroups: [spec.groups ?? 1, 1, 1],
      flops: 64,
      bytes: 512,
    }),
  };
}

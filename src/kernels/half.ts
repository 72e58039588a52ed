import shader from "../../shaders/to_half.wgsl";
import type { Call } from "../gpu/call.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import type { Value } from "../gpu/value.ts";
import { plainCall } from "./plain.ts";
import { rewriteInput } from "./rewrite-input.ts";
import type { LoadWidths } from "./textures.ts";

/**
 * Rounds an f32 value to f16, to the nearest and halfway cases to even. What is too large becomes
 * ±65504, the largest f16; infinity and NaN stay what they are, so that a check of the results
 * still finds them. Below 2⁻¹⁴ the digits become fewer, and at 2⁻²⁵ the result is 0; adapters may
 * read all results below 2⁻¹⁴ as 0. The same bits on every adapter, also on those without
 * `shader-f16`.
 *
 * @param x f32
 * @param out f16, of as many elements
 * @throws GpuValidationError for other types or lengths
 */
export function toHalfCall(op: string, x: Value, out: Value): Call {
  if (x.dtype !== "f32" || out.dtype !== "f16" || x.size !== out.size)
    throw new GpuValidationError(
      op,
      `${x.size} elements of ${x.dtype} cannot become ${out.size} of ${out.dtype} by rounding to f16`,
    );
  const threads = Math.ceil(x.size / 4);
  return plainCall({
    op,
    detail: `to f16 ${x.size}`,
    shader,
    threads,
    inputs: [x],
    outputs: [out],
  });
}

/**
 * Makes a shader read inputs that are stored as f16. It computes with what they are as f32: all of
 * its arithmetic stays as it is. Runs on devices with `has.f16`.
 *
 * @param widths how many elements the shader loads at once of each such input: its `array<T>` is of
 *   f32 or of vec4f. Each must be such as `rewriteInput` takes
 */
export function readHalves(op: string, shader: string, widths: LoadWidths): string {
  let out = shader;
  for (const [name, width] of Object.entries(widths)) {
    const declaration = `var<storage, read> ${name}: array<${width === 4 ? "vec4<f16>" : "f16"}>`;
    const load = `${width === 4 ? "vec4f" : "f32"}(${name}[i])`;
    out = rewriteInput(op, out, name, declaration, load);
  }
  return `enable f16;\n${out}`;
}

import type { Device } from "../gpu/device.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import {
  MOST_TEXTURE_ELEMENTS,
  TEXTURE_WIDTH,
  type TexelReads,
  texelLoad,
  textureType,
} from "../gpu/textures.ts";
import type { Value } from "../gpu/value.ts";

/** Elements that a kernel loads at once from each of its inputs, by the input's name in the shader. */
export type LoadWidths = Readonly<Record<string, 1 | 4>>;

/**
 * Whether a kernel that reads its inputs many times over should do so through textures: on
 * llvmpipe, where a buffer's element costs ten times a texture's, always; on SwiftShader, where it
 * costs a third more, for whole texels.
 */
export function prefersTextures(
  device: Device,
  inputs: readonly Value[],
  widths: LoadWidths,
): boolean {
  const { kind } = device.adapter;
  const whole = Object.values(widths).every((width) => width === 4);
  return (
    (kind === "llvmpipe" || (kind === "swiftshader" && whole)) &&
    inputs.every((v) => v.size <= MOST_TEXTURE_ELEMENTS)
  );
}

/**
 * Makes a shader read its inputs through textures. Each must be read in one place alone, as
 * `return input[i];` in a function of its own.
 */
export function readTextures(
  op: string,
  shader: string,
  reads: TexelReads,
  widths: LoadWidths,
): string {
  let out = shader;
  for (const [name, width] of Object.entries(widths)) {
    const declaration = new RegExp(`var<storage, read> ${name}: array<\\w+>;`);
    const access = new RegExp(`return ${name}\\[i\\];`);
    if (!declaration.test(out) || !access.test(out))
      throw new GpuValidationError(op, `the shader has no input ${name} to read as a texture`);
    const texel = width === 4 ? "i" : "(i / 4u)";
    const place = `vec2u(${texel} % ${TEXTURE_WIDTH}u, ${texel} / ${TEXTURE_WIDTH}u)`;
    const channel = width === 4 ? "" : "[i % 4u]";
    out = out
      .replace(declaration, `var ${name}: ${textureType(reads)};`)
      .replace(access, `return ${texelLoad(reads, name, place)}${channel};`);
  }
  return out;
}

import type { TexelReads, TextureUse } from "../gpu/target.ts";
import { MOST_TEXTURE_ELEMENTS, TEXTURE_WIDTH, texelLoad, textureType } from "../gpu/textures.ts";
import type { Value } from "../gpu/value.ts";
import { rewriteInput } from "./rewrite-input.ts";

/** Elements that a kernel loads at once from each of its inputs, by the input's name in the shader. */
export type LoadWidths = Readonly<Record<string, 1 | 4>>;

/**
 * Whether a kernel that reads its inputs many times over should do so through textures.
 *
 * @param loads how many elements all threads load
 */
export function prefersTextures(
  { leastLoads, wholeTexels }: TextureUse,
  inputs: readonly Value[],
  widths: LoadWidths,
  loads: number,
): boolean {
  if (!inputs.every((v) => v.size <= MOST_TEXTURE_ELEMENTS)) return false;
  if (wholeTexels && !Object.values(widths).every((width) => width === 4)) return false;
  return loads >= leastLoads;
}

/**
 * Makes a shader read its inputs through textures.
 *
 * @param widths of the inputs; each must be such as `rewriteInput` takes
 */
export function readTextures(
  op: string,
  shader: string,
  reads: TexelReads,
  widths: LoadWidths,
): string {
  let out = shader;
  for (const [name, width] of Object.entries(widths)) {
    const texel = width === 4 ? "i" : "(i / 4u)";
    const place = `vec2u(${texel} % ${TEXTURE_WIDTH}u, ${texel} / ${TEXTURE_WIDTH}u)`;
    const load = `${texelLoad(reads, name, place)}${width === 4 ? "" : "[i % 4u]"}`;
    out = rewriteInput(op, out, name, `var ${name}: ${textureType(reads)}`, load);
  }
  return out;
}

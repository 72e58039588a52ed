import { GpuValidationError } from "../gpu/errors.ts";

/**
 * Gives a shader's input another type. The input must be declared as
 * `var<storage, read> NAME: array<T>;` and read in one place alone, as `return NAME[i];` in a
 * function of its own.
 *
 * @param name the input's in the shader
 * @param declaration what it is declared as, in place of `var<storage, read> NAME: array<T>`
 * @param load what the function gives for element i, in place of `NAME[i]`
 */
export function rewriteInput(
  op: string,
  shader: string,
  name: string,
  declaration: string,
  load: string,
): string {
  const declared = new RegExp(`var<storage, read> ${name}: array<\\w+>;`);
  const read = new RegExp(`return ${name}\\[i\\];`);
  if (!declared.test(shader) || !read.test(shader))
    throw new GpuValidationError(op, `the shader has no input ${name} that is read in one place`);
  return shader.replace(declared, `${declaration};`).replace(read, `return ${load};`);
}

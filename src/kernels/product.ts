import { type Call, foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import { GpuValidationError } from "../gpu/errors.ts";
import { Value } from "../gpu/value.ts";
import { bytesOf, callWithEpilogue, gridConstants, writeEpilogue } from "./epilogue.ts";
import type { Epilogue } from "./facets.ts";
import { readHalves, toHalfCall } from "./half.ts";
import { sumPartials } from "./partials.ts";
import { specialise } from "./specialise.ts";
import { type LoadWidths, prefersTextures, readTextures } from "./textures.ts";
import { formatVariant, type Variant } from "./variants.ts";

/** Threads of a workgroup of the kernels that keep their tiles in registers. */
export const WORKGROUP = 64;

/** A bilinear kernel (a matrix product or a direction of convolution) for one shape and variant. */
export interface Product {
  readonly op: string;
  /** Op and shape, as the profiler shows it. */
  readonly name: string;
  readonly variant: Variant;
  readonly shader: string;
  /** The two operands by the shader's names for them, in binding order. */
  readonly operands: Readonly<Record<string, Value>>;
  /** Elements that it loads of each at once, where it may read textures in place of buffers. */
  readonly widths?: LoadWidths;
  readonly output: Value;
  /** Elements of the result that it stores at once. */
  readonly storeWidth: 1 | 4;
  /** Elements of a row of the result, for a shader that asks once for what its epilogue reads alike. */
  readonly columns?: number;
  readonly aliases: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly workgroups: number;
  readonly flops: number;
}

/**
 * The calls of a product: the kernel; where its sum is split, the one that adds up the shares; where
 * it reads f16, those that round the operands.
 */
export function productCalls(product: Product): Call[] {
  const { op, output, operands, widths, variant, storeWidth, columns } = product;
  const { device } = output;
  const { target } = device;
  const { splits } = variant;
  if (variant.half && widths === undefined)
    throw new GpuValidationError(op, `${formatVariant(variant)} cannot read f16`);
  const whole = Object.values(operands);
  const inputs = variant.half
    ? whole.map((v) => new Value(device, "f16", v.size, `${v.label} as f16`))
    : whole;
  const rounding = variant.half ? whole.map((v, i) => toHalfCall(op, v, inputs[i] as Value)) : [];
  // A tile of rows × cols takes rows + cols loads for as many multiply-adds as it has elements.
  const loads = (product.flops / 2) * (1 / variant.rows + 1 / variant.cols);
  const textures =
    !variant.half &&
    widths !== undefined &&
    prefersTextures(target.textures, inputs, widths, loads);
  let { shader } = product;
  if (textures) shader = readTextures(op, shader, target.textures.reads, widths);
  if (variant.half && widths !== undefined) shader = readHalves(op, shader, widths);
  const result =
    splits === 1 ? output : new Value(device, "f32", splits * output.size, `${op} partial`);
  const workgroups = foldWorkgroups(product.workgroups);
  const kernel = (epilogue?: Epilogue): Call => {
    const text = () => writeEpilogue(shader, epilogue, storeWidth, inputs.length, columns).text;
    const source = (bound: readonly Value[]): KernelSource => ({
      name: product.name,
      variant: formatVariant(variant),
      code: specialise(text(), {
        op,
        sizeBound: target.tiles.characters,
        aliases: product.aliases,
        constants: { ...product.constants, ...gridConstants(workgroups) },
      }),
      workgroups,
      flops: product.flops,
      bytes: bytesOf(bound) + result.bytes,
    });
    return callWithEpilogue({
      op,
      inputs,
      result,
      width: storeWidth,
      epilogue,
      again: splits === 1 ? kernel : undefined,
      source,
      textures,
    });
  };
  const sum = splits === 1 ? [] : sumPartials(op, result, splits, output);
  return [...rounding, kernel(), ...sum];
}

/** The workgroups of a kernel whose threads each compute one tile of registers. */
export function workgroupsOf(threads: number): number {
  return Math.ceil(threads / WORKGROUP);
}

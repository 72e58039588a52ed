import type { Device } from "../gpu/device.ts";
import { LatentgradError } from "../gpu/errors.ts";
import type { Program } from "../gpu/program.ts";
import type { DType } from "../gpu/value.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What an element of a result should be. */
export interface Expected {
  /** In float64. */
  readonly value: number;
  /** Sum of the absolute values of its terms, to which rounding errors are relative. */
  readonly size: number;
}

/** Element `element` of result `output` by the definition. */
export type Reference = (output: number, element: number) => Expected;

/** A case on a device. */
export interface BuiltCase {
  readonly program: Program;
  /** f32 tensors that the reference wants, as they are before the first run. */
  readonly inputs: readonly Tensor[];
  /** What the program computes. */
  readonly outputs: readonly Tensor[];
  /** Tensors to be released with the program; the inputs are, too. */
  readonly others?: readonly Tensor<DType>[];
}

/** A kernel in one shape. */
export interface KernelCase {
  readonly name: string;
  readonly shape: string;
  /** Floating-point operations by the definition, whatever the kernel does. */
  readonly flops: number;
  /** Bytes that have to be read and written at least: each operand once. */
  readonly bytes: number;
  /** Terms that the reference adds up for an element. */
  readonly terms: number;
  /** Largest error over the size. Default 1e-5. */
  readonly tolerance?: number;
  build(device: Device): Promise<BuiltCase>;
  reference(inputs: readonly Float32Array[]): Reference;
}

/** Terms that a check adds up at most, about. */
const MOST_TERMS = 2 ** 21;
const LEAST_SAMPLES = 48;

/** How a benchmark's measurement is called. */
export function nameOfCase({ name, shape }: Pick<KernelCase, "name" | "shape">): string {
  return `kernel/${name}/${shape}`;
}

/**
 * Elements of a result that are looked at: all where that is cheap, else the first, the last and
 * some between them that hit all rows and columns of tiles.
 */
export function sampledElements(size: number, terms: number): number[] {
  const count = Math.max(LEAST_SAMPLES, Math.floor(MOST_TERMS / terms));
  if (count >= size) return Array.from({ length: size }, (_, i) => i);
  // A step by the golden ratio leaves no gap larger than a few elements' share.
  const between = Array.from({ length: count - 2 }, (_, i) =>
    Math.floor(((((i + 1) * 0.6180339887498949) % 1) * size) % size),
  );
  return [0, size - 1, ...between];
}

/** What is wrong with results, if anything is. */
export function findError(
  c: KernelCase,
  inputs: readonly Float32Array[],
  outputs: readonly Float32Array[],
): string | undefined {
  const reference = c.reference(inputs);
  const { tolerance = 1e-5 } = c;
  for (const [output, values] of outputs.entries())
    for (const element of sampledElements(values.length, c.terms)) {
      const { value, size } = reference(output, element);
      const found = values[element] as number;
      if (Math.abs(found - value) <= tolerance * Math.max(size, 1e-6)) continue;
      const result = outputs.length > 1 ? `result ${output}, ` : "";
      return `${nameOfCase(c)}: ${result}element ${element} is ${found}, which should be ${value}`;
    }
  return undefined;
}

/** Runs a case once; what is wrong with its results, if anything is. */
export async function errorOfCase(c: KernelCase, built: BuiltCase): Promise<string | undefined> {
  const { program, inputs, outputs } = built;
  const given = await Promise.all(inputs.map((t) => t.data()));
  program.run();
  return findError(c, given, await Promise.all(outputs.map((t) => t.data())));
}

/**
 * Runs a case once.
 *
 * @throws LatentgradError where a result is wrong
 */
export async function checkCase(c: KernelCase, built: BuiltCase): Promise<void> {
  const error = await errorOfCase(c, built);
  if (error !== undefined) throw new LatentgradError(`wrong result: ${error}`);
}

/** Gives back all that a case holds. */
export function releaseCase(device: Device, { program, inputs, others = [] }: BuiltCase): void {
  program.release();
  for (const { value } of [...inputs, ...others]) device.release(value);
}

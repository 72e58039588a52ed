import { checkArray, checkFunction, checkOptions, type OptionRules } from "../gpu/arguments.ts";
import { foldWorkgroups } from "../gpu/call.ts";
import { GpuValidationError, LatentgradError, ShapeError } from "../gpu/errors.ts";
import { checkSynchronous } from "../gpu/synchronous.ts";
import { declares, specialise } from "../kernels/specialise.ts";
import { checkTensors, type NumberType, tensorFrom } from "../tensor/arguments.ts";
import { empty } from "../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../tensor/tensor.ts";
import { differentiable } from "./tape.ts";

/** Lengths along the axes of a tensor. */
export type Shape = readonly number[];

/** A kernel of one's own with its derivatives. */
export interface OpDefinition {
  /** As errors and the profiler name it. */
  readonly name: string;
  /**
   * WGSL whose entry point is `main`. Bindings of group 0: the inputs, `var<storage, read>`, and
   * behind them the output, `var<storage, read_write>`; arrays of f32, u32 or vectors of four of
   * them. The kernel writes every element of the output.
   */
  readonly wgsl: string;
  /**
   * Shape of the output. Throw for inputs that do not fit: it becomes a ShapeError before anything
   * runs.
   */
  readonly shape: (...inputs: Shape[]) => Shape;
  /** Values for the shader's `const NAME = …;` declarations, in the type that stands there. */
  readonly constants?: (...inputs: Shape[]) => Readonly<Record<string, number | boolean>>;
  /**
   * How many workgroups run for an output of the given shape, or the three dimensions of the grid.
   * A number beyond 65,535 is folded; the shader then needs `const GROUPS_X` and `const GROUPS_XY`
   * to find its place.
   */
  readonly workgroups: (output: Shape) => number | readonly [number, number, number];
  /**
   * One for each input: its cotangent, from that of the output, the output and the inputs. Written
   * with ops, so that it can be differentiated again; undefined where there is none. Without
   * derivatives the op cannot be differentiated.
   */
  readonly derivatives?: readonly (
    | ((dy: Tensor, y: Tensor, ...inputs: Tensor[]) => Tensor)
    | undefined
  )[];
  /** Floating-point operations, from the inputs' shapes: profiles and benchmarks then give rates. */
  readonly flops?: (...inputs: Shape[]) => number;
  /** What `latentgrad bench --kernel` times. */
  readonly bench?: OpBenchmark | readonly OpBenchmark[];
}

/** What `latentgrad bench --kernel` times of an op. */
export interface OpBenchmark {
  readonly inputs: readonly Shape[];
  /**
   * The library's own way to the same result: the name of an op that takes the same tensors, as "matmul", or
   * a function of them.
   */
  readonly against?: string | ((...inputs: Tensor[]) => Tensor);
}

/** An op made by `defineOp`. */
export interface DefinedOp<D extends NumberType = "f32"> {
  (...inputs: Tensor<NumberType>[]): Tensor<D>;
  readonly definition: OpDefinition;
  /** What the kernel reads of each input. */
  readonly reads: readonly ("f32" | "u32")[];
}

/** What the shader says of a binding. */
interface Binding {
  readonly dtype: "f32" | "u32";
  readonly width: 1 | 4;
}

/**
 * Makes an op of a WGSL kernel: it checks shapes, runs eagerly or is recorded, and is on the tape
 * like the built-in ones.
 *
 * @typeParam D what the output holds, as the shader says: `defineOp<"u32">(…)` for whole numbers
 * @throws GpuValidationError at once for bindings that are not the inputs and the output; a shader
 *   that does not compile is reported where the op's result is first read or recorded
 */
export function defineOp<D extends NumberType = "f32">(definition: OpDefinition): DefinedOp<D> {
  checkOptions("defineOp", definition, optionRules, "definition");
  const { name, wgsl, derivatives } = definition;
  const bindings = readBindings(name, wgsl);
  const inputBindings = bindings.slice(0, -1);
  const count = inputBindings.length;
  if (derivatives !== undefined) checkDerivatives(name, derivatives);
  if (derivatives && derivatives.length !== count)
    throw new LatentgradError(
      `${name}: ${derivatives.length} derivatives for ${count} inputs: give undefined for those without`,
    );
  const op = (...inputs: Tensor<NumberType>[]): Tensor<D> => {
    if (inputs.length !== count)
      throw new ShapeError(name, `takes ${count} tensors, not ${inputs.length}`);
    const device = checkTensors(
      name,
      inputBindings.map(({ dtype }, i) => [`input ${i}`, inputs[i], dtype]),
    );
    for (const [i, binding] of inputBindings.entries())
      checkWidth(name, `input ${i}`, inputs[i] as Tensor<NumberType>, binding);
    const shapes = inputs.map((t) => t.shape);
    const shape = outputShape(definition, shapes);
    const binding = bindings.at(-1) as Binding;
    const out = emptyResult(device, name, shape, binding.dtype as D);
    if (out.size === 0) return empty(device, shape, binding.dtype as D);
    checkWidth(name, "the output", out, binding);
    device.emit({
      op: name,
      inputs: inputs.map((t) => t.value),
      outputs: [out.value],
      updates: [],
      asWritten: true,
      kernel: () => {
        const workgroups = grid(definition, shape);
        return {
          name: `${name} ${shape.join("×") || "scalar"}`,
          code: specialise(wgsl, {
            op: name,
            constants: { ...gridConstants(wgsl, workgroups), ...constantsOf(definition, shapes) },
          }),
          workgroups,
          flops: countOf(name, definition.flops?.(...shapes) ?? 0),
          bytes: [...inputs, out].reduce((sum, t) => sum + t.value.bytes, 0),
        };
      },
    });
    return differentiable(
      name,
      inputs,
      out,
      inputs.map((_, i) => {
        const derivative = derivatives?.[i];
        return (
          derivative &&
          ((dy) =>
            tensorFrom(
              name,
              `derivatives[${i}]`,
              derivative(dy, out as Tensor, ...(inputs as Tensor[])),
            ))
        );
      }),
    );
  };
  return Object.assign(op, { definition, reads: inputBindings.map(({ dtype }) => dtype) });
}

const optionRules: OptionRules<OpDefinition> = {
  name: "text",
  wgsl: "text",
  shape: "function",
  workgroups: "function",
  constants: "function?",
  derivatives: "any?",
  flops: "function?",
  bench: "any?",
};

function checkDerivatives(op: string, derivatives: readonly unknown[]): void {
  checkArray(op, "derivatives", derivatives, "an array of functions, one for each input");
  for (const [i, derivative] of derivatives.entries())
    if (derivative !== undefined)
      checkFunction(op, `derivatives[${i}]`, derivative, "a function, or undefined");
}

function constantsOf({ name, constants }: OpDefinition, shapes: readonly Shape[]) {
  const values = constants?.(...shapes);
  checkSynchronous(name, "constants", values);
  return values;
}

function countOf(op: string, flops: number): number {
  checkSynchronous(op, "flops", flops);
  if (!(flops >= 0 && flops < Number.POSITIVE_INFINITY))
    throw new LatentgradError(`${op}: flops gives ${flops}, wanted a number from 0 on`);
  return flops;
}

/** The shader's bindings: inputs that are read, and behind them the output. */
function readBindings(op: string, wgsl: string): Binding[] {
  const text = wgsl.replace(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "");
  const refuse = (detail: string) => new GpuValidationError(op, detail);
  if (!/@compute\b[^;{}]*\bfn\s+main\s*\(/.test(text))
    throw refuse("the shader has no entry point `@compute … fn main`");
  const found = new Map<number, Binding & { readonly writes: boolean }>();
  for (const [, attributes = "", space = "", type = ""] of text.matchAll(
    /((?:@(?:group|binding)\s*\([^)]*\)\s*)+)var\s*(?:<([^>]*)>)?\s*\w+\s*:\s*([^;]+);/g,
  )) {
    const group = attributes.match(/@group\s*\(\s*(\d+)u?\s*\)/)?.[1];
    const at = Number(attributes.match(/@binding\s*\(\s*(\d+)u?\s*\)/)?.[1]);
    const where = `binding ${at} of group ${group}`;
    if (group !== "0") throw refuse(`${where}: all bindings are in group 0`);
    if (found.has(at)) throw refuse(`${where} is there twice`);
    const element = type.match(
      /^array\s*<\s*(?:(f32|u32)|vec4\s*<\s*(f32|u32)\s*>|vec4([fu]))\s*>$/,
    );
    const access = space.replace(/\s/g, "");
    if (!element || !["storage", "storage,read", "storage,read_write"].includes(access))
      throw refuse(
        `${where} is var<${space}> of ${type.trim()}; it must be var<storage, …> of an array of f32, u32 or vec4 of them`,
      );
    const letter = element[3] && (element[3] === "f" ? "f32" : "u32");
    found.set(at, {
      dtype: (element[1] ?? element[2] ?? letter) as "f32" | "u32",
      width: element[1] ? 1 : 4,
      writes: access === "storage,read_write",
    });
  }
  const last = found.size - 1;
  const places = [...found.keys()].sort((a, b) => a - b);
  if (last < 1) throw refuse("the shader needs bindings for at least one input and the output");
  if (places.some((at, i) => at !== i))
    throw refuse(`the shader has bindings ${places.join(", ")} instead of 0 to ${last}`);
  return places.map((at) => {
    const { dtype, width, writes } = found.get(at) as Binding & { writes: boolean };
    if (writes !== (at === last))
      throw refuse(
        at === last
          ? `binding ${at}, the last, is the output: it must be var<storage, read_write>`
          : `binding ${at} is an input: it must be var<storage, read>; the output comes last`,
      );
    return { dtype, width };
  });
}

function checkWidth(op: string, what: string, x: Tensor<NumberType>, { width }: Binding): void {
  if (x.size % width !== 0)
    throw new ShapeError(
      op,
      `${what} is ${formatShape(x.shape)}: its kernel takes four elements at a time, ${x.size} are no multiple`,
    );
}

function outputShape({ name, shape }: OpDefinition, shapes: readonly Shape[]): Shape {
  try {
    const output = shape(...shapes);
    checkSynchronous(name, "shape", output);
    return output;
  } catch (error) {
    if (error instanceof LatentgradError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ShapeError(name, `${shapes.map(formatShape).join(" and ")}: ${reason}`);
  }
}

function grid({ name, wgsl, workgroups }: OpDefinition, shape: Shape): [number, number, number] {
  const wanted = workgroups(shape);
  checkSynchronous(name, "workgroups", wanted);
  if (typeof wanted !== "number") return [...wanted];
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new GpuValidationError(name, `${wanted} is no number of workgroups`);
  const folded = foldWorkgroups(wanted);
  if (folded[1] > 1 && !declares(wgsl, "GROUPS_X"))
    throw new GpuValidationError(
      name,
      `${wanted} workgroups must be folded: the shader needs const GROUPS_X and GROUPS_XY`,
    );
  return folded;
}

/** Constants of the folded grid, for shaders that have them. */
function gridConstants(wgsl: string, [x, y]: readonly number[]): Record<string, number> {
  const all = { GROUPS_X: x as number, GROUPS_XY: (x as number) * (y as number) };
  return Object.fromEntries(Object.entries(all).filter(([name]) => declares(wgsl, name)));
}

import functions from "../../shaders/functions.wgsl";
import type { StorageType, Value } from "../gpu/value.ts";
import { type Bound, type Expression, emitExpressions, wgslType } from "./expression.ts";
import { collapseAxes, indexExpression, isWithin, sizeOf, type View } from "./view.ts";

/** A map: every output element is an expression of the inputs' elements at the same coordinates. */
export interface MapSpec {
  readonly shape: readonly number[];
  readonly inputs: readonly View[];
  readonly outputs: readonly { readonly value: Value; readonly expression: Expression }[];
}

/** An input of an element, which a statement puts into an F. */
export interface Load {
  readonly name: string;
  readonly statement: string;
  /** It reads the same for elements whose numbers differ by a multiple of this. */
  readonly period: number | undefined;
}

/** WGSL of a map's body, for the map kernel itself and for other kernels' epilogues and prologues. */
export interface ElementCode {
  /** Distinct buffers that are read, in binding order. */
  readonly values: readonly Value[];
  /** Declarations of those bindings. */
  readonly bindings: string;
  /** Statements that load the inputs and compute, given the element number in `i`. */
  readonly statements: readonly string[];
  /** Those that load. */
  readonly loads: readonly Load[];
  /** Text of each output's value, an F. */
  readonly results: readonly string[];
}

/**
 * Generates the statements of a map.
 *
 * @param width elements a thread computes at once; 4 needs the innermost axis to be divisible by 4
 * @param hole input that is not loaded: `value`, what the surrounding kernel has just computed
 * @param element what F is made of: u32 keeps all bits of whole numbers that are only moved
 */
export function elementCode(
  spec: Pick<MapSpec, "shape" | "inputs"> & { outputs: readonly { expression: Expression }[] },
  width: 1 | 4,
  firstBinding: number,
  hole: ReadonlySet<number> = new Set(),
  element: "f32" | "u32" = "f32",
): ElementCode {
  const { shape, strides } = collapseAxes(spec.shape, spec.inputs);
  const values: Value[] = [];
  const declarations: string[] = [];
  const names = new Map<string, string>();
  const bind = (value: Value, load: 1 | 4): string => {
    const key = `${value.id}/${load}`;
    const known = names.get(key);
    if (known) return known;
    const name = `in${values.length}`;
    const binding = firstBinding + values.length;
    const type = wgslType(value.dtype, load);
    declarations.push(`@group(0) @binding(${binding}) var<storage, read> ${name}: array<${type}>;`);
    values.push(value);
    names.set(key, name);
    return name;
  };
  const loads: Load[] = [];
  const texts = spec.inputs.map((view, k) => {
    if (hole.has(k)) return "value";
    const mine = strides[k] as number[];
    const inner = shape.length === 0 ? 0 : (mine.at(-1) as number);
    const name = `x${k}`;
    const bounded = !isWithin(view, spec.shape);
    const at = (i: string, load: 1 | 4 = 1) => {
      const index = indexExpression(shape, mine, view.offset, i);
      const unit = load === 4 ? `(${index}) / 4u` : index;
      return bounded ? `min(${unit}, ${Math.ceil(view.value.size / load) - 1}u)` : unit;
    };
    const same = element === wgslType(view.value.dtype, 1);
    const float = (text: string) => (same ? text : `F(${text})`);
    const one = (text: string) => (same ? text : `${element}(${text})`);
    const loaded = (): string => {
      if (width === 1) return float(`${bind(view.value, 1)}[${at("i")}]`);
      if (inner === 0 && (shape.at(-1) ?? 4) % 4 === 0)
        return `F(${one(`${bind(view.value, 1)}[${at("i")}]`)})`;
      if (isVectorLoad(shape, mine, view)) return float(`${bind(view.value, 4)}[${at("i", 4)}]`);
      const source = bind(view.value, 1);
      const lanes = [0, 1, 2, 3].map((lane) => one(`${source}[${at(`(i + ${lane}u)`)}]`));
      return `F(${lanes.join(", ")})`;
    };
    loads.push({
      name,
      statement: `let ${name} = ${loaded()};`,
      period: periodOf(shape, mine),
    });
    return name;
  });
  const { statements, results } = emitExpressions(
    spec.outputs.map((o) => o.expression),
    texts,
    (bounds) => withinText(bounds, spec.shape, width),
  );
  return {
    values,
    bindings: declarations.join("\n"),
    statements: [...loads.map((l) => l.statement), ...statements],
    loads,
    results,
  };
}

/** After how many elements a view that walks along the innermost axis at most begins again. */
function periodOf(shape: readonly number[], strides: readonly number[]): number | undefined {
  if (strides.slice(0, -1).some((s) => s !== 0)) return undefined;
  return strides.at(-1) ? shape.at(-1) : 1;
}

/** An F that is 1 where element i lies within the bounds, else 0. */
function withinText(bounds: readonly Bound[], shape: readonly number[], width: 1 | 4): string {
  const stepOf = (axis: number) => sizeOf(shape.slice(axis + 1));
  const test = (i: string): string => {
    const tests = bounds.map(({ axis, from, to }) => {
      const [length, step] = [shape[axis] as number, stepOf(axis)];
      const quotient = step === 1 ? i : `${i} / ${step}u`;
      // Unsigned differences wrap, so one comparison tests both bounds.
      return `(${quotient}) % ${length}u - ${from}u < ${to - from}u`;
    });
    return tests.join(" && ") || "true";
  };
  const alike = bounds.every(({ axis, from, to }) => {
    const step = stepOf(axis);
    return [from, to, shape[axis] as number].every((n) => (n * step) % 4 === 0);
  });
  if (width === 1 || alike) return `select(F(), F(1), ${test("i")})`;
  const lanes = [0, 1, 2, 3].map((lane) => `select(0, 1, ${test(`(i + ${lane}u)`)})`);
  return `F(vec4i(${lanes.join(", ")}))`;
}

/** Four neighbours of the map are four aligned neighbours of the value. */
function isVectorLoad(shape: readonly number[], strides: readonly number[], view: View): boolean {
  return (
    strides.at(-1) === 1 &&
    view.offset % 4 === 0 &&
    (shape.at(-1) as number) % 4 === 0 &&
    strides.slice(0, -1).every((s) => s % 4 === 0)
  );
}

/** Whether a map may compute four elements a thread: four neighbours never straddle two rows. */
export function canVectorise(spec: Pick<MapSpec, "shape" | "inputs">): boolean {
  const { shape } = collapseAxes(spec.shape, spec.inputs);
  return shape.length > 0 && (shape.at(-1) as number) % 4 === 0;
}

/** Aliases F, B and I and the helper functions that `code` calls, directly or through one another. */
export function helperFunctions(
  code: string,
  width: 1 | 4,
  element: "f32" | "u32" = "f32",
): string {
  const blocks = [...functions.matchAll(/^fn (\w+)\([\s\S]*?^\}\n/gm)].map((m) => ({
    name: m[1] as string,
    text: m[0],
  }));
  const used = new Set<string>();
  const visit = (text: string): void => {
    for (const { name, text: body } of blocks)
      if (!used.has(name) && new RegExp(`\\b${name}\\(`).test(text)) {
        used.add(name);
        visit(body);
      }
  };
  visit(code);
  const of = (scalar: string) => (width === 4 ? `vec4<${scalar}>` : scalar);
  const aliases = `alias F = ${of(element)};\nalias B = ${of("bool")};\nalias I = ${of("i32")};\n`;
  return (
    aliases +
    blocks
      .filter((b) => used.has(b.name))
      .map((b) => b.text)
      .join("")
  );
}

/** The same for a shader that says itself what F is. */
export function helpersBesideF(code: string, width: 1 | 4): string {
  return helperFunctions(code, width).replace(/^alias F = [^;]*;\n/, "");
}

/** Text that stores an F of a map into a buffer of `dtype`. */
export function storeText(
  dtype: StorageType,
  width: 1 | 4,
  value: string,
  element: "f32" | "u32" = "f32",
): string {
  const type = wgslType(dtype, 1);
  return type === element ? value : `${wgslType(dtype, width)}(${value})`;
}

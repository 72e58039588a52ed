import threadShader from "../../shaders/reduce.wgsl";
import treeShader from "../../shaders/reduce_tree.wgsl";
import { foldWorkgroups, type KernelSource } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { canVectorise, elementCode, helpersBesideF } from "./elementwise.ts";
import { storedBy } from "./epilogue.ts";
import { emitExpressions, expressionSize, wgslType } from "./expression.ts";
import type { Epilogue, Prologue } from "./facets.ts";
import { specialise } from "./specialise.ts";
import { collapseAxes, contiguousView, indexExpression, sizeOf, type View } from "./view.ts";

export type ReduceKind = "sum" | "max" | "min";

export const WORKGROUP = 64;
/**
 * Elements, or fours of them, that are added up before the sum goes to that of the other blocks: eight
 * for each accumulator or thread.
 */
const BLOCK = { thread: 32, tree: 8 * WORKGROUP };
const MOST_BUFFERS = 8;
/** Finite stand-ins for the infinities, which WGSL cannot write. */
const LARGEST = 3.4028234663852886e38;
const IDENTITY: Record<ReduceKind, number> = { sum: 0, max: -LARGEST, min: LARGEST };

/** One pass of a reduction. */
export interface Pass {
  readonly op: string;
  readonly kind: ReduceKind;
  readonly axes: readonly number[];
  readonly prologue: Prologue;
  readonly epilogue?: Epilogue;
  readonly scale: number;
  readonly variant: "thread" | "tree";
  /** Elements in each of the `splits` chunks; the last one may be shorter. */
  readonly chunk: number;
  readonly splits: number;
  /** [splits, kept…], or [kept…] */
  readonly output: Value;
}

/** The result, and what is stored beside it. */
export function writtenByPass({ prologue, epilogue, output }: Pass): Value[] {
  return [...storedBy(epilogue, output), ...(prologue.stores ?? []).map((s) => s.value)];
}

/** Which neighbours a thread takes four of at once. */
type Vector = "kept" | "reduced" | "none";

interface Axes {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

interface PassCode {
  readonly vector: Vector;
  /** Bindings of the elements; those of the epilogue come behind them. */
  readonly ownInputs: number;
  readonly values: readonly Value[];
  readonly bindings: string;
  readonly bases: readonly string[];
  readonly element: readonly string[];
  readonly result: readonly string[];
}

/** What a thread reads of each element, then what it stores of it. */
function viewsOf({ shape, inputs, stores = [] }: Prologue): View[] {
  return [...inputs, ...stores.map(({ value }) => contiguousView(value, shape))];
}

/** Where a thread finds a view's element, or its four. */
interface Place {
  readonly load: "scalar" | "vector" | "splat" | "lanes";
  readonly at: string;
  /** Between the four. */
  readonly stride: number;
}

export function splitAxes(
  prologue: Prologue,
  axes: readonly number[],
): { kept: Axes; reduced: Axes } {
  const pick = (wanted: boolean): Axes => {
    const own = prologue.shape.map((_, a) => a).filter((a) => axes.includes(a) === wanted);
    return collapseAxes(
      own.map((a) => prologue.shape[a] as number),
      viewsOf(prologue).map((v) => ({ strides: own.map((a) => v.strides[a] as number) })),
    );
  };
  return { kept: pick(false), reduced: pick(true) };
}

/** How a view's four neighbours along the last of `along` are loaded. */
function loadKind(view: View, k: number, along: Axes, other: Axes): "vector" | "splat" | "lanes" {
  const mine = along.strides[k] as readonly number[];
  if (mine.at(-1) === 0) return "splat";
  const rest = [...mine.slice(0, -1), ...(other.strides[k] as readonly number[]), view.offset];
  return mine.at(-1) === 1 && rest.every((s) => s % 4 === 0) ? "vector" : "lanes";
}

/** Loads for each element of the reduction: 1/4 for vectors and broadcast numbers. */
function loadsPerElement(prologue: Prologue, along: Axes, other: Axes): number {
  if (along.shape.length === 0 || (along.shape.at(-1) as number) % 4 !== 0)
    return Number.POSITIVE_INFINITY;
  return prologue.inputs.reduce(
    (sum, view, k) => sum + (loadKind(view, k, along, other) === "lanes" ? 1 : 0.25),
    0,
  );
}

export function chooseVector(pass: Pick<Pass, "prologue" | "axes">, keptAllowed: boolean): Vector {
  const { kept, reduced } = splitAxes(pass.prologue, pass.axes);
  const alongKept = keptAllowed
    ? loadsPerElement(pass.prologue, kept, reduced)
    : Number.POSITIVE_INFINITY;
  const alongReduced = loadsPerElement(pass.prologue, reduced, kept);
  const best = Math.min(alongKept, alongReduced);
  if (best >= Math.max(1, pass.prologue.inputs.length)) return "none";
  return alongKept === best ? "kept" : "reduced";
}

/** Generates what the host writes into the shader. Falls back to scalars where buffers run out. */
export function passCode(pass: Pass): PassCode {
  const { epilogue } = pass;
  const keptAllowed = pass.variant === "thread" && (!epilogue || canVectorise(epilogue));
  const preferred = chooseVector(pass, keptAllowed);
  const code = vectorCode(pass, preferred);
  const written = writtenByPass(pass).length;
  return code.values.length + written <= MOST_BUFFERS ? code : vectorCode(pass, "none");
}

function vectorCode(pass: Pass, vector: Vector): PassCode {
  const { prologue, epilogue } = pass;
  const { kept, reduced } = splitAxes(prologue, pass.axes);
  const along = vector === "kept" ? kept : reduced;
  const other = vector === "kept" ? reduced : kept;
  const values: Value[] = [];
  const bindings: string[] = [];
  const names = new Map<string, string>();
  const bind = (value: Value, width: 1 | 4): string => {
    const key = `${value.id}/${width}`;
    const name = names.get(key) ?? `data${values.length}`;
    if (!names.has(key)) {
      const type = wgslType(value.dtype, width);
      bindings.push(
        `@group(0) @binding(${values.length}) var<storage, read> ${name}: array<${type}>;`,
      );
      values.push(value);
      names.set(key, name);
    }
    return name;
  };
  const bases: string[] = [];
  const stores = prologue.stores ?? [];
  const places = viewsOf(prologue).map((view, k): Place => {
    const load = vector === "none" ? "scalar" : loadKind(view, k, along, other);
    const stride = along.strides[k]?.at(-1) ?? 0;
    // Lengths and strides of the vectorised axis in units of four elements.
    const inUnits = (axes: Axes): { shape: readonly number[]; strides: number[] } => {
      const strides = [...(axes.strides[k] as readonly number[])];
      if (vector === "none") return { shape: axes.shape, strides };
      const isAlong = axes === along;
      const inner = strides.length - 1;
      if (load === "vector")
        for (const n of strides.keys()) strides[n] = (strides[n] as number) / 4;
      if (!isAlong) return { shape: axes.shape, strides };
      strides[inner] = load === "vector" ? 1 : stride * 4;
      const shape = axes.shape.map((n, a) => (a === inner ? n / 4 : n));
      return { shape, strides };
    };
    const unit = load === "vector" ? 4 : 1;
    const ofKept = inUnits(kept);
    const ofReduced = inUnits(reduced);
    const base = indexExpression(ofKept.shape, ofKept.strides, view.offset / unit, "o");
    bases.push(`let base${k} = ${base};`);
    const step = indexExpression(ofReduced.shape, ofReduced.strides, 0, "r");
    return { load, at: step === "0u" ? `base${k}` : `base${k} + ${step}`, stride };
  });
  const loads: string[] = [];
  for (const [k, view] of prologue.inputs.entries()) {
    const { load, at, stride } = places[k] as Place;
    const float = view.value.dtype === "f32";
    if (load === "vector" || load === "scalar") {
      const text = `${bind(view.value, load === "vector" ? 4 : 1)}[${at}]`;
      loads.push(`let x${k} = ${float ? text : `F(${text})`};`);
    } else if (load === "splat") {
      loads.push(`let x${k} = F(f32(${bind(view.value, 1)}[${at}]));`);
    } else {
      const source = bind(view.value, 1);
      const lanes = [0, 1, 2, 3].map((l) => `f32(${source}[${at} + ${l * stride}u])`);
      loads.push(`let x${k} = vec4f(${lanes.join(", ")});`);
    }
  }
  const { statements, results } = emitExpressions(
    [prologue.expression, ...stores.map((s) => s.expression)],
    prologue.inputs.map((_, k) => `x${k}`),
  );
  const element = [...loads, ...statements, `let element = ${results[0]};`];
  const writes = epilogue?.keepsHole ? ["result", "kept"] : ["result"];
  const types = writes.map(() => wgslType("f32", vector === "kept" ? 4 : 1));
  for (const k of stores.keys()) {
    const { load, at, stride } = places[prologue.inputs.length + k] as Place;
    const [name, text] = [`store${k}`, results[k + 1]];
    writes.push(name);
    types.push(wgslType("f32", load === "vector" ? 4 : 1));
    if (load === "lanes")
      for (const l of [0, 1, 2, 3])
        element.push(`${name}[${at} + ${l * stride}u] = ${text}[${l}];`);
    else element.push(`${name}[${at}] = ${text};`);
  }
  const ownInputs = values.length;
  const result = resultCode(pass, vector, ownInputs);
  if (epilogue) bindings.push(result.bindings);
  values.push(...result.values);
  for (const [k, name] of writes.entries())
    bindings.push(
      `@group(0) @binding(${values.length + k}) var<storage, read_write> ${name}: array<${types[k]}>;`,
    );
  return {
    vector,
    ownInputs,
    values,
    bindings: bindings.filter(Boolean).join("\n"),
    bases,
    element,
    result: result.statements,
  };
}

/** Statements that scale `total`, apply the epilogue and store. */
function resultCode(
  pass: Pass,
  vector: Vector,
  firstBinding: number,
): { values: readonly Value[]; bindings: string; statements: string[] } {
  const { epilogue } = pass;
  const place = pass.variant === "thread" ? "thread" : "i";
  const across =
    pass.kind === "sum"
      ? "dot(total, vec4f(1.0))"
      : `${pass.kind}(${pass.kind}(total.x, total.y), ${pass.kind}(total.z, total.w))`;
  const whole = vector === "reduced" ? across : "total";
  const scaled = pass.scale === 1 ? whole : `${whole} * SCALE`;
  if (!epilogue) return { values: [], bindings: "", statements: [`result[${place}] = ${scaled};`] };
  // Where F is four neighbours along a reduced axis the epilogue has the result in all four lanes.
  const lanes = vector === "reduced";
  const spec = lanes
    ? {
        shape: [...epilogue.shape, 4],
        inputs: epilogue.inputs.map((v) => ({ ...v, strides: [...v.strides, 0] })),
      }
    : epilogue;
  const holes = new Set<number>();
  for (const [k, view] of epilogue.inputs.entries()) if (view.value === epilogue.hole) holes.add(k);
  const code = elementCode(
    { ...spec, outputs: [{ expression: epilogue.expression }] },
    vector === "none" ? 1 : 4,
    firstBinding,
    holes,
  );
  const statements = [
    `let value = F(${scaled});`,
    ...(lanes ? code.statements.map((s) => s.replace(/\bi\b/g, "(i * 4u)")) : code.statements),
    `result[${place}] = (${code.results[0]})${lanes ? ".x" : ""};`,
    ...(epilogue.keepsHole ? [`kept[${place}] = value${lanes ? ".x" : ""};`] : []),
  ];
  return { values: code.values, bindings: code.bindings, statements };
}

export function passSource(pass: Pass): KernelSource {
  const code = passCode(pass);
  const { prologue, variant } = pass;
  const stored = prologue.stores ?? [];
  const length = sizeOf(pass.axes.map((a) => prologue.shape[a] as number));
  const along = code.vector === "reduced" ? 4 : 1;
  const resultWidth = code.vector === "kept" ? 4 : 1;
  const results = pass.output.size / pass.splits / resultWidth;
  const units = length / along;
  const chunk = pass.chunk / along;
  const unroll = chunk >= 8 ? 4 : chunk >= 2 ? 2 : 1;
  const groups = variant === "tree" ? results * pass.splits : (results * pass.splits) / WORKGROUP;
  const workgroups = foldWorkgroups(Math.ceil(groups));
  // An extremum loses nothing, however long it is.
  const block = pass.kind === "sum" ? BLOCK[variant] : Math.ceil(chunk / BLOCK.tree) * BLOCK.tree;
  const ragged = units % unroll !== 0 || chunk % unroll !== 0;
  const blocks = pass.kind === "sum" && chunk > block;
  const correction = blocks ? ["roundedOff()", "corrected()"] : [];
  const text = [...code.bases, ...code.element, ...code.result, ...correction].join("\n");
  const elements = sizeOf(prologue.shape);
  const lengths = prologue.shape.map((n, a) => (pass.axes.includes(a) ? `(${n})` : `${n}`));
  return {
    name: `${pass.op} ${lengths.join("×") || "scalar"}${pass.splits > 1 ? " partial" : ""}`,
    code: specialise(variant === "tree" ? treeShader : threadShader, {
      op: pass.op,
      constants: {
        GROUPS_X: workgroups[0],
        GROUPS_XY: workgroups[0] * workgroups[1],
        RESULTS: results,
        SPLITS: pass.splits,
        LENGTH: units,
        CHUNK: chunk,
        BLOCK: block,
        BLOCKS: blocks,
        SUM: pass.kind === "sum",
        MAXIMUM: pass.kind === "max",
        IDENTITY: IDENTITY[pass.kind],
        SCALE: pass.scale,
        ...(variant === "tree"
          ? {}
          : { UNROLL: unroll, RAGGED: ragged, RESULT_WIDTH: resultWidth }),
      },
      inserts: {
        helpers: helpersBesideF(text, code.vector === "none" ? 1 : 4),
        bindings: code.bindings,
        bases: code.bases.join("\n  "),
        element: code.element.join("\n      "),
        result: code.result.join("\n  "),
      },
      aliases: { F: code.vector === "none" ? "f32" : "vec4f" },
    }),
    workgroups,
    flops:
      elements * (1 + expressionSize([prologue.expression, ...stored.map((s) => s.expression)])),
    bytes:
      code.values.reduce((sum, v) => sum + Math.min(v.bytes, elements * 4), 0) +
      pass.output.size * 4 +
      stored.length * elements * 4,
  };
}

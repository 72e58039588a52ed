import type { Call } from "../gpu/call.ts";
import type { Value } from "../gpu/value.ts";
import { composeViews } from "./compose.ts";
import type { MapSpec } from "./elementwise.ts";
import {
  type Expression,
  expressionSize,
  input,
  readsCoordinates,
  shareParts,
  substitute,
} from "./expression.ts";
import type { Prologue } from "./facets.ts";
import { contiguousStrides, isIdentity, sizeOf, type View } from "./view.ts";

/** Longer expressions spill registers and slow compilers down. */
export const MOST_NODES = 96;

/** The consumer with the producer's expressions written into its own. */
export function mergeMaps(
  producer: MapSpec,
  consumer: MapSpec,
  rebuild: (spec: MapSpec) => Call,
  readLater: (v: Value) => boolean,
): Call | undefined {
  const surviving = producer.outputs.filter((o) => readLater(o.value));
  // A producer that survives is stored by the merged kernel: both must run over the same elements.
  if (surviving.length > 0 && sizeOf(producer.shape) !== sizeOf(consumer.shape)) return undefined;
  const base = consumer.inputs.length;
  const moved = reshapeViews(producer, consumer.shape);
  const views = [...consumer.inputs];
  /** The producer's views as they are walked through views of its result. */
  const further: View[] = [];
  const replacement = new Map<number, Expression>();
  for (const output of producer.outputs) {
    const memo = new Map<Expression, Expression>();
    for (const [k, view] of consumer.inputs.entries()) {
      if (view.value !== output.value) continue;
      if (moved && isIdentity(view, consumer.shape))
        replacement.set(
          k,
          substitute(output.expression, (n) => input(base + n), memo),
        );
      else if (isConstant(output.expression)) replacement.set(k, output.expression);
      else {
        const composed = composeViews(producer, output.expression, consumer, k);
        if (!composed) return undefined;
        const first = base + (moved?.length ?? 0) + further.length;
        further.push(...composed);
        replacement.set(
          k,
          substitute(output.expression, (n) => input(first + n)),
        );
      }
    }
  }
  if (moved) views.push(...moved);
  else if (surviving.length > 0) return undefined;
  views.push(...further);
  const shared = new Map<Expression, Expression>();
  const rewrite = (e: Expression) => substitute(e, (n) => replacement.get(n) ?? input(n), shared);
  const outputs = [
    ...consumer.outputs.map((o) => ({ ...o, expression: rewrite(o.expression) })),
    ...surviving.map((o) => ({
      value: o.value,
      expression: substitute(o.expression, (n) => input(base + n)),
    })),
  ];
  const spec = compact({ shape: consumer.shape, inputs: views, outputs });
  if (expressionSize(spec.outputs.map((o) => o.expression)) > MOST_NODES) return undefined;
  return rebuild(spec);
}

/** Whether an expression reads no input: its value does not depend on where it is read. */
function isConstant(e: Expression): boolean {
  if (e.kind === "apply") return e.args.every(isConstant);
  return e.kind === "constant";
}

/** A reduction's expression with the map that produced `value` written into it. */
export function inlineMap(
  producer: MapSpec,
  shape: readonly number[],
  inputs: readonly View[],
  expression: Expression,
  value: Value,
): { inputs: readonly View[]; expression: Expression } | undefined {
  const output = producer.outputs.find((o) => o.value === value);
  const moved = reshapeViews(producer, shape);
  if (!output || !moved || producer.outputs.length !== 1) return undefined;
  const base = inputs.length;
  const mine = new Set<number>();
  for (const [k, view] of inputs.entries()) {
    if (view.value !== value) continue;
    if (!isIdentity(view, shape)) return undefined;
    mine.add(k);
  }
  const inner = substitute(output.expression, (n) => input(base + n));
  const spec = compact({
    shape,
    inputs: [...inputs, ...moved],
    outputs: [
      { value, expression: substitute(expression, (n) => (mine.has(n) ? inner : input(n))) },
    ],
  });
  return {
    inputs: spec.inputs,
    expression: (spec.outputs[0] as { expression: Expression }).expression,
  };
}

/**
 * A reduction's prologue that also computes a map over the same elements and stores its results, or
 * undefined where the map walks them in another order.
 */
export function withStores(prologue: Prologue, map: MapSpec): Prologue | undefined {
  const moved = reshapeViews(map, prologue.shape);
  if (!moved || map.outputs.some((o) => readsCoordinates(o.expression))) return undefined;
  const base = prologue.inputs.length;
  const memo = new Map<Expression, Expression>();
  const stores = prologue.stores ?? [];
  const spec = compact({
    shape: prologue.shape,
    inputs: [...prologue.inputs, ...moved],
    outputs: [
      ...[prologue.expression, ...stores.map((s) => s.expression)].map((expression) => ({
        expression,
      })),
      ...map.outputs.map((o) => ({
        expression: substitute(o.expression, (n) => input(base + n), memo),
      })),
    ],
  });
  const [expression, ...stored] = spec.outputs.map((o) => o.expression);
  if (!expression || expressionSize([expression, ...stored]) > MOST_NODES) return undefined;
  const values = [...stores, ...map.outputs].map((s) => s.value);
  return {
    shape: prologue.shape,
    inputs: spec.inputs,
    expression,
    stores: values.map((value, k) => ({ value, expression: stored[k] as Expression })),
  };
}

/**
 * The producer's views as views of another shape with as many elements, or undefined where an axis
 * that a view walks unevenly would have to be split in another way.
 */
function reshapeViews(producer: MapSpec, shape: readonly number[]): View[] | undefined {
  if (sizeOf(producer.shape) !== sizeOf(shape)) return undefined;
  const same =
    producer.shape.length === shape.length && producer.shape.every((n, i) => n === shape[i]);
  if (same) return [...producer.inputs];
  if (producer.outputs.some((o) => readsCoordinates(o.expression))) return undefined;
  const views: View[] = [];
  for (const view of producer.inputs) {
    const strides = reshapeStrides(producer.shape, view.strides, shape);
    if (!strides) return undefined;
    views.push({ ...view, strides });
  }
  return views;
}

/** Strides that walk `to` as `strides` walk `from` (both row-major over the same elements). */
export function reshapeStrides(
  from: readonly number[],
  strides: readonly number[],
  to: readonly number[],
): number[] | undefined {
  const contiguous = contiguousStrides(from);
  if (strides.every((s, i) => from[i] === 1 || s === contiguous[i])) return contiguousStrides(to);
  if (strides.every((s, i) => from[i] === 1 || s === 0)) return to.map(() => 0);
  // Axis by axis: groups of neighbouring axes with equal products must walk evenly.
  const out = new Array<number>(to.length).fill(0);
  let a = from.length - 1;
  let b = to.length - 1;
  while (a >= 0 || b >= 0) {
    let sizeA = a >= 0 ? (from[a] as number) : 1;
    let sizeB = b >= 0 ? (to[b] as number) : 1;
    const firstA = a;
    const firstB = b;
    while (sizeA !== sizeB) {
      if (sizeA < sizeB && a > 0) sizeA *= from[--a] as number;
      else if (sizeB < sizeA && b > 0) sizeB *= to[--b] as number;
      else return undefined;
    }
    // Within the group [a..firstA] the walk must be one even stride.
    let stride: number | undefined;
    let step = 1;
    for (let k = firstA; k >= Math.max(a, 0); k--) {
      const length = from[k] as number;
      if (length !== 1) {
        const s = strides[k] as number;
        stride ??= s / step;
        if (s !== stride * step) return undefined;
      }
      step *= length;
    }
    step = 1;
    for (let k = firstB; k >= Math.max(b, 0); k--) {
      const length = to[k] as number;
      out[k] = length === 1 ? 0 : (stride ?? 0) * step;
      step *= length;
    }
    a--;
    b--;
  }
  return out.every(Number.isInteger) ? out : undefined;
}

/** Drops inputs that nothing reads, and merges equal inputs and equal parts of the expressions. */
function compact<T extends { readonly expression: Expression }>(
  spec: Pick<MapSpec, "shape" | "inputs"> & { readonly outputs: readonly T[] },
): Pick<MapSpec, "shape" | "inputs"> & { readonly outputs: readonly T[] } {
  const read = new Set<number>();
  const visit = (e: Expression): void => {
    if (e.kind === "input") read.add(e.index);
    else if (e.kind === "apply") e.args.forEach(visit);
  };
  for (const o of spec.outputs) visit(o.expression);
  const inputs: View[] = [];
  const keys = new Map<string, number>();
  const place = new Map<number, number>();
  for (const [k, view] of spec.inputs.entries()) {
    if (!read.has(k)) continue;
    const key = `${view.value.id}:${view.offset}:${view.strides}`;
    let at = keys.get(key);
    if (at === undefined) {
      at = inputs.push(view) - 1;
      keys.set(key, at);
    }
    place.set(k, at);
  }
  const nodes = inputs.map((_, n) => input(n));
  const memo = new Map<Expression, Expression>();
  const replace = (n: number) => nodes[place.get(n) as number] as Expression;
  const expressions = shareParts(spec.outputs.map((o) => substitute(o.expression, replace, memo)));
  return {
    shape: spec.shape,
    inputs,
    outputs: spec.outputs.map((o, k) => ({ ...o, expression: expressions[k] as Expression })),
  };
}

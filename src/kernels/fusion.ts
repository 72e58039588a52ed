import { type Call, type Item, isPack, writtenBy } from "../gpu/call.ts";
import { sharesBuffer, sharesMemory, type Value } from "../gpu/value.ts";
import type { MapSpec } from "./elementwise.ts";
import { type Expression, expressionSize, input, substitute } from "./expression.ts";
import { type Facet, facetOf } from "./facets.ts";
import { contiguousStrides, isIdentity, sizeOf, type View } from "./view.ts";

/** WebGPU's default limit of storage buffers in one stage. */
const MOST_BUFFERS = 8;
/** Longer expressions spill registers and slow compilers down. */
const MOST_NODES = 96;

/**
 * Merges elementwise maps of a recording
 * - into the map that reads them (chains become one kernel, which may have several outputs),
 * - into the matmul, convolution or reduction that produces their input (epilogue),
 * - into the reduction that reads them (prologue).
 *
 * The producer moves to its consumer's place, so nothing between the two may read the producer's
 * result or change what it reads.
 *
 * @param keep values that are read after the step and must be stored
 */
export function fuse(recorded: readonly Item[], keep: ReadonlySet<Value>): Item[] {
  let items = [...recorded];
  for (let i = 0; i < items.length; i++) {
    let merged = true;
    while (merged) {
      merged = false;
      const consumer = items[i] as Item;
      if (isPack(consumer) || !facetOf(consumer)) break;
      for (const p of producersOf(items, i, consumer)) {
        const producer = items[p] as Call;
        const call = tryMerge(items, p, i, producer, consumer, keep);
        if (!call) continue;
        items[i] = call;
        items = items.filter((_, k) => k !== p);
        i--;
        merged = true;
        break;
      }
    }
  }
  return items;
}

/**
 * Where the inputs of item i are made. Maps come first: once a matmul has taken the consumer as its
 * epilogue, the other inputs' maps could no longer be written into it.
 */
function producersOf(items: readonly Item[], i: number, consumer: Call): number[] {
  const at = [...new Set(consumer.inputs)]
    .map((v) => items.findIndex((item, k) => k < i && !isPack(item) && item.outputs.includes(v)))
    .filter((p) => p >= 0);
  const isMap = (p: number): boolean => facetOf(items[p] as Call)?.kind === "map";
  return [...at.filter(isMap), ...at.filter((p) => !isMap(p))];
}

function tryMerge(
  items: readonly Item[],
  p: number,
  i: number,
  producer: Call,
  consumer: Call,
  keep: ReadonlySet<Value>,
): Call | undefined {
  const made = facetOf(producer);
  const used = facetOf(consumer);
  if (!made || !used || producer.updates.length > 0 || consumer.updates.length > 0)
    return undefined;
  // Storing whole numbers rounds; written into an expression they would not be.
  if (producer.outputs.some((v) => v.dtype !== "f32")) return undefined;
  for (const between of items.slice(p + 1, i)) {
    if (readBy(between).some((v) => sharesAny(v, producer.outputs))) return undefined;
    if (writtenBy(between).some((v) => sharesAny(v, [...producer.inputs, ...producer.outputs])))
      return undefined;
  }
  const readLater = (v: Value): boolean =>
    v.storage !== undefined ||
    keep.has(v) ||
    items.some((item, k) => k > i && readBy(item).includes(v));
  const merged = mergeFacets(producer, made, used, readLater);
  return merged && isBindable(merged) ? merged : undefined;
}

function mergeFacets(
  producer: Call,
  made: Facet,
  used: Facet,
  readLater: (v: Value) => boolean,
): Call | undefined {
  if (made.kind === "map" && used.kind === "map")
    return mergeMaps(made.spec, used.spec, used.rebuild, readLater);
  if (producer.outputs.some(readLater)) return undefined;
  const value = producer.outputs[0] as Value;
  if (made.kind === "map" && used.kind === "kernel" && used.withPrologue && used.prologue) {
    const before = used.prologue;
    const inner = inlineMap(made.spec, before.shape, before.inputs, before.expression, value);
    if (!inner || expressionSize([inner.expression]) > MOST_NODES) return undefined;
    return used.withPrologue({ shape: before.shape, ...inner });
  }
  if (made.kind === "kernel" && made.withEpilogue && made.result && used.kind === "map") {
    const { shape, outputs } = used.spec;
    const output = outputs[0];
    if (outputs.length !== 1 || !output || output.value.dtype !== "f32") return undefined;
    let { inputs } = used.spec;
    let { expression } = output;
    if (made.epilogue) {
      const before = made.epilogue;
      const first = { value, expression: before.expression };
      const inner = { shape: before.shape, inputs: before.inputs, outputs: [first] };
      const joined = inlineMap(inner, shape, inputs, expression, value);
      if (!joined) return undefined;
      ({ inputs, expression } = joined);
    }
    const hole = made.result;
    if (inputs.some((view) => view.value === hole && !isIdentity(view, shape))) return undefined;
    if (expressionSize([expression]) > MOST_NODES) return undefined;
    return made.withEpilogue({ shape, inputs, hole, expression, output: output.value });
  }
  return undefined;
}

/** Values whose content an item depends on. */
function readBy(item: Item): readonly Value[] {
  return isPack(item) ? item.inputs : [...item.inputs, ...item.updates];
}

function sharesAny(v: Value, values: readonly Value[]): boolean {
  return values.some((x) => sharesMemory(v, x));
}

/** WebGPU's rules: a limited number of bindings, and no buffer both read and written. */
function isBindable(call: Call): boolean {
  const written = writtenBy(call);
  if (call.inputs.length + written.length > MOST_BUFFERS) return false;
  return !call.inputs.some((v) => written.some((x) => sharesBuffer(v, x)));
}

/** The consumer with the producer's expressions written into its own. */
function mergeMaps(
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
      else return undefined;
    }
  }
  if (moved) views.push(...moved);
  else if (surviving.length > 0) return undefined;
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
function inlineMap(
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
 * The producer's views as views of another shape with as many elements, or undefined where an axis
 * that a view walks unevenly would have to be split in another way.
 */
function reshapeViews(producer: MapSpec, shape: readonly number[]): View[] | undefined {
  if (sizeOf(producer.shape) !== sizeOf(shape)) return undefined;
  const same =
    producer.shape.length === shape.length && producer.shape.every((n, i) => n === shape[i]);
  if (same) return [...producer.inputs];
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

/** Drops inputs that nothing reads and merges equal ones. */
function compact(spec: MapSpec): MapSpec {
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
  return {
    shape: spec.shape,
    inputs,
    outputs: spec.outputs.map((o) => ({
      ...o,
      expression: substitute(o.expression, replace, memo),
    })),
  };
}

import type { StorageType } from "../gpu/value.ts";
import { floatLiteral } from "./specialise.ts";

/** An elementwise computation on the inputs of a map, as a tree. */
export type Expression =
  | { readonly kind: "input"; readonly index: number }
  | { readonly kind: "constant"; readonly value: number }
  /** 1 at the coordinates that lie within all bounds, else 0. */
  | { readonly kind: "inside"; readonly bounds: readonly Bound[] }
  | {
      readonly kind: "apply";
      readonly fn: ElementFunction;
      readonly args: readonly Expression[];
    };

/** from ≤ c[axis] < to, for the coordinates c of an element of the map. */
export interface Bound {
  readonly axis: number;
  readonly from: number;
  readonly to: number;
}

/** WGSL of each elementwise function; `F` is f32 or vec4f. Masks are 0 and 1. */
const FUNCTIONS = {
  add: (a: string, b: string) => `(${a} + ${b})`,
  sub: (a: string, b: string) => `(${a} - ${b})`,
  mul: (a: string, b: string) => `(${a} * ${b})`,
  div: (a: string, b: string) => `(${a} / ${b})`,
  neg: (a: string) => `(-${a})`,
  abs: (a: string) => `abs(${a})`,
  sign: (a: string) => `sign(${a})`,
  exp: (a: string) => `exp(${a})`,
  expm1: (a: string) => `expm1(${a})`,
  log1p: (a: string) => `log1p(${a})`,
  log: (a: string) => `logSafe(${a})`,
  sqrt: (a: string) => `sqrt(${a})`,
  rsqrt: (a: string) => `inverseSqrt(${a})`,
  square: (a: string) => `(${a} * ${a})`,
  reciprocal: (a: string) => `(F(1.0) / ${a})`,
  sin: (a: string) => `sin(${a})`,
  cos: (a: string) => `cos(${a})`,
  floor: (a: string) => `floor(${a})`,
  tanh: (a: string) => `tanhPrecise(${a})`,
  sigmoid: (a: string) => `sigmoid(${a})`,
  softplus: (a: string) => `softplus(${a})`,
  logisticLoss: (logit: string, x: string) => `logisticLoss(${logit}, ${x})`,
  max: (a: string, b: string) => `max(${a}, ${b})`,
  min: (a: string, b: string) => `min(${a}, ${b})`,
  pow: (a: string, b: string) => `power(${a}, ${b})`,
  greater: (a: string, b: string) => `greater(${a}, ${b})`,
  equal: (a: string, b: string) => `equal(${a}, ${b})`,
  where: (mask: string, a: string, b: string) => `choose(${mask}, ${a}, ${b})`,
  clamp: (a: string, low: string, high: string) => `clamp(${a}, ${low}, ${high})`,
} as const;

export type ElementFunction = keyof typeof FUNCTIONS;

export const input = (index: number): Expression => ({ kind: "input", index });
export const constant = (value: number): Expression => ({ kind: "constant", value });
export const inside = (bounds: readonly Bound[]): Expression => ({ kind: "inside", bounds });
export const apply = (fn: ElementFunction, ...args: Expression[]): Expression => ({
  kind: "apply",
  fn,
  args,
});

/** Nodes of the tree; shared subtrees count once. */
export function expressionSize(expressions: readonly Expression[]): number {
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "apply") e.args.forEach(visit);
  };
  expressions.forEach(visit);
  return seen.size;
}

/** The tree with its inputs replaced; shared subtrees stay shared. */
export function substitute(
  e: Expression,
  replace: (index: number) => Expression,
  memo: Map<Expression, Expression> = new Map(),
): Expression {
  const known = memo.get(e);
  if (known) return known;
  const result =
    e.kind === "input"
      ? replace(e.index)
      : e.kind !== "apply"
        ? e
        : { ...e, args: e.args.map((a) => substitute(a, replace, memo)) };
  memo.set(e, result);
  return result;
}

/** Whether an expression depends on where it is computed. */
export function readsCoordinates(e: Expression): boolean {
  return e.kind === "apply" ? e.args.some(readsCoordinates) : e.kind === "inside";
}

/** Expressions in which equal parts are one object, so that each is computed once. */
export function shareParts(expressions: readonly Expression[]): Expression[] {
  const known = new Map<string, Expression>();
  const numbers = new Map<Expression, number>();
  const memo = new Map<Expression, Expression>();
  const keyOf = (e: Expression): string => {
    if (e.kind === "input") return `x${e.index}`;
    if (e.kind === "constant") return Object.is(e.value, -0) ? "-0" : String(e.value);
    if (e.kind === "inside") return JSON.stringify(e.bounds);
    return `${e.fn}(${e.args.map((a) => numbers.get(a))})`;
  };
  const share = (e: Expression): Expression => {
    const done = memo.get(e);
    if (done) return done;
    const args = e.kind === "apply" ? e.args.map(share) : [];
    const same = e.kind !== "apply" || args.every((a, k) => a === e.args[k]);
    const rebuilt = same ? e : { ...e, args };
    const key = keyOf(rebuilt);
    const shared = known.get(key) ?? rebuilt;
    known.set(key, shared);
    if (!numbers.has(shared)) numbers.set(shared, numbers.size);
    memo.set(e, shared);
    return shared;
  };
  return expressions.map(share);
}

/**
 * Statements that compute the expressions, each node once.
 *
 * @param inputs text of each input, already an `F`
 * @param within text of the F that says whether an element lies within bounds, where any are used
 * @returns the statements, and the text of each expression's result
 */
export function emitExpressions(
  expressions: readonly Expression[],
  inputs: readonly string[],
  within: (bounds: readonly Bound[]) => string = refuseBounds,
): { statements: string[]; results: string[] } {
  const statements: string[] = [];
  const names = new Map<Expression, string>();
  /** No literal and no constant expression may be infinite or NaN, but a variable's bits may. */
  const hidden = (value: number): string => {
    const name = `t${statements.length}`;
    statements.push(
      `var ${name}bits = ${bitsOf(value)}u;`,
      `let ${name} = F(bitcast<f32>(${name}bits));`,
    );
    return name;
  };
  const emit = (e: Expression): string => {
    const known = names.get(e);
    if (known) return known;
    const fixed = constantValue(e);
    let text: string;
    if (e.kind === "input") text = inputs[e.index] as string;
    else if (e.kind === "inside") {
      text = `t${statements.length}`;
      statements.push(`let ${text} = ${within(e.bounds)};`);
    } else if (fixed !== undefined && Number.isFinite(Math.fround(fixed)))
      text = Object.is(fixed, 0) ? "F()" : `F(${floatLiteral(fixed)})`; // F may be an integer
    else if (fixed !== undefined || e.kind === "constant") text = hidden(fixed as number);
    else {
      const factor = e.fn === "div" ? infiniteReciprocal(e.args[1] as Expression) : undefined;
      const args =
        factor === undefined ? e.args.map(emit) : [emit(e.args[0] as Expression), hidden(factor)];
      const fn = factor === undefined ? e.fn : "mul";
      const build = FUNCTIONS[fn] as (...args: string[]) => string;
      text = `t${statements.length}`;
      statements.push(`let ${text} = ${build(...args)};`);
    }
    names.set(e, text);
    return text;
  };
  return { results: expressions.map(emit), statements };
}

function refuseBounds(): string {
  throw new RangeError("the kernel knows no coordinates");
}

/** The number that an expression without inputs stands for. Compilers reject what is not finite. */
function constantValue(e: Expression): number | undefined {
  if (e.kind === "constant") return e.value;
  if (e.kind !== "apply") return undefined;
  const args = e.args.map(constantValue);
  if (args.some((x) => x === undefined)) return undefined;
  return (HOST[e.fn] as (...args: number[]) => number)(...(args as number[]));
}

/** Smaller numbers may count as 0. */
const SMALLEST_NORMAL = 2 ** -126;

/**
 * ±∞ where a divisor is a constant 0, else undefined. Some compilers drop a store of what they
 * know to be divided by 0; x · (±∞) is the same in every case, NaN for x = 0 included.
 */
function infiniteReciprocal(divisor: Expression): number | undefined {
  const fixed = constantValue(divisor);
  if (fixed === undefined || !(Math.abs(Math.fround(fixed)) < SMALLEST_NORMAL)) return undefined;
  return 1 / (fixed * 0); // fixed · 0 keeps its sign
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] as number;
}

/**
 * Evaluates an expression on the host in float64: the reference for tests and for constants.
 *
 * @param at coordinates of the element
 */
export function evaluateExpression(
  e: Expression,
  inputs: readonly number[],
  at: readonly number[] = [],
): number {
  if (e.kind === "input") return inputs[e.index] as number;
  if (e.kind === "constant") return e.value;
  if (e.kind === "inside")
    return Number(e.bounds.every(({ axis, from, to }) => at[axis]! >= from && at[axis]! < to));
  const args = e.args.map((a) => evaluateExpression(a, inputs, at));
  return (HOST[e.fn] as (...args: number[]) => number)(...args);
}

const HOST: Record<ElementFunction, (...args: number[]) => number> = {
  add: (a = 0, b = 0) => a + b,
  sub: (a = 0, b = 0) => a - b,
  mul: (a = 0, b = 0) => a * b,
  div: (a = 0, b = 0) => a / b,
  neg: (a = 0) => -a,
  abs: (a = 0) => Math.abs(a),
  sign: (a = 0) => Math.sign(a),
  exp: (a = 0) => Math.exp(a),
  expm1: (a = 0) => Math.expm1(a),
  log1p: (a = 0) => Math.log1p(a),
  log: (a = 0) => Math.log(a),
  sqrt: (a = 0) => Math.sqrt(a),
  rsqrt: (a = 0) => 1 / Math.sqrt(a),
  square: (a = 0) => a * a,
  reciprocal: (a = 0) => 1 / a,
  sin: (a = 0) => Math.sin(a),
  cos: (a = 0) => Math.cos(a),
  floor: (a = 0) => Math.floor(a),
  tanh: (a = 0) => Math.tanh(a),
  sigmoid: (a = 0) => 1 / (1 + Math.exp(-a)),
  softplus: (a = 0) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  logisticLoss: (a = 0, x = 0) => Math.max(a, 0) - a * x + Math.log1p(Math.exp(-Math.abs(a))),
  max: (a = 0, b = 0) => Math.max(a, b),
  min: (a = 0, b = 0) => Math.min(a, b),
  pow: (a = 0, b = 0) => (a === 0 ? 0 : a) ** b, // −0 counts as 0
  greater: (a = 0, b = 0) => Number(a > b),
  equal: (a = 0, b = 0) => Number(a === b),
  where: (mask = 0, a = 0, b = 0) => (mask !== 0 ? a : b),
  clamp: (a = 0, low = 0, high = 0) => Math.min(Math.max(a, low), high),
};

/** WGSL type of one element in a buffer. */
export function wgslType(dtype: StorageType, width: 1 | 4): string {
  const scalar = dtype === "f32" ? "f32" : "u32";
  return width === 1 ? scalar : `vec4<${scalar}>`;
}

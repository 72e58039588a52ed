import type { Value } from "../gpu/value.ts";

/**
 * How a map reads a value: element at coordinates c of the map's shape is
 * `value[offset + Σ c[i]·strides[i]]`. Stride 0 broadcasts; transposes and slices are strides and
 * offsets too. Where that is no element of the value (padding), what is read is any of them.
 */
export interface View {
  readonly value: Value;
  readonly offset: number;
  readonly strides: readonly number[];
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Row-major strides, with 0 for axes of length 1. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const length = shape[i] as number;
    strides[i] = length === 1 ? 0 : step;
    step *= length;
  }
  return strides;
}

export function contiguousView(value: Value, shape: readonly number[]): View {
  return { value, offset: 0, strides: contiguousStrides(shape) };
}

/** Whether the view reads element i of the value at position i of the map. */
export function isIdentity(view: View, shape: readonly number[]): boolean {
  if (view.offset !== 0 || view.value.size !== sizeOf(shape)) return false;
  const expected = contiguousStrides(shape);
  return view.strides.every((s, i) => shape[i] === 1 || s === expected[i]);
}

/** Whether the view reads nothing but elements of its value. */
export function isWithin(view: View, shape: readonly number[]): boolean {
  const last = shape.reduce(
    (sum, n, a) => sum + (n - 1) * (view.strides[a] as number),
    view.offset,
  );
  return view.offset >= 0 && last < view.value.size;
}

/**
 * Merges neighbouring axes that every view walks through evenly, and drops axes of length 1: fewer
 * divisions when a kernel turns an element's number into coordinates.
 */
export function collapseAxes(
  shape: readonly number[],
  views: readonly { readonly strides: readonly number[] }[],
): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const outStrides: number[][] = views.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis] as number;
    if (length === 1) continue;
    const last = outShape.length - 1;
    const mergeable =
      last >= 0 &&
      views.every((v, k) => outStrides[k]?.[last] === (v.strides[axis] as number) * length);
    if (mergeable) {
      outShape[last] = (outShape[last] as number) * length;
      for (const [k, v] of views.entries())
        (outStrides[k] as number[])[last] = v.strides[axis] as number;
    } else {
      outShape.push(length);
      for (const [k, v] of views.entries()) outStrides[k]?.push(v.strides[axis] as number);
    }
  }
  return { shape: outShape, strides: outStrides };
}

/**
 * WGSL for the index that a view reads at element `i` (row-major in `shape`).
 * Divisions are by constants, which compilers turn into multiplications.
 */
export function indexExpression(
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
  i: string,
): string {
  const terms: string[] = [];
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] as number;
    const stride = strides[axis] as number;
    if (stride !== 0) {
      let coordinate = step === 1 ? i : `(${i} / ${step}u)`;
      if (axis > 0) coordinate = `(${coordinate} % ${length}u)`;
      terms.push(stride === 1 ? coordinate : `${coordinate} * ${stride}u`);
    }
    step *= length;
  }
  if (offset > 0 || terms.length === 0) terms.push(`${Math.max(offset, 0)}u`);
  const sum = terms.reverse().join(" + ");
  return offset < 0 ? `${sum} - ${-offset}u` : sum; // wraps where the element is none of the value's
}

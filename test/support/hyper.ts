/**
 * Hyper-dual numbers (Fike and Alonso 2011): a value, its derivatives along two directions, and the
 * second derivative along both, in float64 and without a difference quotient. The reference for
 * first and second derivatives of random programs.
 */
import { coordinates, place, sizeOf } from "./host.ts";

/** Value, derivative along the first direction, along the second, along both. */
export type Hyper = readonly [number, number, number, number];

/** A tensor of hyper-dual numbers. */
export interface HyperTensor {
  readonly shape: readonly number[];
  readonly data: readonly Hyper[];
}

/** A number whose derivatives are 0. */
export const fixed = (x: number): Hyper => [x, 0, 0, 0];

export const plus = (p: Hyper, q: Hyper): Hyper => [
  p[0] + q[0],
  p[1] + q[1],
  p[2] + q[2],
  p[3] + q[3],
];

export const times = (p: Hyper, q: Hyper): Hyper => [
  p[0] * q[0],
  p[1] * q[0] + p[0] * q[1],
  p[2] * q[0] + p[0] * q[2],
  p[3] * q[0] + p[1] * q[2] + p[2] * q[1] + p[0] * q[3],
];

/** A function of one variable from its value, first and second derivative at p. */
export const chain = (p: Hyper, f: number, first: number, second: number): Hyper => [
  f,
  first * p[1],
  first * p[2],
  first * p[3] + second * p[1] * p[2],
];

export const scaled = (p: Hyper, factor: number): Hyper => times(p, fixed(factor));

export const inverse = (p: Hyper): Hyper => chain(p, 1 / p[0], -1 / p[0] ** 2, 2 / p[0] ** 3);

export const exponential = (p: Hyper): Hyper => {
  const e = Math.exp(p[0]);
  return chain(p, e, e, e);
};

export const logarithm = (p: Hyper): Hyper => chain(p, Math.log(p[0]), 1 / p[0], -1 / p[0] ** 2);

/** Element by element, broadcasting to `shape`. */
export function mapHyper(
  shape: readonly number[],
  inputs: readonly HyperTensor[],
  f: (...elements: Hyper[]) => Hyper,
): HyperTensor {
  return gatherHyper(shape, (c) => f(...inputs.map((x) => x.data[place(x.shape, c)] as Hyper)));
}

/** A tensor from the coordinates of its elements. */
export function gatherHyper(
  shape: readonly number[],
  f: (c: readonly number[]) => Hyper,
): HyperTensor {
  const data = Array.from({ length: sizeOf(shape) }, (_, i) => f(coordinates(shape, i)));
  return { shape, data };
}

/** Reduces over axes, which stay with length 1. */
export function reduceHyper(
  x: HyperTensor,
  axes: readonly number[],
  f: (elements: readonly Hyper[]) => Hyper,
): HyperTensor {
  const shape = x.shape.map((n, a) => (axes.includes(a) ? 1 : n));
  const groups = Array.from({ length: sizeOf(shape) }, () => [] as Hyper[]);
  for (const [i, e] of x.data.entries()) groups[place(shape, coordinates(x.shape, i))]?.push(e);
  return { shape, data: groups.map(f) };
}

export const total = (elements: readonly Hyper[]): Hyper => elements.reduce(plus, fixed(0));

/** Without derivatives. */
export const valuesOf = (x: HyperTensor): number[] => x.data.map((e) => e[0]);

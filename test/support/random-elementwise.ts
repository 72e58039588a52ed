/** Elementwise ops for random programs, each with the same computation in hyper-dual float64 numbers. */
import {
  abs,
  add,
  clamp,
  div,
  exp,
  greater,
  leakyRelu,
  log,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from "../../src/autograd/ops/elementwise.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  chain,
  exponential,
  fixed,
  type Hyper,
  inverse,
  logarithm,
  plus,
  scaled,
  times,
} from "./hyper.ts";

/** Values nearer to a kink than this would let rounding decide the result. */
const NEAR = 1e-2;

export const negative = (p: Hyper): Hyper => scaled(p, -1);
export const minus = (p: Hyper, q: Hyper): Hyper => plus(p, negative(q));
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

interface Unary {
  readonly host: (p: Hyper) => Hyper;
  readonly device: (x: Tensor) => Tensor;
  /** Where it may be applied. */
  readonly allowed?: (x: number) => boolean;
}

const away = (x: number): boolean => Math.abs(x) > NEAR;
const small = (x: number): boolean => Math.abs(x) < 3;
const select = (p: Hyper, slope: number): Hyper => scaled(p, slope);

export const UNARY: Record<string, Unary> = {
  neg: { host: negative, device: neg },
  square: { host: (p) => times(p, p), device: square, allowed: small },
  tanh: {
    host: (p) => {
      const t = Math.tanh(p[0]);
      return chain(p, t, 1 - t * t, -2 * t * (1 - t * t));
    },
    device: tanh,
  },
  sigmoid: {
    host: (p) => {
      const s = logistic(p[0]);
      return chain(p, s, s * (1 - s), s * (1 - s) * (1 - 2 * s));
    },
    device: sigmoid,
  },
  softplus: {
    host: (p) => {
      const s = logistic(p[0]);
      const y = Math.max(p[0], 0) + Math.log1p(Math.exp(-Math.abs(p[0])));
      return chain(p, y, s, s * (1 - s));
    },
    device: softplus,
  },
  exp: { host: exponential, device: exp, allowed: (x) => x < 2 },
  log: { host: logarithm, device: log, allowed: (x) => x > 0.2 },
  sqrt: {
    host: (p) => chain(p, Math.sqrt(p[0]), 0.5 / Math.sqrt(p[0]), -0.25 * p[0] ** -1.5),
    device: sqrt,
    allowed: (x) => x > 0.2,
  },
  cube: {
    host: (p) => chain(p, p[0] ** 3, 3 * p[0] ** 2, 6 * p[0]),
    device: (x) => pow(x, 3),
    allowed: (x) => away(x) && small(x),
  },
  abs: { host: (p) => select(p, Math.sign(p[0])), device: abs, allowed: away },
  relu: { host: (p) => select(p, p[0] > 0 ? 1 : 0), device: relu, allowed: away },
  leakyRelu: {
    host: (p) => select(p, p[0] > 0 ? 1 : 0.2),
    device: (x) => leakyRelu(x),
    allowed: away,
  },
  clamp: {
    host: (p) => (Math.abs(p[0]) < 0.5 ? p : fixed(Math.sign(p[0]) * 0.5)),
    device: (x) => clamp(x, -0.5, 0.5),
    allowed: (x) => away(Math.abs(x) - 0.5),
  },
  timesNumber: { host: (p) => scaled(p, -1.5), device: (x) => mul(x, -1.5) },
  plusNumber: { host: (p) => plus(p, fixed(0.75)), device: (x) => add(0.75, x) },
};

interface Binary {
  readonly host: (p: Hyper, q: Hyper) => Hyper;
  readonly device: (x: Tensor, y: Tensor) => Tensor;
  readonly allowed?: (x: number, y: number) => boolean;
}

/** Far enough for one to be the larger whatever is rounded. */
export const apart = (x: number, y: number): boolean => away(x - y);

export const BINARY: Record<string, Binary> = {
  add: { host: plus, device: add },
  sub: { host: minus, device: sub },
  mul: { host: times, device: mul },
  div: { host: (p, q) => times(p, inverse(q)), device: div, allowed: (_, y) => Math.abs(y) > 0.3 },
  maximum: { host: (p, q) => (p[0] >= q[0] ? p : q), device: maximum, allowed: apart },
  minimum: { host: (p, q) => (p[0] <= q[0] ? p : q), device: minimum, allowed: apart },
  where: {
    host: (p, q) => (p[0] > 0.25 ? q : p),
    device: (x, y) => where(greater(x, 0.25), y, x),
    allowed: (x) => away(x - 0.25),
  },
};

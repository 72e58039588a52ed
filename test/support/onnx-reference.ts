/** The operators that exported graphs are made of, in float64 and as ONNX defines them. */
import type { ReadModel, ReadNode, ReadTensor } from "./onnx-file.ts";

interface Value {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

type Attributes = ReadNode["attributes"];
type Operator = (inputs: readonly Value[], attributes: Attributes) => Value[];

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function elementwise(f: (x: number, attributes: Attributes) => number): Operator {
  return ([x], attributes) => [
    { shape: x!.shape, values: Float64Array.from(x!.values, (v) => f(v, attributes)) },
  ];
}

/** The second operand is a number, or a vector along the last axis. */
function withVector(f: (a: number, b: number) => number): Operator {
  return ([x, y]) => {
    const { values: b } = y!;
    return [
      {
        shape: x!.shape,
        values: Float64Array.from(x!.values, (v, i) => f(v, b[i % b.length]!)),
      },
    ];
  };
}

/** Each element of a result from its place. */
function build(shape: readonly number[], at: (place: readonly number[]) => number): Value {
  const place = shape.map(() => 0);
  const values = Float64Array.from({ length: size(shape) }, () => {
    const value = at(place);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place[axis]!++;
      if (place[axis]! < shape[axis]!) break;
      place[axis] = 0;
    }
    return value;
  });
  return { shape, values };
}

const element = ({ shape, values }: Value, place: readonly number[]): number =>
  values[place.reduce((index, p, axis) => index * shape[axis]! + p, 0)]!;

const conv: Operator = ([x, w, b], attributes) => {
  const [n, , height, width] = x!.shape as [number, number, number, number];
  const [out, channels, kh, kw] = w!.shape as [number, number, number, number];
  const [top, left, bottom, right] = attributes.pads as [number, number, number, number];
  const [sh, sw] = attributes.strides as [number, number];
  const oh = Math.floor((height + top + bottom - kh) / sh) + 1;
  const ow = Math.floor((width + left + right - kw) / sw) + 1;
  const result = build([n, out, oh, ow], ([i, o, r, c]) => {
    let sum = b ? b.values[o!]! : 0;
    for (let k = 0; k < channels; k++)
      for (let p = 0; p < kh; p++)
        for (let q = 0; q < kw; q++) {
          const [row, column] = [r! * sh + p - top, c! * sw + q - left];
          if (row >= 0 && row < height && column >= 0 && column < width)
            sum += element(x!, [i!, k, row, column]) * element(w!, [o!, k, p, q]);
        }
    return sum;
  });
  return [result];
};

const convTranspose: Operator = ([x, w, b], attributes) => {
  const [n, channels, height, width] = x!.shape as [number, number, number, number];
  const [, out, kh, kw] = w!.shape as [number, number, number, number];
  const [top, left, bottom, right] = attributes.pads as [number, number, number, number];
  const [sh, sw] = attributes.strides as [number, number];
  const [addH, addW] = attributes.output_padding as [number, number];
  const oh = sh * (height - 1) + addH + kh - top - bottom;
  const ow = sw * (width - 1) + addW + kw - left - right;
  const result = build([n, out, oh, ow], ([i, o, r, c]) => {
    let sum = b ? b.values[o!]! : 0;
    for (let k = 0; k < channels; k++)
      for (let p = 0; p < kh; p++)
        for (let q = 0; q < kw; q++) {
          const [row, column] = [(r! + top - p) / sh, (c! + left - q) / sw];
          if (
            Number.isInteger(row) &&
            Number.isInteger(column) &&
            row >= 0 &&
            row < height &&
            column >= 0 &&
            column < width
          )
            sum += element(x!, [i!, k, row, column]) * element(w!, [k, o!, p, q]);
        }
    return sum;
  });
  return [result];
};

const operators: Readonly<Record<string, Operator>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Relu: elementwise((x) => Math.max(0, x)),
  LeakyRelu: elementwise((x, { alpha }) => (x < 0 ? (alpha as number) * x : x)),
  Sigmoid: elementwise((x) => 1 / (1 + Math.exp(-x))),
  Tanh: elementwise(Math.tanh),
  Softplus: elementwise((x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(0, x)),
  Log: elementwise(Math.log),
  Add: withVector((a, b) => a + b),
  Mul: withVector((a, b) => a * b),
  Gemm: ([x, w, b], { transB }) => {
    if (transB !== 1) throw new Error("Gemm with another layout");
    const [n, inputs] = x!.shape as [number, number];
    const [outputs] = w!.shape as [number, number];
    const result = build([n, outputs], ([i, o]) => {
      let sum = b ? b.values[o!]! : 0;
      for (let k = 0; k < inputs; k++) sum += element(x!, [i!, k]) * element(w!, [o!, k]);
      return sum;
    });
    return [result];
  },
  BatchNormalization: ([x, scale, bias, mean, variance], { epsilon }) => [
    build(x!.shape, (place) => {
      const c = place[1]!;
      const standard =
        (element(x!, place) - mean!.values[c]!) /
        Math.sqrt(variance!.values[c]! + (epsilon as number));
      return standard * scale!.values[c]! + bias!.values[c]!;
    }),
  ],
  Flatten: ([x]) => [{ shape: [x!.shape[0]!, size(x!.shape.slice(1))], values: x!.values }],
  Reshape: ([x, shape]) => [
    { shape: Array.from(shape!.values, (n, axis) => n || x!.shape[axis]!), values: x!.values },
  ],
  Split: ([x, lengths]) => {
    let start = 0;
    return Array.from(lengths!.values, (length) => {
      const from = start;
      start += length;
      return build([x!.shape[0]!, length], ([i, k]) => element(x!, [i!, from + k!]));
    });
  },
  Concat: (parts) => {
    const length = parts.reduce((sum, { shape }) => sum + shape[1]!, 0);
    const [n, , ...rest] = parts[0]!.shape;
    const result = build([n!, length, ...rest], ([i, k, ...place]) => {
      let channel = k!;
      const part = parts.find(({ shape }) => {
        if (channel < shape[1]!) return true;
        channel -= shape[1]!;
        return false;
      });
      return element(part!, [i!, channel, ...place]);
    });
    return [result];
  },
  Expand: ([x, shape]) => [
    build(
      Array.from(shape!.values, (n, axis) => Math.max(n, x!.shape[axis]!)),
      (place) =>
        element(
          x!,
          place.map((p, axis) => (x!.shape[axis] === 1 ? 0 : p)),
        ),
    ),
  ],
  Pad: ([x, pads]) => {
    const rank = x!.shape.length;
    const shape = x!.shape.map((n, axis) => n + pads!.values[axis]! + pads!.values[rank + axis]!);
    const result = build(shape, (place) => {
      const from = place.map((p, axis) => p - pads!.values[axis]!);
      return from.every((p, axis) => p >= 0 && p < x!.shape[axis]!) ? element(x!, from) : 0;
    });
    return [result];
  },
  OneHot: ([label, depth, values]) => [
    build([label!.shape[0]!, depth!.values[0]!], ([i, k]) =>
      label!.values[i!] === k ? values!.values[1]! : values!.values[0]!,
    ),
  ],
};

const plain = ({ shape, values }: ReadTensor): Value => ({
  shape,
  values: Float64Array.from(values as ArrayLike<number | bigint>, Number),
});

/** Runs a graph. Throws for an operator or a value that is not there. */
export function runReference(
  { nodes, constants, outputs }: ReadModel,
  inputs: Readonly<Record<string, Value>>,
): Record<string, Value> {
  const values = new Map<string, Value>(Object.entries(inputs));
  for (const [name, tensor] of constants) values.set(name, plain(tensor));
  const named = (name: string): Value => {
    const found = values.get(name);
    if (!found) throw new Error(`there is no ${name} yet`);
    return found;
  };
  for (const node of nodes) {
    const operator = operators[node.op];
    if (!operator) throw new Error(`there is no operator ${node.op}`);
    const results = operator(node.inputs.map(named), node.attributes);
    for (const [i, name] of node.outputs.entries()) values.set(name, results[i]!);
  }
  return Object.fromEntries(outputs.map(({ name }) => [name, named(name)]));
}

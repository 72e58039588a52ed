/** The directions of conv2d in workgroup memory, for tests that treat them alike. */
import type { Call } from "../../src/gpu/call.ts";
import type { Value } from "../../src/gpu/value.ts";
import type { ConvDirection, ConvGeometry } from "../../src/kernels/conv-geometry.ts";
import { conv2dTiledCalls, conv2dTiledVariants } from "../../src/kernels/conv2d-tiled.ts";
import {
  convReference,
  imageSize,
  inputGradientReference,
  resultSize,
  type Sums,
  weightGradientReference,
  weightSize,
} from "./products.ts";

/** A direction: sizes of its operands and its result, its calls, and what they should give. */
export interface Direction {
  readonly sizes: (g: ConvGeometry) => readonly [number, number, number];
  /** Elements of the result's last axis. */
  readonly columns: (g: ConvGeometry) => number;
  readonly calls: (a: Value, b: Value, g: ConvGeometry, out: Value) => readonly Call[];
  readonly reference: (a: Float32Array, b: Float32Array, g: ConvGeometry) => Sums;
}

/** The calls of a direction in the heuristic's tile, its sum split as given. */
const calls =
  (direction: ConvDirection, splits = 1): Direction["calls"] =>
  (a, b, g, out) => {
    const [first] = conv2dTiledVariants(out.device.target, direction, g);
    return conv2dTiledCalls("conv2d", direction, a, b, g, out, { ...first!, splits });
  };

const weightGradient = (splits: number): Direction => ({
  sizes: (g) => [imageSize(g), resultSize(g), weightSize(g)],
  columns: (g) => g.outC,
  calls: calls("weight gradient", splits),
  reference: weightGradientReference,
});

export const directions: Readonly<Record<string, Direction>> = {
  forward: {
    sizes: (g) => [imageSize(g), weightSize(g), resultSize(g)],
    columns: (g) => g.outC,
    calls: calls("forward"),
    reference: convReference,
  },
  "input gradient": {
    sizes: (g) => [resultSize(g), weightSize(g), imageSize(g)],
    columns: (g) => g.inC,
    calls: calls("input gradient"),
    reference: inputGradientReference,
  },
  "weight gradient": weightGradient(1),
  "weight gradient of 3 shares": weightGradient(3),
};

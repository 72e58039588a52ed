import { batchNorm } from "../../autograd/ops/norm.ts";
import { grad, track } from "../../autograd/tape.ts";
import type { Device } from "../../gpu/device.ts";
import { record } from "../../tensor/run.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { BuiltCase, KernelCase, Reference } from "../kernel-case.ts";
import { randomOnDevice } from "../random-data.ts";

const EPSILON = 1e-5;

/** Statistics of a channel, and the sums that the derivative needs. */
interface Channel {
  readonly mean: number;
  /** 1/√(variance + ε). */
  readonly inverse: number;
  /** Σ dy, and Σ dy·x̂, with the sums of their terms' absolute values. */
  readonly total: number;
  readonly totalSize: number;
  readonly along: number;
  readonly alongSize: number;
}

function channelOf(c: number, channels: number, x: Float32Array, dy?: Float32Array): Channel {
  const count = x.length / channels;
  let mean = 0;
  for (let i = c; i < x.length; i += channels) mean += (x[i] as number) / count;
  let variance = 0;
  for (let i = c; i < x.length; i += channels) variance += ((x[i] as number) - mean) ** 2 / count;
  const inverse = 1 / Math.sqrt(variance + EPSILON);
  let [total, totalSize, along, alongSize] = [0, 0, 0, 0];
  for (let i = c; dy && i < x.length; i += channels) {
    const slope = dy[i] as number;
    const product = slope * ((x[i] as number) - mean) * inverse;
    total += slope;
    totalSize += Math.abs(slope);
    along += product;
    alongSize += Math.abs(product);
  }
  return { mean, inverse, total, totalSize, along, alongSize };
}

/** Each channel's statistics, computed when they are first wanted. */
function channelsOf(channels: number, x: Float32Array, dy?: Float32Array): (c: number) => Channel {
  const known = new Map<number, Channel>();
  return (c) => {
    const found = known.get(c) ?? channelOf(c, channels, x, dy);
    known.set(c, found);
    return found;
  };
}

/** x: [batch, height, width, channels]. */
type Shape = readonly [number, number, number, number];

/** Operations an element: two sums for the statistics, then the normalised value. */
const FORWARD_OPERATIONS = 8;
/** The statistics, two more sums, and the derivative. */
const BACKWARD_OPERATIONS = 16;

/** Statistics of the batch and normalisation: y = (x − mean)/√(variance + ε)·γ + β. */
export function batchNormCase(shape: Shape): KernelCase {
  const channels = shape[3];
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    name: "batch-norm",
    shape: shape.join("x"),
    flops: FORWARD_OPERATIONS * size,
    bytes: 8 * size,
    terms: 1,
    build: async (device) => {
      const inputs = randomOnDevice(device, [shape, [channels], [channels]]);
      const [x, gamma, beta] = inputs as [Tensor, Tensor, Tensor];
      const { program, result } = await record(device, () => batchNorm(x, gamma, beta));
      return { program, inputs, outputs: [result] };
    },
    reference: ([x, gamma, beta]) => {
      const channel = channelsOf(channels, x as Float32Array);
      return (_, element) => {
        const c = element % channels;
        const { mean, inverse } = channel(c);
        const scaled = ((x?.[element] as number) - mean) * inverse * (gamma?.[c] as number);
        return { value: scaled + (beta?.[c] as number), size: 1 };
      };
    },
  };
}

/**
 * The derivatives with respect to x, γ and β from that of y; the statistics are computed for them, as
 * nothing else of the program does.
 */
export function batchNormGradientCase(shape: Shape): KernelCase {
  const channels = shape[3];
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    name: "batch-norm-gradient",
    shape: shape.join("x"),
    flops: BACKWARD_OPERATIONS * size,
    bytes: 12 * size,
    terms: 1,
    build: (device) => buildGradient(device, shape),
    reference: ([x, dy, gamma]) => {
      const count = size / channels;
      const channel = channelsOf(channels, x as Float32Array, dy);
      const reference: Reference = (output, element) => {
        const c = element % channels;
        const { mean, inverse, total, totalSize, along, alongSize } = channel(c);
        if (output === 1) return { value: along, size: alongSize };
        if (output === 2) return { value: total, size: totalSize };
        const standard = ((x?.[element] as number) - mean) * inverse;
        const slope = (dy?.[element] as number) - total / count - (standard * along) / count;
        const scale = (gamma?.[c] as number) * inverse;
        return { value: scale * slope, size: Math.abs(scale) + 1e-2 };
      };
      return reference;
    },
  };
}

async function buildGradient(device: Device, shape: Shape): Promise<BuiltCase> {
  const channels = shape[3];
  const [x, dy, gamma, beta] = randomOnDevice(device, [shape, shape, [channels], [channels]]) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const { program, result } = await record(device, () => {
    const leaves = [x, gamma, beta].map(track) as [Tensor, Tensor, Tensor];
    return grad(batchNorm(...leaves), leaves, { dy });
  });
  return { program, inputs: [x, dy, gamma], outputs: result, others: [beta] };
}

export const normCases: readonly KernelCase[] = [
  batchNormCase([128, 28, 28, 32]),
  batchNormGradientCase([128, 28, 28, 32]),
  batchNormCase([128, 7, 7, 128]),
  batchNormGradientCase([128, 7, 7, 128]),
];

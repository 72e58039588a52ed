import {
  add,
  div,
  equal,
  log,
  maximum,
  minimum,
  mul,
  neg,
  where,
} from "../autograd/ops/elementwise.ts";
import { gather, oneHot } from "../autograd/ops/indexing.ts";
import { concat } from "../autograd/ops/join.ts";
import { matmul } from "../autograd/ops/matmul.ts";
import { type RandomKey, randomUniform } from "../autograd/ops/random.ts";
import { argmax, max } from "../autograd/ops/reduce.ts";
import { reshape } from "../autograd/ops/shape.ts";
import { sum } from "../autograd/ops/sum.ts";
import { noGrad } from "../autograd/tape.ts";
import { assign, variable } from "../tensor/create.ts";
import { scope } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { pairwiseSquaredDistances } from "./losses.ts";

/** Centres of clusters and the share of the points that are nearest to each. */
export interface Clusters {
  /** [k, d] */
  readonly centres: Tensor;
  /** [k], sums to 1 */
  readonly weights: Tensor;
}

/** The nearest centre to each point: u32 [n]. points: [n, d], centres: [k, d] */
export function nearestCentre(points: Tensor, centres: Tensor): Tensor<"u32"> {
  return argmax(neg(pairwiseSquaredDistances(points, centres)), 1);
}

/** Farther than any code. */
const FAR = 1e30;

/** The same among the centres of clusters that have a share of the points. */
export function nearestCluster(points: Tensor, { centres, weights }: Clusters): Tensor<"u32"> {
  const [k = 0] = weights.shape;
  const away = reshape(mul(equal(weights, 0), FAR), [1, k]);
  return argmax(neg(add(pairwiseSquaredDistances(points, centres), away)), 1);
}

/** The share of the points that are nearest to each centre: [k]. */
export function sharesOf(points: Tensor, centres: Tensor): Tensor {
  const [n = 0] = points.shape;
  const [k = 0] = centres.shape;
  return mul(sum(oneHot(nearestCentre(points, centres), k), 0), 1 / n);
}

/**
 * Starting centres by k-means++ (Arthur and Vassilvitskii 2007): the first is any point, each further one
 * a point drawn with a probability in proportion to its squared distance from the nearest centre so far.
 *
 * @param points [n, d] @param key k streams from its own on
 * @param pause awaited between the centres; it may throw to give up
 * @returns [k, d]; who asks for it releases it
 */
export async function plusPlus(
  points: Tensor,
  k: number,
  key: RandomKey,
  pause?: () => Promise<void>,
): Promise<Tensor> {
  const { device } = points;
  const [n = 0, d = 0] = points.shape;
  // Every round has the same shapes, so that all run the same kernels.
  const far = new Float32Array(n).fill(1);
  const nearest = variable(device, far, [n], "squares to the nearest centre");
  const chosen: Tensor[] = [];
  try {
    for (let i = 0; i < k; i++) {
      const draw = () => {
        const uniform = randomUniform(device, [n], { ...key, stream: key.stream + i });
        // The largest of ln p + Gumbel noise is a draw with the probabilities p.
        const noise = neg(log(maximum(neg(log(maximum(uniform, 1e-12))), 1e-12)));
        const scores = add(log(maximum(nearest, 1e-30)), noise);
        const centre = reshape(gather(points, argmax(reshape(scores, [1, n]), 1)), [1, d]);
        const squares = nearestSquares(points, centre);
        assign(nearest, i === 0 ? squares : minimum(nearest, squares));
        return centre;
      };
      chosen.push(scope(device, () => noGrad(draw)));
      await pause?.();
    }
    return scope(device, () => noGrad(() => concat(chosen, 0)));
  } finally {
    for (const { value } of [nearest, ...(k > 1 ? chosen : [])]) device.release(value);
  }
}

/**
 * One round of Lloyd's algorithm: every centre becomes the mean of the points that it is nearest to; one
 * without any moves to the point that is farthest from its centre. Several without any move to the same
 * point, of which the next rounds leave it to one, and so on.
 *
 * @param points [n, d] @param centres [k, d] @returns the new centres, [k, d]
 */
export function lloyd(points: Tensor, centres: Tensor): Tensor {
  const [n = 0, d = 0] = points.shape;
  const [k = 0] = centres.shape;
  const member = oneHot(nearestCentre(points, centres), k);
  const counts = sum(member, 0);
  const sums = matmul(member, points, { transposeA: true });
  const means = div(sums, reshape(maximum(counts, 1), [k, 1]));
  const far = argmax(reshape(nearestSquares(points, centres), [1, n]), 1);
  const farthest = reshape(gather(points, far), [1, d]);
  const empty = equal(reshape(counts, [k, 1]), 0);
  return where(empty, farthest, means);
}

function nearestSquares(points: Tensor, centres: Tensor): Tensor {
  return neg(max(neg(pairwiseSquaredDistances(points, centres)), 1));
}

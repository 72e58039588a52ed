import type { ConvGeometry } from "../../kernels/conv-geometry.ts";
import { type ConvLayer, samePadding, vaeLayers } from "../conv-layers.ts";
import type { Ladder } from "../ladder.ts";
import { convWeightGradientLadder } from "./conv-weight-gradient.ts";
import { matmulLadder } from "./matmul.ts";

/** A ladder's shape that is timed, and one that is small enough to compare every element. */
export interface LadderShapes {
  readonly small: Ladder;
  readonly large: Ladder;
}

function geometryOf(layer: ConvLayer): ConvGeometry {
  const { batch, large, small, kernel, stride } = layer;
  const [inH, inW, inC] = large;
  const [outH, outW, outC] = small;
  return {
    ...{ batch, inH, inW, inC, outH, outW, outC },
    ...{ kernelH: kernel, kernelW: kernel, strideH: stride, strideW: stride },
    ...{ padTop: samePadding(layer, inH, outH), padLeft: samePadding(layer, inW, outW) },
  };
}

/** Uneven in all lengths, paddings and shares of the sum, but with channels in fours. */
const uneven: ConvGeometry = {
  ...{ batch: 5, inH: 6, inW: 5, inC: 12, outH: 4, outW: 6, outC: 20 },
  ...{ kernelH: 3, kernelW: 2, strideH: 2, strideW: 1, padTop: 1, padLeft: 1 },
};

/** The ladders by name. Made when asked for, since each reads its shaders' headers. */
export const ladders: Readonly<Record<string, () => LadderShapes>> = {
  matmul: () => ({
    small: matmulLadder({ m: 21, n: 36, k: 28 }),
    large: matmulLadder({ m: 512, n: 512, k: 512 }),
  }),
  "conv-weight-gradient": () => ({
    small: convWeightGradientLadder(uneven),
    large: convWeightGradientLadder(geometryOf(vaeLayers[1])),
  }),
};

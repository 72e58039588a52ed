import type { ConvGeometry } from "../../kernels/conv-geometry.ts";
import type { Ladder } from "../ladder.ts";
import { convWeightGradientLadder } from "./conv-weight-gradient.ts";
import { matmulLadder } from "./matmul.ts";

/** A ladder's shape that is timed, and one that is small enough to compare every element. */
export interface LadderShapes {
  readonly small: Ladder;
  readonly large: Ladder;
}

/** A layer of the convolutional VAE: 3×3 taps, stride 2, padding "same". */
const layer: ConvGeometry = {
  ...{ batch: 128, inH: 14, inW: 14, inC: 32, outH: 7, outW: 7, outC: 64 },
  ...{ kernelH: 3, kernelW: 3, strideH: 2, strideW: 2, padTop: 0, padLeft: 0 },
};

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
    large: convWeightGradientLadder(layer),
  }),
};

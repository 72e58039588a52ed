import naive from "../../../shaders/ladder/conv_weight_gradient/01_naive.wgsl";
import noTestsInside from "../../../shaders/ladder/conv_weight_gradient/02_no_tests_inside.wgsl";
import channelTile from "../../../shaders/ladder/conv_weight_gradient/03_channel_tile.wgsl";
import registerTile from "../../../shaders/ladder/conv_weight_gradient/04_register_tile.wgsl";
import vec4 from "../../../shaders/ladder/conv_weight_gradient/05_vec4.wgsl";
import largerTile from "../../../shaders/ladder/conv_weight_gradient/06_larger_tile.wgsl";
import workgroupSum from "../../../shaders/ladder/conv_weight_gradient/07_workgroup_sum.wgsl";
import secondPass from "../../../shaders/ladder/conv_weight_gradient/08_second_pass.wgsl";
import textures from "../../../shaders/ladder/conv_weight_gradient/09_textures.wgsl";
import { type ConvGeometry, flopsOf, geometryConstants } from "../../kernels/conv-geometry.ts";
import { conv2dWeightGradientCalls } from "../../kernels/conv2d-weight-gradient.ts";
import type { Ladder } from "../ladder.ts";
import { fileRung, type StepOptions } from "./step.ts";

/** Versions of the weight gradient of `conv2d`; docs/kernels.md explains them. */
export function convWeightGradientLadder(g: ConvGeometry): Ladder {
  const taps = g.kernelH * g.kernelW;
  const flops = flopsOf(g);
  const constants = {
    ...geometryConstants(g),
    BATCH: g.batch,
    IN_C: g.inC,
    OUT_C: g.outC,
  };
  const rung = (name: string, text: string, options: StepOptions) =>
    fileRung(name, text, { constants, flops }, options);
  const tiles = (rows: number, cols: number) =>
    taps * Math.ceil(g.inC / rows) * Math.ceil(g.outC / cols);
  /** A thread computes rows × cols channels of a tap. */
  const tile = (rows: number, cols: number, shares = 1): StepOptions["workgroups"] => [
    Math.ceil(tiles(rows, cols) / 64),
    shares,
    1,
  ];
  const whole = g.inC % 4 === 0 && g.outC % 4 === 0;
  const fours = { unfit: whole ? undefined : "the channels are no multiples of 4" };
  const splits = Math.min(16, g.batch * g.outH);
  const split = { workgroups: tile(8, 8, splits), splits, ...fours };
  return {
    shape: `${g.batch}×${g.inH}×${g.inW}×${g.inC}→${g.outH}×${g.outW}×${g.outC}, ${g.kernelH}×${g.kernelW}, stride ${g.strideH}`,
    flops,
    inputs: [g.batch * g.inH * g.inW * g.inC, g.batch * g.outH * g.outW * g.outC],
    output: taps * g.inC * g.outC,
    reference: ([x, dy], at) => weightReference(x!, dy!, g, at),
    rungs: [
      rung("01_naive", naive, { workgroups: tile(1, 1) }),
      rung("02_no_tests_inside", noTestsInside, { workgroups: tile(1, 1) }),
      rung("03_channel_tile", channelTile, { workgroups: tile(1, 4) }),
      rung("04_register_tile", registerTile, { workgroups: tile(4, 4) }),
      rung("05_vec4", vec4, { workgroups: tile(4, 4), ...fours }),
      rung("06_larger_tile", largerTile, { workgroups: tile(8, 8), ...fours }),
      rung("07_workgroup_sum", workgroupSum, {
        workgroups: [tiles(4, 4), 1, 1],
        from: "05_vec4",
        ...fours,
      }),
      rung("08_second_pass", secondPass, { ...split, from: "06_larger_tile" }),
      rung("09_textures", textures, { ...split, textures: true }),
      {
        name: "10_engine",
        idea: "what the engine takes on this adapter",
        calls: ([x, dy], dw) => conv2dWeightGradientCalls("conv2d", x!, dy!, g, dw),
      },
    ],
  };
}

/** Weight `at` of the gradient in float64. */
function weightReference(x: Float32Array, dy: Float32Array, g: ConvGeometry, at: number) {
  const co = at % g.outC;
  const ci = Math.floor(at / g.outC) % g.inC;
  const tap = Math.floor(at / (g.outC * g.inC));
  const [kh, kw] = [Math.floor(tap / g.kernelW), tap % g.kernelW];
  let [sum, size] = [0, 0];
  for (let line = 0; line < g.batch * g.outH; line++) {
    const ih = (line % g.outH) * g.strideH + kh - g.padTop;
    if (ih < 0 || ih >= g.inH) continue;
    for (let ow = 0; ow < g.outW; ow++) {
      const iw = ow * g.strideW + kw - g.padLeft;
      if (iw < 0 || iw >= g.inW) continue;
      const pixel = (Math.floor(line / g.outH) * g.inH + ih) * g.inW + iw;
      const product = x[pixel * g.inC + ci]! * dy[(line * g.outW + ow) * g.outC + co]!;
      sum += product;
      size += Math.abs(product);
    }
  }
  return { sum, size };
}

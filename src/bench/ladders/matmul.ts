import naive from "../../../shaders/ladder/matmul/01_naive.wgsl";
import lanesAlongRows from "../../../shaders/ladder/matmul/02_lanes_along_rows.wgsl";
import columnTile from "../../../shaders/ladder/matmul/03_column_tile.wgsl";
import registerTile from "../../../shaders/ladder/matmul/04_register_tile.wgsl";
import unrolled from "../../../shaders/ladder/matmul/05_unrolled.wgsl";
import vec4 from "../../../shaders/ladder/matmul/06_vec4.wgsl";
import blockOfFour from "../../../shaders/ladder/matmul/07_block_of_four.wgsl";
import largerTile from "../../../shaders/ladder/matmul/08_larger_tile.wgsl";
import textures from "../../../shaders/ladder/matmul/09_textures.wgsl";
import loadsFirst from "../../../shaders/ladder/matmul/10_loads_first.wgsl";
import workgroupMemory from "../../../shaders/ladder/matmul/11_workgroup_memory.wgsl";
import splitK from "../../../shaders/ladder/matmul/12_split_k.wgsl";
import subgroups from "../../../shaders/ladder/matmul/13_subgroups.wgsl";
import halfStorage from "../../../shaders/ladder/matmul/14_half_storage.wgsl";
import { type MatmulFamily, matmulCalls } from "../../kernels/matmul.ts";
import type { Ladder, Rung } from "../ladder.ts";
import { fileRung, type StepOptions } from "./step.ts";

/** C = A · B; A: [m, k], B: [k, n]. */
export interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Versions of the matrix product; docs/kernels.md explains them. */
export function matmulLadder({ m, n, k }: MatmulShape): Ladder {
  const flops = 2 * m * n * k;
  const ladder = { constants: { M: m, N: n, K: k }, flops };
  const groups = (x: number, y: number, z = 1): StepOptions["workgroups"] => [
    Math.ceil(x),
    Math.ceil(y),
    z,
  ];
  const unfit = (...lengths: number[]) => ({
    unfit: lengths.some((l) => l % 4 !== 0) ? "the shape is no multiple of 4" : undefined,
  });
  const rung = (name: string, text: string, options: StepOptions) =>
    fileRung(name, text, ladder, options);
  // A workgroup has 64 threads along the columns (the rows in the first), each with a tile.
  const tile = (rows: number, cols: number) => groups(n / (64 * cols), m / rows);
  const splits = Math.min(4, Math.ceil(k / 4));
  return {
    shape: `${m}×${k}×${n}`,
    flops,
    inputs: [m * k, k * n],
    output: m * n,
    reference([a, b], at) {
      const [row, col] = [Math.floor(at / n), at % n];
      let [sum, size] = [0, 0];
      for (let i = 0; i < k; i++) {
        const product = a![row * k + i]! * b![i * n + col]!;
        sum += product;
        size += Math.abs(product);
      }
      return { sum, size };
    },
    rungs: [
      rung("01_naive", naive, { workgroups: groups(m / 64, n) }),
      rung("02_lanes_along_rows", lanesAlongRows, { workgroups: tile(1, 1) }),
      rung("03_column_tile", columnTile, { workgroups: tile(8, 1) }),
      rung("04_register_tile", registerTile, { workgroups: tile(4, 4) }),
      rung("05_unrolled", unrolled, { workgroups: tile(4, 4) }),
      rung("06_vec4", vec4, { workgroups: tile(4, 4), ...unfit(n) }),
      rung("07_block_of_four", blockOfFour, { workgroups: tile(4, 4), ...unfit(n, k) }),
      rung("08_larger_tile", largerTile, { workgroups: tile(8, 8), ...unfit(n, k) }),
      rung("09_textures", textures, { workgroups: tile(8, 8), textures: true, ...unfit(n, k) }),
      rung("10_loads_first", loadsFirst, {
        workgroups: tile(8, 8),
        textures: true,
        ...unfit(n, k),
      }),
      rung("11_workgroup_memory", workgroupMemory, {
        workgroups: groups(n / 16, m / 16),
        from: "02_lanes_along_rows",
      }),
      rung("12_split_k", splitK, {
        from: "08_larger_tile",
        workgroups: groups(n / (64 * 8), m / 8, splits),
        splits,
        ...unfit(n, k),
      }),
      rung("13_subgroups", subgroups, {
        from: "08_larger_tile",
        workgroups: tile(8, 8),
        feature: "subgroups",
        ...unfit(n),
      }),
      rung("14_half_storage", halfStorage, {
        from: "08_larger_tile",
        workgroups: tile(8, 8),
        feature: "shader-f16",
        half: true,
        ...unfit(n, k),
      }),
      engineRung("15_engine_tiled", "a block in workgroup memory, tiles in registers", {
        ...{ m, n, k, family: "tiled", from: "11_workgroup_memory" },
      }),
      engineRung("16_engine", "what the engine takes on this adapter", {
        ...{ m, n, k, from: "10_loads_first" },
      }),
    ],
  };
}

/** The engine's own kernel, as `matmul` runs it. */
function engineRung(
  name: string,
  idea: string,
  options: MatmulShape & { readonly family?: MatmulFamily; readonly from: string },
): Rung {
  const { m, n, k, family, from } = options;
  const geometry = { batch: 1, m, n, k, transposeA: false, transposeB: false };
  return {
    name,
    idea,
    from,
    calls: ([a, b], c) => matmulCalls("matmul", a!, b!, geometry, c, family),
  };
}

import { alignColumns } from "../gpu/profiler.ts";
import type { LadderReport, RungResult } from "./ladder.ts";

/** A ladder's results as text for people, a line a rung. */
export function formatLadder({ adapter, runtime, ladder, shape, rungs }: LadderReport): string {
  const table = alignColumns([
    ["rung", "ms", "GFLOP/s", "of before", "of first"],
    ...rungs.map(cells),
  ]).split("\n");
  return [
    `adapter   ${adapter}`,
    `runtime   ${runtime}`,
    `ladder    ${ladder}, ${shape}`,
    "",
    ...table.map((line, i) => `${line}  ${i === 0 ? "" : remark(rungs[i - 1])}`.trimEnd()),
  ].join("\n");
}

function cells({ name, speed }: RungResult): string[] {
  if (!speed) return [name, "", "", "", ""];
  const { ms, gflops, overBefore, overFirst } = speed;
  const ratios = [`${overBefore.toFixed(2)}×`, `${overFirst.toFixed(1)}×`];
  return [name, ms.toFixed(2), gflops.toFixed(2), ...ratios];
}

function remark(rung: RungResult | undefined): string {
  if (rung?.wrong !== undefined) return `WRONG: ${rung.wrong}`;
  return rung?.skipped === undefined ? (rung?.idea ?? "") : `not run: ${rung.skipped}`;
}

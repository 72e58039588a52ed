import { alignColumns } from "../gpu/profiler.ts";
import type { LadderReport, RungResult } from "./ladder.ts";

/** A ladder's results as text for people, a line a rung. */
export function formatLadder({ adapter, runtime, ladder, shape, rungs }: LadderReport): string {
  const table = alignColumns([
    ["rung", "ms", "GFLOP/s", "over first", "over", "rung"],
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

function cells({ name, from, speed }: RungResult): string[] {
  if (!speed) return [name, "", "", "", "", ""];
  const { ms, gflops, overFirst, overFrom } = speed;
  const first = overFirst === undefined ? "" : `${overFirst.toFixed(1)}×`;
  const rates = [ms.toFixed(2), gflops.toFixed(2), first];
  return [name, ...rates, ...(overFrom ? [`${overFrom.toFixed(2)}×`, numberOf(from)] : ["", ""])];
}

/** The number that a rung's name begins with. */
export function numberOf(name = ""): string {
  return name.slice(0, 2);
}

function remark(rung: RungResult | undefined): string {
  if (rung?.wrong !== undefined) return `WRONG: ${rung.wrong}`;
  return rung?.skipped === undefined ? (rung?.idea ?? "") : `not run: ${rung.skipped}`;
}

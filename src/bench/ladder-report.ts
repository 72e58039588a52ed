import type { RungResult } from "./ladder.ts";

/** Widths of the columns, for lines that are printed as the results come. */
const NAME = 22;
const NUMBER = 10;

/** The line above the results. */
export const LADDER_HEADING = [
  "rung".padEnd(NAME),
  ...["ms", "GFLOP/s", "of before", "of first"].map((title) => title.padStart(NUMBER)),
].join(" ");

/** One result as a line for people. */
export function formatRung(result: RungResult): string {
  const { name, idea, skipped, wrong, timing, gflops, overBefore, overFirst } = result;
  const start = name.padEnd(NAME);
  if (skipped !== undefined) return `${start}  not run: ${skipped}`;
  if (wrong !== undefined) return `${start}  WRONG: ${wrong}`;
  const numbers = [
    timing?.ms.toFixed(2),
    gflops?.toFixed(2),
    `${overBefore?.toFixed(2)}×`,
    `${overFirst?.toFixed(1)}×`,
  ];
  return `${start} ${numbers.map((text) => text?.padStart(NUMBER)).join(" ")}  ${idea}`;
}

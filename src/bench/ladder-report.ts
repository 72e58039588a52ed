import type { LadderReport, RungResult } from "./ladder.ts";

/** Widths of the columns. */
const NAME = 22;
const NUMBER = 10;

/** A ladder's results as text for people, a line a rung. */
export function formatLadder({ adapter, runtime, ladder, shape, rungs }: LadderReport): string {
  const titles = ["ms", "GFLOP/s", "of before", "of first"].map((title) => title.padStart(NUMBER));
  return [
    `adapter   ${adapter}`,
    `runtime   ${runtime}`,
    `ladder    ${ladder}, ${shape}`,
    "",
    ["rung".padEnd(NAME), ...titles].join(" "),
    ...rungs.map(formatRung),
  ].join("\n");
}

function formatRung({ name, idea, skipped, wrong, speed }: RungResult): string {
  const start = name.padEnd(NAME);
  if (wrong !== undefined) return `${start}  WRONG: ${wrong}`;
  if (!speed) return `${start}  not run: ${skipped}`;
  const numbers = [
    speed.ms.toFixed(2),
    speed.gflops.toFixed(2),
    `${speed.overBefore.toFixed(2)}×`,
    `${speed.overFirst.toFixed(1)}×`,
  ];
  return `${start} ${numbers.map((text) => text.padStart(NUMBER)).join(" ")}  ${idea}`;
}

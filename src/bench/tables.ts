import { alignColumns } from "../gpu/profiler.ts";
import type { Ceilings } from "./ceilings.ts";
import type { KernelMeasurement } from "./kernels.ts";
import { formatPeers } from "./peers.ts";
import type { ProgramListing } from "./program.ts";
import type { BenchReport } from "./run.ts";
import type { StepMeasurement } from "./step.ts";
import type { GrowthMeasurement } from "./steps.ts";

/** Rows of cells, the first of them titles, for text and for Markdown. */
export type Cells = readonly (readonly string[])[];

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Milliseconds with three digits at least. */
function milliseconds(ms: number): string {
  return ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

/** What each ceiling is, its value, and what reached it. */
export function ceilingRows(c: Ceilings): [what: string, value: string, by: string][] {
  const rows: [string, string, string][] = [
    ["multiply-add, f32", `${c.fmaGflops.toFixed(1)} GFLOP/s`, c.fmaEntry],
  ];
  if (c.f16Gflops !== undefined)
    rows.push(["multiply-add, f16", `${c.f16Gflops.toFixed(1)} GFLOP/s`, c.f16Entry ?? ""]);
  for (const { bytes, gbps, entry } of [...c.copies].reverse())
    rows.push([`copy of ${bytes / 2 ** 20} MiB`, `${gbps.toFixed(2)} GB/s`, entry]);
  rows.push(
    ["copyBufferToBuffer of 64 MiB", `${c.bufferCopyGBps.toFixed(2)} GB/s`, ""],
    ["empty dispatch", `${c.dispatchMicros.toFixed(1)} µs`, ""],
    ["submit", `${c.submitMicros.toFixed(1)} µs`, ""],
    ["reading 4 bytes back", `${c.readBackMs.toFixed(2)} ms`, ""],
  );
  return rows;
}

function ceilingLines(c: Ceilings): string[] {
  const rows = ceilingRows(c);
  const cells = rows.map(([what, value]) => [what, value]);
  return alignColumns(cells)
    .split("\n")
    .map((line, i) => `${line}  ${rows[i]?.[2]}`.trimEnd());
}

export function kernelCells(kernels: readonly KernelMeasurement[]): Cells {
  return [
    ["kernel", "ms", "from", "to", "GFLOP/s", "GB/s", "of ceiling", "bound", "variant"],
    ...kernels.map((k) => [
      `${k.name}/${k.shape}`,
      milliseconds(k.ms),
      milliseconds(k.minMs),
      milliseconds(k.maxMs),
      k.gflops.toFixed(2),
      k.gbps.toFixed(2),
      percent(k.fractionOfCeiling),
      k.bound,
      k.variant,
    ]),
  ];
}

/** @param label what the row of a step is called */
export function stepCells<S extends StepMeasurement>(
  steps: readonly S[],
  label: (step: S) => string,
): Cells {
  const header = ["ms", "from", "to", "images/s", "dispatches", "submits", "made", "buffers"];
  return [
    ["model/batch", ...header, "host µs", "first step"],
    ...steps.map((s) => [
      label(s),
      milliseconds(s.ms),
      milliseconds(s.minMs),
      milliseconds(s.maxMs),
      s.imagesPerSecond.toFixed(0),
      String(s.dispatches),
      String(s.submits),
      String(s.buffersCreatedPerStep + s.bindGroupsCreatedPerStep + s.pipelinesCreatedPerStep),
      mib(s.peakBytes),
      s.hostMicros.toFixed(0),
      `${(s.timeToFirstStepMs / 1000).toFixed(1)} s`,
    ]),
  ];
}

export const nameOfStep = ({ model, batch }: StepMeasurement): string => `${model}/${batch}`;
export const nameOfGrowth = (step: GrowthMeasurement): string =>
  `${nameOfStep(step)}, z = ${step.latent}`;

/** The report as text for people. */
export function formatReport(report: BenchReport): string {
  const { kernels, steps, growth } = report;
  const parts = [
    alignColumns([
      ["adapter", report.adapter],
      ["runtime", report.runtime],
    ]).replace(/ +$/gm, ""),
    `Ceilings of the adapter\n${ceilingLines(report.ceilings).join("\n")}`,
  ];
  if (kernels.length > 0) parts.push(`Kernels\n${alignColumns(kernelCells(kernels))}`);
  if (steps.length > 0) parts.push(`Training steps\n${alignColumns(stepCells(steps, nameOfStep))}`);
  if (growth.length > 0)
    parts.push(
      `Growth with the latent dimensions\n${alignColumns(stepCells(growth, nameOfGrowth))}`,
    );
  if (report.peerFailures !== undefined)
    parts.push(`Against other engines\n${formatPeers(report.peers, report.peerFailures)}`);
  return parts.join("\n\n");
}

/** The commands of a step as text, a line each. */
export function formatProgram(listing: ProgramListing): string {
  const { lines, micros } = listing;
  const parts = lines.some(({ part }) => part !== "");
  const cells = lines.map((line, i) => [
    `${String(i + 1).padStart(String(lines.length).length)}  ${parts ? `${line.part || "batch"}: ` : ""}${line.name}`,
    line.micros.toFixed(0),
    percent(line.share),
    line.gflops > 0 ? line.gflops.toFixed(2) : "",
    line.gbps.toFixed(2),
    line.workgroups.join("×"),
    line.variant,
  ]);
  const total = [
    "in all",
    micros.toFixed(0),
    percent(1),
    ((listing.gflop / micros) * 1e6).toFixed(2),
    "",
    "",
    "",
  ];
  const table = alignColumns([
    ["command", "µs", "share", "GFLOP/s", "GB/s", "workgroups", "variant"],
    ...cells,
    total,
  ]);
  return [
    `${listing.model}, batch ${listing.batch}, ${listing.adapter}, ${listing.runtime}; timed by ${listing.timedBy}`,
    table.replace(/ +$/gm, ""),
    `${listing.dispatches} dispatches, ${listing.copies} copies, ${listing.submits} submits, ${listing.gflop.toFixed(2)} GFLOP, ${mib(listing.peakBytes)} of buffers`,
  ].join("\n\n");
}

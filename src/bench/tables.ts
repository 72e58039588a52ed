import { checkObject } from "../gpu/arguments.ts";
import { alignColumns } from "../gpu/profiler.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import type { Ceilings } from "./ceilings.ts";
import type { KernelMeasurement } from "./kernels.ts";
import type { OwnKernelReport } from "./own-kernels.ts";
import { formatPeers } from "./peers.ts";
import type { ProgramListing } from "./program.ts";
import type { BenchmarkReport, BenchReport } from "./run.ts";
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

/** A table of a report, as cells. */
export interface ReportTable {
  readonly title: string;
  /** Names of the columns; none where the rows speak for themselves. */
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What was measured, its rate, and the case that reached it. */
export function ceilingTable(c: Ceilings): ReportTable {
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
  return { title: "Ceilings of the adapter", header: [], rows };
}

export function kernelTable(kernels: readonly KernelMeasurement[]): ReportTable {
  const header = ["kernel", "ms", "from", "to", "GFLOP/s", "GB/s", "of ceiling", "bound"];
  return {
    title: "Kernels",
    header: [...header, "variant"],
    rows: kernels.map((k) => [
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
  };
}

export function stepTable<S extends StepMeasurement>(
  title: string,
  steps: readonly S[],
  label: (step: S) => string,
): ReportTable {
  const header = ["ms", "from", "to", "images/s", "dispatches", "submits", "made", "buffers"];
  return {
    title,
    header: ["model/batch", ...header, "host µs", "first step"],
    rows: steps.map((s) => [
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
  };
}

export const nameOfStep = ({ model, batch }: StepMeasurement): string => `${model}/${batch}`;
export const nameOfGrowth = (step: GrowthMeasurement): string =>
  `${nameOfStep(step)}, z = ${step.latent}`;

/**
 * The tables of a benchmark's report, without those of what was not measured: the adapter's ceilings,
 * kernels (milliseconds of a run, GFLOP/s, GB/s), training steps, and their growth with the latent
 * dimensions. Other engines are in none of them.
 */
export function benchmarkTables(report: BenchmarkReport): ReportTable[] {
  checkObject("benchmarkTables", "report", report, ["ceilings", "kernels", "steps", "growth"]);
  const { ceilings, kernels, steps, growth } = report;
  const tables = [
    ceilingTable(ceilings),
    kernelTable(kernels),
    stepTable("Training steps", steps, nameOfStep),
    stepTable("Growth with the latent dimensions", growth, nameOfGrowth),
  ];
  return tables.filter(({ rows }) => rows.length > 0);
}

/** A table as text. The last column of one without a header is a remark, of any width. */
function formatTable({ title, header, rows }: ReportTable): string {
  if (header.length > 0) return `${title}\n${alignColumns([header, ...rows])}`;
  const lines = alignColumns(rows.map((cells) => cells.slice(0, -1))).split("\n");
  const remarked = lines.map((line, i) => `${line}  ${rows[i]?.at(-1)}`.trimEnd());
  return `${title}\n${remarked.join("\n")}`;
}

/** How many of the variants that a tuning found were used; the tables say which. */
export function describeTuned(tuned: VariantChoices): string {
  const count = Object.keys(tuned).length;
  return count === 0
    ? "by the heuristics: no kernel here was tuned on this adapter"
    : `as tuned on this adapter for ${count} ${count === 1 ? "kernel" : "kernels"}, else by the heuristics`;
}

/** Which kernels a run without a filter did not measure, and how to get them. */
function describeLeftOut(names: readonly string[]): string {
  return `Left out, since they may take more than 2 s a run; --filter measures them: ${names.join(", ")}`;
}

/**
 * What goes with the tables, a line each: the adapter, the runtime and whose variants were used; then
 * which kernels were left out, if any.
 */
export function benchmarkNotes(report: BenchmarkReport): string[] {
  checkObject("benchmarkNotes", "report", report, ["adapter", "runtime"]);
  const { adapter, runtime, tuned, leftOut } = report;
  const variants = tuned ? `; variants ${describeTuned(tuned)}` : "";
  return [`${adapter}, ${runtime}${variants}`, ...(leftOut ? [describeLeftOut(leftOut)] : [])];
}

/** The report as text for people. */
export function formatReport(report: BenchReport): string {
  const parts = [
    alignColumns([
      ["adapter", report.adapter],
      ["runtime", report.runtime],
      ...(report.tuned ? [["variants", describeTuned(report.tuned)]] : []),
    ]).replace(/ +$/gm, ""),
    ...benchmarkTables(report).map(formatTable),
  ];
  if (report.leftOut !== undefined) parts.push(describeLeftOut(report.leftOut));
  if (report.peerFailures !== undefined)
    parts.push(`Against other engines\n${formatPeers(report.peers, report.peerFailures)}`);
  return parts.join("\n\n");
}

/** Kernels of one's own beside the library's, as text. */
export function formatOwnKernels(report: OwnKernelReport): string {
  const { comparisons } = report;
  if (comparisons.length === 0) return formatReport(report);
  const rows = comparisons.map(({ kernel, against, ratio, difference }) => [
    kernel,
    against,
    ratio.toFixed(2),
    difference.toExponential(1),
  ]);
  const header = ["kernel", "against", "time / library's", "largest difference / rms"];
  return `${formatReport(report)}\n\nAgainst the library\n${alignColumns([header, ...rows])}`;
}

/** The commands of a step as text, a line each. */
export function formatProgram(listing: ProgramListing): string {
  const { lines, micros, tuned } = listing;
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
    `${listing.model}, batch ${listing.batch}, ${listing.adapter}, ${listing.runtime}; timed by ${listing.timedBy}${tuned ? `; variants ${describeTuned(tuned)}` : ""}`,
    table.replace(/ +$/gm, ""),
    `${listing.dispatches} dispatches, ${listing.copies} copies, ${listing.submits} submits, ${listing.gflop.toFixed(2)} GFLOP, ${mib(listing.peakBytes)} of buffers`,
  ].join("\n\n");
}

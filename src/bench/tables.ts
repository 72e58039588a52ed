import { alignColumns } from "../gpu/profiler.ts";
import type { Ceilings } from "./ceilings.ts";
import type { KernelMeasurement } from "./kernels.ts";
import { formatPeers } from "./peers.ts";
import type { ProgramListing } from "./program.ts";
import type { BenchReport } from "./run.ts";
import type { StepMeasurement } from "./step.ts";

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Milliseconds with three digits at least. */
function milliseconds(ms: number): string {
  return ms.toFixed(ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3);
}

function ceilingLines(c: Ceilings): string[] {
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
  const cells = rows.map(([what, value]) => [what, value]);
  return alignColumns(cells)
    .split("\n")
    .map((line, i) => `${line}  ${rows[i]?.[2]}`.trimEnd());
}

function kernelTable(kernels: readonly KernelMeasurement[]): string {
  return alignColumns([
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
  ]);
}

function stepTable(first: string, steps: readonly StepMeasurement[], label: (i: number) => string) {
  const header = ["ms", "from", "to", "images/s", "dispatches", "submits", "made", "buffers"];
  return alignColumns([
    [first, ...header, "host µs", "first step"],
    ...steps.map((s, i) => [
      label(i),
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
  ]);
}

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
  if (kernels.length > 0) parts.push(`Kernels\n${kernelTable(kernels)}`);
  if (steps.length > 0) {
    const label = (i: number) => `${steps[i]?.model}/${steps[i]?.batch}`;
    parts.push(`Training steps\n${stepTable("model/batch", steps, label)}`);
  }
  if (growth.length > 0) {
    const label = (i: number) =>
      `${growth[i]?.model}/${growth[i]?.batch}, z = ${growth[i]?.latent}`;
    parts.push(`Growth with the latent dimensions\n${stepTable("model/batch", growth, label)}`);
  }
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

import { availableParallelism } from "node:os";
import type { PeersReport } from "../src/bench/peers.ts";
import type { ProfileRow } from "../src/gpu/profiler.ts";
import type { StepReport } from "./step.ts";

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, c) => (c === 0 ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

/** How and where a section was measured. */
export interface Circumstances {
  readonly command: string;
  /** ISO date. */
  readonly date: string;
  /** The machine's load average before the measurement; 0 is a quiet machine. */
  readonly load: number;
}

function heading(
  { command, date, load }: Circumstances,
  { adapter, runtime }: { readonly adapter: string; readonly runtime: string },
): string {
  const machine = `${availableParallelism()} CPU threads, load average before ${load.toFixed(1)}`;
  return `\`${command}\`, ${date}, ${adapter}, ${runtime}, ${machine}:`;
}

/** Kernels below this share of the step are summed up in one row. */
const SMALLEST_SHARE = 0.003;

/** The measured section of one model's step. */
export function measuredStep(report: StepReport, how: Circumstances): string {
  const parts = [heading(how, report)];
  for (const s of report.steps) {
    parts.push(
      table(
        [`${s.model}, batch ${s.batch}`, "value"],
        [
          [
            "time of a step, median (shortest, longest)",
            `${s.ms.toFixed(1)} ms (${s.minMs.toFixed(1)}, ${s.maxMs.toFixed(1)})`,
          ],
          [
            "work, rate",
            `${s.gflop.toFixed(2)} GFLOP, ${((s.gflop * 1e3) / s.ms).toFixed(2)} GFLOP/s`,
          ],
          ["host time of a step, median", `${s.hostMicros.toFixed(0)} µs`],
          ["dispatches, submits", `${s.dispatches}, ${s.submits}`],
          [
            "buffers, bind groups, pipelines made by a replay",
            `${s.buffersCreatedPerStep}, ${s.bindGroupsCreatedPerStep}, ${s.pipelinesCreatedPerStep}`,
          ],
          [
            "buffers of the recorded step, textures, device's peak of buffers",
            `${mib(s.peakBytes)}, ${mib(s.textureBytes)}, ${mib(s.devicePeakBytes)}`,
          ],
          [
            "first step done after",
            `${((s.openMs + s.recordMs + s.firstStepMs) / 1000).toFixed(1)} s`,
          ],
        ],
      ),
      table(["kernel", "calls", "µs", "share", "GFLOP/s", "GB/s"], kernelRows(s.kernels)),
      `Kernels were timed by ${s.profiledBy === "timestamps" ? "the adapter's timestamps" : "waiting for each dispatch alone"}.`,
    );
  }
  return parts.join("\n\n");
}

function kernelRows(kernels: readonly ProfileRow[]): string[][] {
  const shown = kernels.filter((k) => k.share >= SMALLEST_SHARE);
  const rest = kernels.filter((k) => k.share < SMALLEST_SHARE);
  const total = (of: (k: ProfileRow) => number) => rest.reduce((sum, k) => sum + of(k), 0);
  const row = (name: string, calls: number, micros: number, share: number) => [
    name,
    String(calls),
    micros.toFixed(0),
    `${(100 * share).toFixed(1)} %`,
  ];
  return [
    ...shown.map((k) => [
      ...row(k.name, k.calls, k.micros, k.share),
      k.gflops > 0 ? k.gflops.toFixed(2) : "",
      k.gbps.toFixed(2),
    ]),
    [
      ...row(
        `the other ${rest.length}`,
        total((k) => k.calls),
        total((k) => k.micros),
        total((k) => k.share),
      ),
      "",
      "",
    ],
  ];
}

/** The measured section of the comparison. */
export function measuredPeers(report: PeersReport, how: Circumstances): string {
  const seconds = (x: number | undefined) => (x === undefined ? "" : `${(x / 1000).toFixed(1)} s`);
  const calls = (x: number | undefined) => (x === undefined ? "" : x.toFixed(1));
  const rows = report.peers.map((p) => [
    p.what,
    p.ours.ms.toPrecision(3),
    p.peer,
    p.ms.toPrecision(3),
    `${p.minMs.toPrecision(3)}, ${p.maxMs.toPrecision(3)}`,
    p.void ? "void" : p.ratio.toFixed(2),
    p.difference.toExponential(0),
    calls(p.counts?.dispatches),
    calls(p.counts?.submits),
  ]);
  const starts = report.peers.filter((p) => p.firstMs !== undefined);
  const voids = report.peers.filter((p) => p.void);
  return [
    heading(how, report),
    table(
      [
        "what",
        "latentgrad, ms",
        "engine",
        "ms",
        "shortest, longest",
        "ratio",
        "differ by",
        "dispatches",
        "submits",
      ],
      rows,
    ),
    table(
      ["first step done after", "latentgrad", "engine"],
      starts.map((p) => [p.peer, seconds(p.ours.firstMs), seconds(p.firstMs)]),
    ),
    ...voids.map((p) => `**Void**: ${p.peer}, ${p.what}: ${p.void}.`),
    ...report.failures.map((f) => `**Failed**: ${f.peer}, ${f.what}.`),
  ].join("\n\n");
}

/** Replaces what stands between a section's marks in a Markdown text. */
export function replaceSection(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}: measured -->`, `<!-- ${name}: end -->`];
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  if (start < 0 || stop < 0) throw new Error(`the text has no section "${name}"`);
  return `${text.slice(0, start + begin.length)}\n${content}\n${text.slice(stop)}`;
}

import { availableParallelism } from "node:os";
import type { LadderReport, RungResult } from "../src/bench/ladder.ts";
import { numberOf } from "../src/bench/ladder-report.ts";
import { aboutPeers } from "../src/bench/peers.ts";
import type { BenchReport } from "../src/bench/run.ts";
import {
  type Cells,
  ceilingTable,
  kernelTable,
  nameOfGrowth,
  nameOfStep,
  type ReportTable,
  stepTable,
} from "../src/bench/tables.ts";
import { growthSvg } from "./growth-figure.ts";
import { rooflineSvg } from "./roofline-figure.ts";

/** @param words how many of the last columns are words, too, like the first */
function table([header = [], ...rows]: Cells, words = 0): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, c) => (c === 0 || c >= header.length - words ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

const cellsOf = ({ header, rows }: ReportTable): Cells => [header, ...rows];

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

/** The adapter's ceilings, and the kernels under them. */
function measuredKernels({ ceilings, kernels }: BenchReport): string[] {
  return [
    table([["ceiling", "measured", "by"], ...ceilingTable(ceilings).rows], 1),
    table(cellsOf(kernelTable(kernels)), 1),
  ];
}

function measuredSteps({ steps }: BenchReport): string[] {
  return [table(cellsOf(stepTable("", steps, nameOfStep)))];
}

/** Batches whose times of an image are held against each other. */
const GROWN = { from: 128, to: 1024 } as const;

function measuredGrowth({ steps, growth }: BenchReport): string[] {
  const models = [...new Set(steps.map(({ model }) => model))];
  const ratios = models.flatMap((model) => {
    const [from, to] = [GROWN.from, GROWN.to].map((batch) =>
      steps.find((step) => step.model === model && step.batch === batch),
    );
    return from && to
      ? [`${(from.imagesPerSecond / to.imagesPerSecond).toFixed(2)} for ${model}`]
      : [];
  });
  return [
    table(cellsOf(stepTable("", steps, nameOfStep))),
    ...(ratios.length > 0
      ? [
          `Time of an image in batches of ${GROWN.to} over that in batches of ${GROWN.from}: ${ratios.join(", ")}.`,
        ]
      : []),
    table(cellsOf(stepTable("", growth, nameOfGrowth))),
  ];
}

/** A part of docs/benchmarks.md that one command measures on one runtime. */
export interface Section {
  /** What `latentgrad bench` measures for it. */
  readonly filter: string;
  readonly options?: readonly string[];
  /** Its Markdown, a part a paragraph. */
  measured(report: BenchReport): string[];
  /** A drawing, which is docs/results/NAME-RUNTIME.svg. */
  readonly figure?: {
    readonly name: string;
    readonly alt: string;
    draw(report: BenchReport): string;
  };
}

/** The sections in the order of the page. */
export const sections: Readonly<Record<string, Section>> = {
  kernels: {
    filter: "^kernel/",
    measured: measuredKernels,
    figure: {
      name: "roofline",
      alt: "What each kernel computes in a second, over what it computes for a byte, under the roof of the adapter",
      draw: rooflineSvg,
    },
  },
  steps: { filter: "^step/(vae-.*/128|(?!vae-).*/32)$", measured: measuredSteps },
  growth: {
    filter: "^(growth/|step/vae-)",
    measured: measuredGrowth,
    figure: {
      name: "growth",
      alt: "Time and memory of a training step of the VAE over the batch and over the latent dimensions",
      draw: growthSvg,
    },
  },
  // Convolutions of jax-js-wasm take up to 11 s, its step a minute.
  peers: {
    filter: "^peer/(?!jax-js-wasm/(step|conv))",
    options: ["--peers"],
    measured: measuredPeers,
  },
};

/** The words of the command that measures a section. */
export function argumentsOf({ filter, options = [] }: Section, runtime: string): string[] {
  return ["bench", ...options, "--filter", filter, "--runtime", runtime];
}

/** A command as one writes it in a shell. */
export function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`));
  return ["latentgrad", ...quoted].join(" ");
}

/** Name of the file of a section's drawing, in docs/results/. */
export function figureFile(name: string, runtime: string): string {
  return `${name}-${runtime}.svg`;
}

/** What stands in a section: how it was measured, its drawing, its tables. */
export function measuredSection(
  { measured, figure }: Section,
  report: BenchReport,
  how: Circumstances,
): string {
  const image = figure && `![${figure.alt}](results/${figureFile(figure.name, report.runtime)})`;
  return [heading(how, report), ...(image ? [image] : []), ...measured(report)].join("\n\n");
}

function measuredPeers({ peers, peerFailures = [] }: BenchReport): string[] {
  const seconds = (x: number | undefined) => (x === undefined ? "" : `${(x / 1000).toFixed(1)} s`);
  const calls = (x: number | undefined) => (x === undefined ? "" : x.toFixed(1));
  const rows = peers.map((p) => [
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
  const starts = peers.filter((p) => p.firstMs !== undefined);
  const voids = peers.filter((p) => p.void);
  return [
    table([
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
      ...rows,
    ]),
    table([
      ["first step done after", "latentgrad", "engine"],
      ...starts.map((p) => [`${p.peer}, ${p.what}`, seconds(p.ours.firstMs), seconds(p.firstMs)]),
    ]),
    ...aboutPeers(peers).map((about) => `${about}.`),
    ...voids.map((p) => `**Void**: ${p.peer}, ${p.what}: ${p.void}.`),
    ...peerFailures.map((f) => `**Failed**: ${f.peer}, ${f.what}.`),
  ];
}

/** One ladder on several adapters, a row a rung: each report with the command that made it. */
export function measuredLadder(
  measured: readonly { readonly report: LadderReport; readonly how: Circumstances }[],
): string {
  const [first] = measured;
  const titles = measured.flatMap(({ report }) => [
    `${report.runtime}: GFLOP/s`,
    "over the first",
    "over what it changes",
  ]);
  const cells = ({ from, skipped, wrong, speed }: RungResult): string[] =>
    speed
      ? [
          speed.gflops.toPrecision(3),
          speed.overFirst === undefined ? "" : `${speed.overFirst.toFixed(1)}×`,
          speed.overFrom ? `${speed.overFrom.toFixed(2)}× of ${numberOf(from)}` : "",
        ]
      : [wrong ?? skipped ?? "", "", ""];
  const rows = (first?.report.rungs ?? []).map(({ name, idea }, i) => [
    `\`${name}\` ${idea}`,
    ...measured.flatMap(({ report }) => cells(report.rungs[i] as RungResult)),
  ]);
  return [
    ...measured.map(({ report, how }) => heading(how, report)),
    table([[first?.report.shape ?? "", ...titles], ...rows]),
  ].join("\n\n");
}

/** The adapter that a section's heading names; undefined where nothing has been measured yet. */
export function adapterOf(section: string): string | undefined {
  return /^`.+`, \d{4}-\d\d-\d\d, (.+), \w+, \d+ CPU threads, /m.exec(section)?.[1];
}

/**
 * Replaces what stands between a section's marks in a Markdown text.
 *
 * @param other gets the name of the adapter that stands there, if that is not the content's
 */
export function replaceSection(
  text: string,
  name: string,
  content: string,
  other: (adapter: string) => void = () => {},
): string {
  const [begin, end] = [`<!-- ${name}: measured -->`, `<!-- ${name}: end -->`];
  const start = text.indexOf(begin);
  const stop = text.indexOf(end, start);
  if (start < 0 || stop < 0) throw new Error(`the text has no section "${name}"`);
  const standing = adapterOf(text.slice(start + begin.length, stop));
  if (standing !== undefined && standing !== adapterOf(content)) other(standing);
  return `${text.slice(0, start + begin.length)}\n${content}\n${text.slice(stop)}`;
}

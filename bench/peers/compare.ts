import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Browser, Page } from "playwright-core";
import type { Counts } from "../../src/bench/counting.ts";
import { median } from "../../src/gpu/profiler.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { exitStatus, runtimeCommand } from "../../src/host/node-launch.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import type { Opened, Stepped } from "./side.ts";

export interface CompareOptions {
  readonly runtime: "deno" | "chrome";
  readonly batch: number;
  /** Steps of each side; the first is not timed. */
  readonly steps: number;
  /** The bundles by the side's name; the first is the one that the others are held against. */
  readonly sides: readonly { readonly name: string; readonly bundle: string }[];
  readonly log: (line: string) => void;
}

/** One side's steps; times in milliseconds. */
export interface SideMeasurement {
  readonly peer: string;
  readonly what: string;
  /** Median over all steps but the first, and the shortest and longest. */
  readonly ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** This side's time over the first side's. */
  readonly ratio: number;
  /** From the loaded script to the end of the first step, compilation included. */
  readonly firstStepMs: number;
  readonly losses: readonly number[];
  /** What the last step asked of WebGPU. */
  readonly counts: Counts;
}

export interface PeersReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly batch: number;
  /** Largest relative difference between two sides' losses of one step. */
  readonly lossDifference: number;
  /** Why the comparison says nothing, if so. */
  readonly void?: string;
  readonly peers: readonly SideMeasurement[];
}

/** The losses of one step may differ by this much. */
const TOLERANCE = 1e-3;
const MARK = "@bench ";

/** A process or page that runs one side. */
interface Runner {
  ask(question: object): Promise<Opened | Stepped>;
  close(): Promise<void>;
}

class ProcessRunner implements Runner {
  private waiting: { resolve(value: Opened | Stepped): void; reject(e: Error): void } | undefined;
  private readonly tail: string[] = [];

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream }).on("line", (line) => this.line(line));
    child.on("exit", (code, signal) =>
      this.waiting?.reject(
        new Error(`${name} ended with status ${exitStatus(code, signal)}\n${this.tail.join("\n")}`),
      ),
    );
  }

  static async start(name: string, bundle: string): Promise<ProcessRunner> {
    const { command, args, env } = await runtimeCommand("deno", bundle, []);
    return new ProcessRunner(name, spawn(command, args, { env, stdio: "pipe" }));
  }

  private line(text: string): void {
    if (!text.startsWith(MARK)) {
      this.tail.push(text);
      if (this.tail.length > 20) this.tail.shift();
      return;
    }
    const answer = JSON.parse(text.slice(MARK.length)) as (Opened | Stepped) & { error?: string };
    if (answer.error) this.waiting?.reject(new Error(`${this.name}: ${answer.error}`));
    else this.waiting?.resolve(answer);
    this.waiting = undefined;
  }

  ask(question: object): Promise<Opened | Stepped> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  }

  async close(): Promise<void> {
    this.child.kill("SIGKILL");
  }
}

class PageRunner implements Runner {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly server: PageServer,
  ) {}

  static async start(bundle: string): Promise<PageRunner> {
    const server = await servePage({ script: await readFile(bundle), config: {} });
    const { browser, page } = await openChromium(server.url);
    await page.waitForFunction(() => "benchAsk" in globalThis);
    return new PageRunner(browser, page, server);
  }

  ask(question: object): Promise<Opened | Stepped> {
    return this.page.evaluate(
      (asked) =>
        (globalThis as unknown as { benchAsk(q: object): Promise<Opened | Stepped> }).benchAsk(
          asked,
        ),
      question,
    );
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => {});
    await this.server.close();
  }
}

/**
 * Runs the sides' steps in turns, one process each, none of them at work while another is timed.
 * All start from the same weights and see the same images and noise.
 */
export async function comparePeers(options: CompareOptions): Promise<PeersReport> {
  const { runtime, batch, steps, sides, log } = options;
  const runners: Runner[] = [];
  try {
    const opened: Opened[] = [];
    const results: Stepped[][] = sides.map(() => []);
    for (const { name, bundle } of sides) {
      const runner =
        runtime === "deno"
          ? await ProcessRunner.start(name, bundle)
          : await PageRunner.start(bundle);
      runners.push(runner);
      const answer = (await runner.ask({ open: batch })) as Opened;
      opened.push(answer);
      log(`${name}: open after ${answer.openMs.toFixed(0)} ms on ${answer.adapter}`);
    }
    for (let step = 1; step <= steps; step++)
      for (const [i, side] of sides.entries()) {
        const result = (await runners[i]?.ask({ step })) as Stepped;
        results[i]?.push(result);
        log(`step ${step}, ${side.name}: loss ${result.loss}, ${result.ms.toFixed(1)} ms`);
      }
    return tabulate(options, opened, results);
  } finally {
    await Promise.all(runners.map((runner) => runner.close()));
  }
}

function tabulate(
  { runtime, batch, steps, sides }: CompareOptions,
  opened: readonly Opened[],
  results: readonly (readonly Stepped[])[],
): PeersReport {
  const adapters = [...new Set(opened.map((o) => o.adapter))];
  let lossDifference = 0;
  for (let s = 0; s < steps; s++) {
    const losses = results.map((side) => side[s]?.loss ?? Number.NaN);
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    // Of a loss that is no number Math.max makes a difference that is none, which is no agreement.
    lossDifference = Math.max(lossDifference, (high - low) / Math.abs(low));
  }
  const wrong =
    adapters.length > 1
      ? `the sides ran on different adapters (${adapters.join("; ")})`
      : lossDifference <= TOLERANCE
        ? undefined
        : `the losses differ by ${lossDifference.toExponential(1)} of their size, ${TOLERANCE} at most`;
  const times = results.map((side) => side.slice(1).map((r) => r.ms));
  const ours = median(times[0] ?? []);
  const peers = sides.map(({ name }, i): SideMeasurement => {
    const all = results[i] as readonly Stepped[];
    const timed = times[i] as number[];
    const [first, last] = [all[0] as Stepped, all.at(-1) as Stepped];
    return {
      peer: name,
      what: `step/vae-conv/${batch}`,
      ms: median(timed),
      minMs: Math.min(...timed),
      maxMs: Math.max(...timed),
      ratio: median(timed) / ours,
      firstStepMs: (opened[i]?.openMs ?? 0) + first.ms,
      losses: all.map((r) => r.loss),
      counts: last.counts,
    };
  });
  return {
    adapter: adapters.join("; "),
    runtime,
    batch,
    lossDifference,
    ...(wrong === undefined ? {} : { void: wrong }),
    peers,
  };
}

/** The report as text for people. */
export function formatPeers(report: PeersReport): string {
  const header = [
    "engine",
    "ms",
    "from",
    "to",
    "ratio",
    "first step",
    "dispatches",
    "buffers made",
  ];
  const rows = report.peers.map((p) => [
    p.peer,
    p.ms.toFixed(0),
    p.minMs.toFixed(0),
    p.maxMs.toFixed(0),
    p.ratio.toFixed(2),
    p.firstStepMs.toFixed(0),
    String(p.counts.dispatches),
    String(p.counts.buffers),
  ]);
  const widths = header.map((_, c) =>
    Math.max(...[header, ...rows].map((row) => (row[c] as string).length)),
  );
  const table = [header, ...rows].map((row) =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)))
      .join("  "),
  );
  return [
    `adapter  ${report.adapter}`,
    `runtime  ${report.runtime}`,
    `step     vae-conv, batch ${report.batch}; the losses of ${report.peers[0]?.losses.length ?? 0} steps agree to ${report.lossDifference.toExponential(1)}`,
    "",
    ...table,
    ...(report.void ? ["", `void: ${report.void}`] : []),
    "",
  ].join("\n");
}

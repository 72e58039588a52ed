import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PeersReport } from "../bench/peers.ts";
import { type BenchOptions, type BenchReport, select } from "../bench/run.ts";
import { withPeers } from "../bench/with-peers.ts";
import { withCleanUp } from "../gpu/clean-up.ts";
import { LatentgradError, UsageError } from "../gpu/errors.ts";
import { runChild } from "../host/node-launch.ts";
import { ChildEnded } from "./child-ended.ts";
import type { RuntimeName } from "./runtime.ts";

/** What is used of the checkout's `bench/peers/run.mjs`. */
interface Comparison {
  installed(): boolean;
  preparePeers(wanted: (name: string) => boolean): Promise<{
    /** How many were chosen. */
    readonly comparisons: number;
    /** Why an engine that is wanted cannot run here, a line each. */
    readonly leftOut: readonly string[];
    compare(
      runtime: string,
      often: { readonly steps: number; readonly rounds: number | undefined },
      log: (line: string) => void,
    ): Promise<PeersReport>;
  }>;
}

/** Steps that are timed unless it is said how many: more than of an op, whose calls come in groups. */
const TIMED_STEPS = 9;
/** With the first, which compiles and is not timed, these give the losses that have to agree. */
const FEWEST_TIMED_STEPS = 4;

/** The ceilings, which every run measures, and nothing else. */
const CEILINGS = "^ceiling/";

async function loadComparison(): Promise<Comparison> {
  const script = new URL("../bench/peers/run.mjs", import.meta.url);
  if (!existsSync(script))
    throw new UsageError(
      "--peers wants a checkout of latentgrad: the package has no other engines",
    );
  const comparison = (await import(script.href)) as Comparison;
  if (!comparison.installed())
    throw new UsageError("--peers wants the other engines: npm ci --prefix bench/peers");
  return comparison;
}

/** Where the comparison runs, and who hears of it. */
export interface Surroundings {
  /** Where it may run: what was asked for, or else all there are. */
  readonly runtimes: readonly RuntimeName[];
  /** Leaves this process's signals to the child that is started, until it has ended. */
  readonly yieldTo: <T>(start: () => Promise<T>) => Promise<T>;
  readonly log: (line: string) => void;
}

/**
 * Measures as `bench` does, in a process or page of the runtime, and then compares with the other
 * engines, each in one of its own. Runs in the command line's own process, on Node.
 *
 * @throws UsageError where the engines are not there, run nowhere, or nothing matches
 */
export async function benchWithPeers(
  { filter, runs }: BenchOptions,
  { runtimes, yieldTo, log }: Surroundings,
): Promise<BenchReport> {
  const comparison = await loadComparison();
  const runtime = runtimes.find((name) => name !== "node");
  if (!runtime)
    throw new UsageError("--peers runs on deno or chrome: the engines start on no other");
  const { comparisons, leftOut, compare } = await comparison.preparePeers(
    (name) => !filter || filter.test(name),
  );
  const own = ownFilter(filter, comparisons, leftOut);
  for (const line of leftOut) log(line);
  const words = ["--runtime", runtime, ...(own === undefined ? [] : ["--filter", own])];
  if (runs !== undefined) words.push("--runs", `${runs}`);
  const report = await measureApart(words, yieldTo);
  if (comparisons === 0) return { ...report, peerFailures: [] };
  const steps = 1 + Math.max(FEWEST_TIMED_STEPS, runs ?? TIMED_STEPS);
  return withPeers(report, await compare(runtime, { steps, rounds: runs }, log));
}

/** The filter for what is not compared: the ceilings alone where it matches comparisons only. */
function ownFilter(
  filter: RegExp | undefined,
  comparisons: number,
  leftOut: readonly string[],
): string | undefined {
  try {
    select(filter);
    return filter?.source;
  } catch (error) {
    if (comparisons === 0 && leftOut.length > 0) throw new UsageError(leftOut.join("; "));
    if (comparisons === 0) throw error;
    return CEILINGS;
  }
}

/**
 * Runs the benchmark in another process, whose progress is shown.
 *
 * @throws ChildEnded where it fails: it has said why
 */
async function measureApart(
  words: readonly string[],
  yieldTo: Surroundings["yieldTo"],
): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), "latentgrad-bench-"));
  const measure = async () => {
    const file = join(folder, "bench.json");
    const args = [fileURLToPath(import.meta.url), "bench", ...words, "--json", file];
    const command = { command: process.execPath, args, env: process.env };
    const { status, signal } = await yieldTo(() =>
      runChild(command, ["ignore", "ignore", "inherit"]),
    );
    if (signal !== undefined) throw new LatentgradError(`the measurement was ended by ${signal}`);
    if (status !== 0) throw new ChildEnded(status);
    return JSON.parse(await readFile(file, "utf8")) as BenchReport;
  };
  return withCleanUp(measure, () => rm(folder, { recursive: true, force: true }));
}

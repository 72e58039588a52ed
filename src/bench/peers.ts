import type { Counts } from "./counting.ts";

/** Times in milliseconds: the median over the rounds, the shortest and the longest. */
export interface Times {
  readonly ms: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** One engine's part of a comparison. */
export interface Measured extends Times {
  /** What one call, the last timed, asked of WebGPU; absent for an engine without it. */
  readonly counts?: Counts;
  /** GFLOP/s, for a single op. */
  readonly gflops?: number;
  /** Of a step: from asking for an adapter to the end of the first step, compilation included. */
  readonly firstMs?: number;
  /** Of a step: the loss of each. */
  readonly losses?: readonly number[];
}

/** A peer held against latentgrad at one task. */
export interface PeerResult extends Measured {
  readonly peer: string;
  readonly what: string;
  /** The peer's time over ours. */
  readonly ratio: number;
  /** Latentgrad's part, measured in turns with the peer's. */
  readonly ours: Measured;
  /** Largest relative difference of the results or losses, and how much is allowed. */
  readonly difference: number;
  readonly tolerance: number;
  /** Why the comparison says nothing, if so. */
  readonly void?: string;
}

/** A peer that could not go through with a task. */
export interface PeerFailure {
  readonly peer: string;
  readonly what: string;
  readonly message: string;
}

export interface PeersReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly peers: readonly PeerResult[];
  readonly failures: readonly PeerFailure[];
}

/** Whether every comparison says something. */
export function allValid({ peers, failures }: PeersReport): boolean {
  return failures.length === 0 && peers.every((peer) => peer.void === undefined);
}

const ms = (x: number) => (x < 10 ? x.toFixed(2) : x.toFixed(0));

const HEADER = ["what", "latentgrad ms", "peer", "ms", "from", "to", "ratio", "differ by"];

function row(p: PeerResult, previous: PeerResult | undefined): string[] {
  const first = previous?.what !== p.what;
  return [
    first ? p.what : "",
    first ? ms(p.ours.ms) : "",
    p.peer,
    ms(p.ms),
    ms(p.minMs),
    ms(p.maxMs),
    p.void ? "void" : p.ratio.toFixed(2),
    p.difference.toExponential(1),
  ];
}

/** The report as text for people. */
export function formatPeers({ adapter, runtime, peers, failures }: PeersReport): string {
  const rows = [HEADER, ...peers.map((p, i) => row(p, peers[i - 1]))];
  const widths = HEADER.map((_, c) => Math.max(...rows.map((cells) => (cells[c] ?? "").length)));
  const left = (c: number) => c === 0 || c === 2;
  const table = rows.map((cells) =>
    cells
      .map((cell, c) => (left(c) ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  const notes = peers.flatMap((p) => [
    ...(p.void ? [`void: ${p.peer}, ${p.what}: ${p.void}`] : []),
    ...(p.firstMs !== undefined && p.ours.firstMs !== undefined
      ? [
          `first step of ${p.peer} done after ${(p.firstMs / 1000).toFixed(1)} s, latentgrad's after ${(p.ours.firstMs / 1000).toFixed(1)} s (${(p.firstMs / p.ours.firstMs).toFixed(1)} times)`,
        ]
      : []),
  ]);
  for (const { peer, what, message } of failures)
    notes.push(`failed: ${peer}, ${what}: ${message.split("\n")[0]}`);
  const lines = [`adapter  ${adapter}`, `runtime  ${runtime}`, "", ...table];
  return [...lines, ...(notes.length > 0 ? ["", ...notes] : []), ""].join("\n");
}

import { alignColumns } from "../gpu/profiler.ts";
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
  /** Rates of a single op, by what it computes and has to move. */
  readonly gflops?: number;
  readonly gbps?: number;
  /** Of a step: from asking for an adapter to the end of the first step, compilation included. */
  readonly firstMs?: number;
  /** Of a step: the loss of each. */
  readonly losses?: readonly number[];
}

/** A peer held against latentgrad at one task. */
export interface PeerResult extends Measured {
  readonly peer: string;
  /** What decides how fast the peer is beside the processor, where it says so: version, threads, libraries. */
  readonly about?: string;
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

/** What a run of the comparisons found. */
export interface PeersReport {
  readonly adapter: string;
  readonly runtime: string;
  readonly peers: readonly PeerResult[];
  readonly failures: readonly PeerFailure[];
}

/** How many comparisons say nothing. */
export function countInvalid(
  peers: readonly PeerResult[],
  failures: readonly PeerFailure[],
): number {
  return peers.filter((peer) => peer.void !== undefined).length + failures.length;
}

const ms = (x: number) => (x < 10 ? x.toFixed(2) : x.toFixed(0));

const HEADER = ["what", "peer", "latentgrad ms", "peer ms", "from", "to", "ratio", "differ by"];

function row(p: PeerResult, previous: PeerResult | undefined): string[] {
  const first = previous?.what !== p.what;
  return [
    first ? p.what : "",
    p.peer,
    ms(p.ours.ms),
    ms(p.ms),
    ms(p.minMs),
    ms(p.maxMs),
    p.void ? "void" : p.ratio.toFixed(2),
    p.difference.toExponential(1),
  ];
}

/** What the peers are that say so, one a line. */
export function aboutPeers(peers: readonly PeerResult[]): string[] {
  return [...new Set(peers.flatMap(({ peer, about }) => (about ? [`${peer}: ${about}`] : [])))];
}

/** The comparisons as text for people. */
export function formatPeers(
  peers: readonly PeerResult[],
  failures: readonly PeerFailure[],
): string {
  const table = alignColumns([HEADER, ...peers.map((p, i) => row(p, peers[i - 1]))]);
  const results = peers.flatMap((p) => [
    ...(p.void ? [`void: ${p.peer}, ${p.what}: ${p.void}`] : []),
    ...(p.firstMs !== undefined && p.ours.firstMs !== undefined
      ? [
          `${p.what}: first step of ${p.peer} done after ${(p.firstMs / 1000).toFixed(1)} s, latentgrad's after ${(p.ours.firstMs / 1000).toFixed(1)} s (${(p.firstMs / p.ours.firstMs).toFixed(1)} times)`,
        ]
      : []),
  ]);
  const notes = [...aboutPeers(peers), ...results];
  for (const { peer, what, message } of failures)
    notes.push(`failed: ${peer}, ${what}: ${message.split("\n")[0]}`);
  return [table, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}

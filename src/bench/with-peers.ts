import type { Measured, PeerResult, PeersReport } from "./peers.ts";
import { type NamedWork, raiseCeilings, standingOf } from "./roofline.ts";
import type { BenchReport } from "./run.ts";

/** What both engines' kernels did. A step is many, and what runs on the CPU is no kernel. */
function worksOf({ peer, what, ours, ...theirs }: PeerResult): NamedWork[] {
  const work = (name: string, { ms, gflops, gbps, counts }: Measured): NamedWork[] =>
    gflops === undefined || gbps === undefined || counts === undefined
      ? []
      : [{ name: `${what} of ${name}`, flops: gflops * ms * 1e6, bytes: gbps * ms * 1e6, ms }];
  return [...work("latentgrad", ours), ...work(peer, theirs)];
}

/**
 * A report with the comparisons of the same run, whose kernels raise the ceilings as its own do: every
 * share is of the raised ones. A comparison that says nothing raises none.
 */
export function withPeers(report: BenchReport, { peers, failures }: PeersReport): BenchReport {
  const works = peers.filter((peer) => peer.void === undefined).flatMap(worksOf);
  const ceilings = raiseCeilings(report.ceilings, works);
  const kernels = report.kernels.map((kernel) => {
    const { ms, gflops, gbps } = kernel;
    const work = { ms, flops: gflops * ms * 1e6, bytes: gbps * ms * 1e6 };
    const { bound, fractionOfCeiling } = standingOf(work, ceilings);
    return { ...kernel, bound, fractionOfCeiling };
  });
  return { ...report, ceilings, kernels, peers, peerFailures: failures };
}

import type { Device } from "./device.ts";
import { KernelTimer, median } from "./profiler.ts";
import type { Program } from "./program.ts";

/** How long something takes, in milliseconds. */
export interface Timing {
  /** Median over the groups, and the shortest and longest. */
  readonly ms: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Groups that were timed. */
  readonly runs: number;
  /** Replays in a group; a group's time is divided by them. */
  readonly queued: number;
  /** By timestamps of the adapter at both ends of a group, or by waiting once for each group. */
  readonly timedBy: "timestamps" | "waiting";
}

export interface TimingOptions {
  /** Groups; default 5. */
  readonly runs?: number;
  /** What a group takes at least, about. Default by the way of timing. */
  readonly groupMs?: number;
  /** The program has run before: drivers finish compiling when a kernel first runs. */
  readonly hasRun?: boolean;
}

/**
 * Timestamps are waited for after the last group, but browsers round them to 0.1 ms, and each group has
 * a replay more than is timed. A wait costs up to 10 ms, as some runtimes look only so often whether work
 * is done: groups that are waited for are long.
 */
const GROUP_MS = { timestamps: 25, waiting: 300 };
const MOST_QUEUED = 4096;
/** Long work is timed less often once it has taken this long, but for so many groups. */
const ENOUGH = { ms: 15_000, groups: 3 };

/** Median, shortest and longest of groups of `queued` replays. */
export function summarise(
  groups: readonly number[],
  queued: number,
  timedBy: Timing["timedBy"],
): Timing {
  return {
    ms: median(groups) / queued,
    minMs: Math.min(...groups) / queued,
    maxMs: Math.max(...groups) / queued,
    runs: groups.length,
    queued,
    timedBy,
  };
}

/**
 * How many replays make a group of `groupMs`, by trying: a single one may be too short to be measured.
 *
 * @param measure milliseconds of a group of so many replays
 */
export async function fillGroup(
  groupMs: number,
  measure: (queued: number) => Promise<number>,
): Promise<number> {
  let queued = 1;
  for (;;) {
    const ms = await measure(queued);
    const wanted = Math.ceil((queued * groupMs) / Math.max(ms, groupMs / 64));
    const next = Math.min(MOST_QUEUED, Math.max(1, wanted));
    // Close enough, unless what was measured is mostly the wait's own time.
    if (next <= 2 * queued) return Math.max(queued, next);
    queued = next;
  }
}

/**
 * Times work by waiting for groups of it. Work that takes seconds may be timed less often than asked.
 *
 * @param queue queues the work once; it has been done before, so that everything is compiled
 */
export async function timeQueued(
  device: Device,
  queue: () => void,
  { runs = 5, groupMs = GROUP_MS.waiting }: TimingOptions = {},
): Promise<Timing> {
  const measure = async (queued: number): Promise<number> => {
    const start = performance.now();
    for (let q = 0; q < queued; q++) queue();
    await device.finish();
    return performance.now() - start;
  };
  const queued = await fillGroup(groupMs, measure);
  const groups: number[] = [];
  let spent = 0;
  while (groups.length < runs && (spent < ENOUGH.ms || groups.length < ENOUGH.groups)) {
    const ms = await measure(queued);
    groups.push(ms);
    spent += ms;
  }
  return summarise(groups, queued, "waiting");
}

/**
 * Times replays of a program: by timestamps where the adapter has them and the program fits into one
 * submit, else by waiting. Either way the whole of a replay counts, also the textures that a kernel
 * reads and that have to be filled before it on software adapters.
 */
export async function timeProgram(program: Program, options: TimingOptions = {}): Promise<Timing> {
  const { device, steps } = program;
  if (!options.hasRun) {
    program.run();
    await device.finish();
  }
  const stamped =
    device.hasTimestamps &&
    program.statistics.submits === 1 &&
    steps[steps.length - 1]?.kind === "dispatch";
  if (stamped) {
    const timer = new KernelTimer(device);
    const { runs = 5, groupMs = GROUP_MS.timestamps } = options;
    const queued = await fillGroup(
      groupMs,
      async (queued) => ((await timer.timeGroups(steps, 1, queued))[0] ?? 0) / 1000,
    );
    const groups = Array.from(await timer.timeGroups(steps, runs, queued), (us) => us / 1000);
    // Some drivers write no timestamps for some passes.
    if (groups.every((ms) => ms > 0)) return summarise(groups, queued, "timestamps");
  }
  return timeQueued(device, () => program.run(), options);
}

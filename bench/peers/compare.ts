import type { Counts } from "../../src/bench/counting.ts";
import type {
  Measured,
  PeerFailure,
  PeerResult,
  PeersReport,
  Times,
} from "../../src/bench/peers.ts";
import { median } from "../../src/gpu/profiler.ts";
import {
  difference,
  LOSS_TOLERANCE,
  lossDifference,
  RESULT_TOLERANCE,
  voidReason,
} from "./agreement.ts";
import type { Answers, Runner, Timed } from "./protocol.ts";
import { type OpTask, type StepTask, type Task, taskBytes, taskFlops, taskName } from "./tasks.ts";
import { type OpenSide, Turns } from "./turns.ts";

/** An engine that is yet to be started. */
export interface StartSide {
  readonly name: string;
  start(): Promise<Runner>;
  readonly tasks: readonly Task[];
}

export interface CompareOptions {
  /** Ours first, which the others are held against. `tasks`: what a peer is compared at. */
  readonly sides: readonly StartSide[];
  readonly runtime: string;
  /** Steps of each side; the first is not timed. */
  readonly steps: number;
  /** Rounds of an op; by default few where they take long. */
  readonly rounds?: number | undefined;
  readonly log: (line: string) => void;
}

/** Calls are queued in groups of about this long, so that the wait at their end does not count. */
const GROUP_MS = 200;
const LARGEST_GROUP = 2000;
/** The losses of so many steps have to agree. Later ones differ more, as rounding grows in training. */
const COMPARED_LOSSES = 5;
/** A side whose steps have taken so long makes no more than those. */
const STEPS_MS = 60_000;
/**
 * Rounds of an op, unless it is said how many; no further one starts when all have taken so long, but
 * for the fewest.
 */
const ROUNDS = 5;
const FEWEST_ROUNDS = 3;
const TASK_MS = 8_000;

/**
 * Runs the engines' ops and steps in turns, one process each, none at work while another is timed.
 * All get the same operands, weights, images and noise.
 */
export async function comparePeers(options: CompareOptions): Promise<PeersReport> {
  const open: OpenSide[] = [];
  const failures: PeerFailure[] = [];
  try {
    for (const side of options.sides) {
      try {
        const opened = await openSide(side);
        open.push(opened);
        const { name, openMs, adapter, about = adapter ?? "the CPU" } = opened;
        options.log(`${name}: open after ${openMs.toFixed(0)} ms on ${about}`);
      } catch (error) {
        // Without ours nothing can be compared; without a peer all others can.
        if (side === options.sides[0]) throw error;
        const { message } = error as Error;
        options.log(`${side.name} does not open: ${message.split("\n")[0]}`);
        for (const task of side.tasks)
          failures.push({ peer: side.name, what: taskName(task), message });
      }
    }
    const wrong = otherAdapters(open);
    const peers: PeerResult[] = [];
    for (const task of options.sides[0]?.tasks ?? []) {
      const what = taskName(task);
      const turns = new Turns(
        task,
        open.filter(({ tasks }) => tasks.includes(what)),
      );
      const preparedMs = new Map<OpenSide, number>();
      await turns.each(
        () => ({ ask: "prepare", task }),
        (side, { ms, able }) => {
          if (able) preparedMs.set(side, side.openMs + ms);
          else turns.without(side);
        },
      );
      const compared =
        task.kind === "step"
          ? await compareSteps(task, turns, preparedMs, options)
          : await compareOps(task, turns, options);
      peers.push(...compared.map((r) => (wrong ? { ...r, void: wrong } : r)));
      failures.push(...turns.failures);
    }
    const adapter = adaptersOf(open).join("; ");
    return { adapter, runtime: options.runtime, peers, failures };
  } finally {
    await Promise.all(open.map(({ runner }) => runner.close()));
  }
}

/** Starts and opens an engine, or leaves nothing of it. */
async function openSide({ name, start, tasks }: StartSide): Promise<OpenSide> {
  const runner = await start();
  try {
    const { ms, adapter, about } = await runner.ask({ ask: "open" });
    return { name, runner, tasks: tasks.map(taskName), openMs: ms, adapter, about };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

/** Names of the adapters in use; engines on the CPU have none. */
function adaptersOf(sides: readonly OpenSide[]): string[] {
  return [...new Set(sides.flatMap(({ adapter }) => adapter ?? []))];
}

function otherAdapters(sides: readonly OpenSide[]): string | undefined {
  const adapters = adaptersOf(sides);
  if (adapters.length <= 1) return undefined;
  return `the engines ran on different adapters (${adapters.join("; ")})`;
}

function times(all: readonly number[]): Times {
  return { ms: median([...all]), minMs: Math.min(...all), maxMs: Math.max(...all) };
}

async function compareSteps(
  task: StepTask,
  turns: Turns,
  preparedMs: ReadonlyMap<OpenSide, number>,
  { steps, log }: CompareOptions,
): Promise<PeerResult[]> {
  type Stepped = Answers["step"];
  const results = new Map(turns.sides.map((side) => [side, [] as Stepped[]]));
  const slow = (side: OpenSide, step: number): boolean => {
    const spent = (results.get(side) as Stepped[]).reduce((sum, { ms }) => sum + ms, 0);
    return step > COMPARED_LOSSES && spent > STEPS_MS;
  };
  for (let step = 1; step <= steps; step++)
    await turns.each(
      (side) => (slow(side, step) ? undefined : { ask: "step", step }),
      (side, result) => {
        results.get(side)?.push(result);
        log(`step ${step}, ${side.name}: loss ${result.loss}, ${result.ms.toFixed(1)} ms`);
      },
      step - 1,
    );
  const [ours, ...peers] = turns.sides.map((side): Measured & { losses: readonly number[] } => {
    const all = results.get(side) as Stepped[];
    return {
      ...times(all.slice(1).map(({ ms }) => ms)),
      firstMs: (preparedMs.get(side) as number) + (all[0] as Stepped).ms,
      losses: all.map(({ loss }) => loss),
      ...countsOf(all.at(-1) as Stepped, 1),
    };
  });
  return peers.map((theirs, i) => {
    const compared = (losses: readonly number[] = []) => losses.slice(0, COMPARED_LOSSES);
    const found = lossDifference(compared(ours?.losses), compared(theirs.losses));
    const agreement = { found, tolerance: LOSS_TOLERANCE, of: "the losses" };
    return pair(task, turns.sides[i + 1] as OpenSide, ours as Measured, theirs, agreement);
  });
}

async function compareOps(
  task: OpTask,
  turns: Turns,
  { rounds, log }: CompareOptions,
): Promise<PeerResult[]> {
  let expected: Float32Array | undefined;
  const found = new Map<OpenSide, number>();
  await turns.each(
    () => ({ ask: "read" }),
    (side, { values }) => {
      const read = new Float32Array(new Uint8Array(Buffer.from(values, "base64")).buffer);
      expected ??= read;
      found.set(side, difference(expected, read));
    },
  );
  const groups = await chooseGroups(turns);
  const all = new Map(turns.sides.map((side) => [side, [] as Timed[]]));
  const start = performance.now();
  for (let round = 0; round < (rounds ?? ROUNDS); round++) {
    const long = round >= FEWEST_ROUNDS && performance.now() - start > TASK_MS;
    if (rounds === undefined && long) break;
    await turns.each(
      (side) => ({ ask: "calls", count: groups.get(side) as number }),
      (side, timed) => all.get(side)?.push(timed),
      round,
    );
  }
  const [ours, ...peers] = turns.sides.map((side): Measured => {
    const timed = all.get(side) as Timed[];
    const count = groups.get(side) as number;
    const t = times(timed.map(({ ms }) => ms / count));
    const rates = {
      gflops: taskFlops(task) / t.ms / 1e6,
      gbps: taskBytes(task) / t.ms / 1e6,
    };
    return { ...t, ...rates, ...countsOf(timed.at(-1) as Timed, count) };
  });
  return peers.map((theirs, i) => {
    const side = turns.sides[i + 1] as OpenSide;
    const agreement = {
      found: found.get(side) as number,
      tolerance: RESULT_TOLERANCE,
      of: "the results",
    };
    const result = pair(task, side, ours as Measured, theirs, agreement);
    const { what, peer, ms, ratio } = result;
    log(
      `${what}: latentgrad ${ours?.ms.toFixed(2)} ms, ${peer} ${ms.toFixed(2)} ms, ${ratio.toFixed(2)} times`,
    );
    return result;
  });
}

/** How many calls each side takes a group's time for; warms up on the way. */
async function chooseGroups(turns: Turns): Promise<Map<OpenSide, number>> {
  const groups = new Map(turns.sides.map((side) => [side, 1]));
  let unsettled = new Set(turns.sides);
  while (unsettled.size > 0) {
    const again = new Set<OpenSide>();
    await turns.each(
      (side) =>
        unsettled.has(side) ? { ask: "calls", count: groups.get(side) as number } : undefined,
      (side, { ms }) => {
        const count = groups.get(side) as number;
        if (ms >= GROUP_MS / 2 || count === LARGEST_GROUP) return;
        const wanted = Math.max(2 * count, Math.round((count * GROUP_MS) / ms));
        groups.set(side, Math.min(LARGEST_GROUP, wanted));
        again.add(side);
      },
    );
    unsettled = again;
  }
  return groups;
}

/** What one of `calls` calls asked of WebGPU. */
function countsOf({ counts }: Timed, calls: number): { counts?: Counts } {
  return counts === undefined ? {} : { counts: each(counts, calls) };
}

function each(counts: Counts, calls: number): Counts {
  const { buffers, bindGroups, pipelines, dispatches, submits } = counts;
  return {
    buffers: buffers / calls,
    bindGroups: bindGroups / calls,
    pipelines: pipelines / calls,
    dispatches: dispatches / calls,
    submits: submits / calls,
  };
}

function pair(
  task: Task,
  side: OpenSide,
  ours: Measured,
  theirs: Measured,
  { found, tolerance, of }: { found: number; tolerance: number; of: string },
): PeerResult {
  const reason = voidReason(found, tolerance, of);
  return {
    peer: side.name,
    ...(side.about === undefined ? {} : { about: side.about }),
    what: taskName(task),
    ...theirs,
    ratio: theirs.ms / ours.ms,
    ours,
    difference: found,
    tolerance,
    ...(reason === undefined ? {} : { void: reason }),
  };
}

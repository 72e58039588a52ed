/** What the comparison with other engines concludes, from engines that only say what they took. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { difference, lossDifference } from "../../bench/peers/agreement.ts";
import { comparePeers } from "../../bench/peers/compare.ts";
import type { Answer, Answers, Ask, Runner } from "../../bench/peers/protocol.ts";
import { Answerer } from "../../bench/peers/side.ts";
import { type Task, taskName } from "../../bench/peers/tasks.ts";
import { turnOrder } from "../../bench/peers/turns.ts";
import { countInvalid, formatPeers, type PeersReport } from "../../src/bench/peers.ts";

const test = suite("comparison with other engines");

const NOTHING = { buffers: 0, bindGroups: 0, pipelines: 0, dispatches: 0, submits: 0 };

interface FakeEngine {
  readonly adapter?: string;
  readonly about?: string;
  /** Milliseconds of a call or step, one after another, the last for all that follow. */
  readonly ms: readonly number[];
  readonly result?: readonly number[];
  readonly losses?: readonly number[];
  readonly unable?: boolean;
  /** What it cannot answer. */
  readonly fails?: Ask["ask"];
}

/** An engine that takes the time it is said to, and a record of who was asked what. */
class FakeRunner implements Runner {
  private timed = 0;
  closed = false;

  constructor(
    private readonly name: string,
    private readonly engine: FakeEngine,
    private readonly asked: string[],
  ) {}

  async ask<A extends Ask>(question: A): Promise<never> {
    return this.answer(question) as never;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  private answer(question: Ask): Answer {
    this.asked.push(`${this.name} ${question.ask}`);
    const { adapter, about, unable, result = [1, -2], losses = [], fails } = this.engine;
    // An engine on the CPU asks nothing of WebGPU.
    const counted = (submits: number) =>
      adapter === undefined ? {} : { counts: { ...NOTHING, submits } };
    if (fails === question.ask) throw new Error("out of memory");
    switch (question.ask) {
      case "open":
        return {
          ms: 10,
          ...(adapter === undefined ? {} : { adapter }),
          ...(about === undefined ? {} : { about }),
        };
      case "prepare":
        return { ms: 5, able: unable !== true };
      case "read": {
        const values = Buffer.from(Float32Array.from(result).buffer).toString("base64");
        return { ms: 1, values };
      }
      case "calls":
        return { ms: question.count * this.next(), ...counted(question.count) };
      case "step":
        return { ms: this.next(), ...counted(1), loss: losses[question.step - 1] ?? 1 };
    }
  }

  private next(): number {
    const { ms } = this.engine;
    return ms[Math.min(this.timed++, ms.length - 1)] as number;
  }
}

const invalid = ({ peers, failures }: PeersReport) => countInvalid(peers, failures);
const text = ({ peers, failures }: PeersReport) => formatPeers(peers, failures);

const PRODUCT: Task = { kind: "matmul", m: 100, k: 1000, n: 500 };
const STEP: Task = { kind: "step", network: "conv", batch: 128 };
const DEVICE = { adapter: "an adapter" };

async function compare(
  engines: Readonly<Record<string, FakeEngine>>,
  tasks: readonly Task[] = [PRODUCT],
  often: { readonly steps?: number; readonly rounds?: number } = {},
): Promise<{ report: PeersReport; asked: string[]; runners: FakeRunner[] }> {
  const asked: string[] = [];
  const runners: FakeRunner[] = [];
  const sides = Object.entries(engines).map(([name, engine]) => ({
    name,
    tasks,
    async start() {
      const runner = new FakeRunner(name, engine, asked);
      runners.push(runner);
      return runner;
    },
  }));
  const log = () => {};
  const report = await comparePeers({ sides, runtime: "deno", steps: 5, log, ...often });
  return { report, asked, runners };
}

test("the ratio is the peer's median over ours", async () => {
  // The first time settles that one call makes a group.
  const { report } = await compare({
    latentgrad: { ...DEVICE, ms: [500, 100, 120, 110, 90, 300] },
    slow: { ...DEVICE, ms: [500, 440, 430, 450, 1000, 400] },
  });
  const [found] = report.peers;
  assert.is(found?.peer, "slow");
  assert.is(found?.what, "matmul/100x1000x500");
  assert.is(found?.ours.ms, 110);
  assert.is(found?.ms, 440);
  assert.is(found?.ratio, 4);
  assert.equal([found?.minMs, found?.maxMs], [400, 1000]);
  assert.is(found?.gflops, (2 * 100 * 1000 * 500) / 440 / 1e6);
  assert.is(found?.gbps, (4 * (100 * 1000 + 1000 * 500 + 100 * 500)) / 440 / 1e6);
  assert.is(found?.void, undefined);
  assert.is(invalid(report), 0);
});

test("short calls are queued in groups, and their time is divided by their number", async () => {
  const { report } = await compare({
    latentgrad: { ...DEVICE, ms: [2] },
    quick: { ms: [0.5] },
  });
  const [found] = report.peers;
  assert.is(found?.ours.ms, 2);
  assert.is(found?.ms, 0.5);
  assert.is(found?.ratio, 0.25);
  assert.is(found?.ours.counts?.submits, 1, "of one call");
  assert.is(found?.counts, undefined);
});

test("the engines take turns, and none is always first or behind the same one", async () => {
  const { asked, runners } = await compare({
    latentgrad: { ...DEVICE, ms: [500] },
    first: { ...DEVICE, ms: [500] },
    second: { ...DEVICE, ms: [500] },
  });
  const calls = asked.filter((line) => line.endsWith("calls"));
  const round = (...names: string[]) => names.map((name) => `${name} calls`);
  assert.equal(calls, [
    ...round("latentgrad", "first", "second"), // chooses groups
    ...round("latentgrad", "first", "second"),
    ...round("first", "second", "latentgrad"),
    ...round("second", "latentgrad", "first"),
    ...round("second", "first", "latentgrad"),
    ...round("latentgrad", "second", "first"),
  ]);
  assert.ok(runners.every(({ closed }) => closed));
});

test("steps take turns in another order each, too", async () => {
  const engines = { latentgrad: { ...DEVICE, ms: [500] }, peer: { ...DEVICE, ms: [500] } };
  const { asked } = await compare(engines, [STEP]);
  const first = asked.filter((line) => line.endsWith(" step")).filter((_, i) => i % 2 === 0);
  const [ours, theirs] = ["latentgrad step", "peer step"];
  assert.equal(first, [ours, theirs, ours, theirs, ours]);
});

test("each side has every place and every side in front of it equally often", () => {
  for (const count of [1, 2, 3, 4, 5]) {
    const rounds = count % 2 === 1 ? 2 * count : count;
    const seen = new Map<string, number>();
    const see = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    for (let round = 0; round < rounds; round++) {
      const order = turnOrder(count, round);
      for (const [place, side] of order.entries()) {
        see(`${side} at ${place}`);
        if (place > 0) see(`${side} behind ${order[place - 1]}`);
      }
    }
    assert.is(seen.size, count * count + count * (count - 1), `${count} sides`);
    assert.equal([...new Set(seen.values())], [rounds / count], `${count} sides`);
    const beginners = Array.from({ length: count }, (_, round) => turnOrder(count, round)[0]);
    assert.is(new Set(beginners).size, count);
  }
  assert.equal(turnOrder(4, 0)[0], 0, "ours begins");
});

test("each thing is timed as often as is asked for", async () => {
  const engines = { latentgrad: { ...DEVICE, ms: [500] }, peer: { ...DEVICE, ms: [500] } };
  for (const rounds of [1, 12]) {
    const { asked } = await compare(engines, [PRODUCT], { rounds });
    assert.is(asked.filter((line) => line === "peer calls").length, 1 + rounds);
  }
  const { report } = await compare(engines, [STEP], { steps: 10 });
  assert.is(report.peers[0]?.losses?.length, 10);
});

test("the losses of the first five steps decide, however many are timed", async () => {
  const losses = [600, 550, 540, 530, 520, 510];
  const { report } = await compare(
    {
      latentgrad: { ...DEVICE, ms: [3000, 100], losses },
      right: { ...DEVICE, ms: [9000, 1000], losses: [...losses.slice(0, 5), 505] },
      wrong: { ...DEVICE, ms: [9000, 1000], losses: [...losses.slice(0, 4), 521, 510] },
    },
    [STEP],
    { steps: 6 },
  );
  assert.equal(
    report.peers.map((peer) => peer.void !== undefined),
    [false, true],
  );
});

test("an engine that is slow makes no more steps than those that decide", async () => {
  const { report, asked } = await compare(
    {
      latentgrad: { ...DEVICE, ms: [3000, 100] },
      slow: { ...DEVICE, ms: [30_000, 15_000] },
      slower: { ...DEVICE, ms: [99_000] },
    },
    [STEP],
    { steps: 8 },
  );
  const count = (name: string) => asked.filter((line) => line === `${name} step`).length;
  assert.equal(["latentgrad", "slow", "slower"].map(count), [8, 5, 5]);
  assert.equal(
    report.peers.map(({ ratio }) => ratio),
    [150, 990],
  );
});

test("results that differ make a comparison void, and only that one", async () => {
  const { report } = await compare({
    latentgrad: { ...DEVICE, ms: [500], result: [1, 2, 3] },
    right: { ...DEVICE, ms: [900], result: [1, 2, 3.00001] },
    wrong: { ...DEVICE, ms: [900], result: [1, 2, 3.001] },
  });
  const [right, wrong] = report.peers;
  assert.is(right?.void, undefined);
  assert.match(wrong?.void ?? "", /^the results differ by 3\.3e-4 of their size, 0\.0001 at most$/);
  assert.is(invalid(report), 1);
  assert.match(text(report), /void: wrong, matmul\/100x1000x500: the results differ/);
});

test("steps are void by their losses; the first is compiled in and not timed", async () => {
  const losses = [600, 550, 540, 530, 520];
  const { report } = await compare(
    {
      latentgrad: { ...DEVICE, ms: [3000, 100], losses },
      right: { ...DEVICE, ms: [9000, 1000], losses: losses.map((x) => x * 1.0009) },
      wrong: { ...DEVICE, ms: [9000, 1000], losses: [...losses.slice(0, 4), 521] },
    },
    [STEP],
  );
  const [right, wrong] = report.peers;
  assert.is(right?.what, "step/vae-conv/128");
  assert.is(right?.ratio, 10);
  assert.is(right?.void, undefined);
  assert.equal([right?.ours.firstMs, right?.firstMs], [3015, 9015], "open, prepare, first step");
  assert.equal(right?.ours.losses, losses);
  assert.match(wrong?.void ?? "", /^the losses differ by 1\.9e-3 of their size, 0\.001 at most$/);
});

test("engines on different adapters are not compared; the CPU is no other adapter", async () => {
  const other = await compare({
    latentgrad: { adapter: "a GPU", ms: [500] },
    peer: { adapter: "another", ms: [500] },
  });
  assert.is(other.report.peers[0]?.void, "the engines ran on different adapters (a GPU; another)");
  const cpu = await compare({ latentgrad: { ...DEVICE, ms: [500] }, wasm: { ms: [500] } });
  assert.is(cpu.report.peers[0]?.void, undefined);
  assert.is(cpu.report.adapter, "an adapter");
});

test("what decides how fast a peer is stands in its rows, and once in the text", async () => {
  const about = "2 threads, OpenBLAS";
  const { report } = await compare(
    { latentgrad: { ...DEVICE, ms: [500] }, cpu: { about, ms: [500] }, other: { ms: [500] } },
    [STEP, PRODUCT],
  );
  assert.equal(
    report.peers.map((peer) => [peer.peer, peer.about]),
    [STEP, PRODUCT].flatMap(() => [
      ["cpu", about],
      ["other", undefined],
    ]),
  );
  assert.is(text(report).split(about).length, 2);
  assert.match(text(report), /^cpu: 2 threads, OpenBLAS$/m);
});

test("the adapter of a side is what its engine's own device is of", async () => {
  for (const adapter of ["another", undefined]) {
    const engine = { adapter, op: async () => undefined, step: async () => undefined };
    const opened = await new Answerer(async () => engine, false).answer({ ask: "open" });
    assert.is((opened as Answers["open"]).adapter, adapter);
  }
});

test("a peer without the op is left out; one that fails is reported, and the others go on", async () => {
  const { report, asked } = await compare({
    latentgrad: { ...DEVICE, ms: [500] },
    without: { ms: [500], unable: true },
    broken: { ...DEVICE, ms: [500], fails: "calls" },
    sound: { ...DEVICE, ms: [1000] },
  });
  assert.equal(
    report.peers.map(({ peer }) => peer),
    ["sound"],
  );
  assert.is(report.peers[0]?.ratio, 2);
  assert.equal(report.failures, [
    { peer: "broken", what: "matmul/100x1000x500", message: "out of memory" },
  ]);
  assert.is(invalid(report), 1);
  assert.is(asked.filter((line) => line === "without read").length, 0);
  assert.match(text(report), /failed: broken, matmul\/100x1000x500: out of memory/);
});

test("a peer that does not start or open fails at each of its tasks, and the others go on", async () => {
  const runners: Record<string, FakeRunner> = {};
  const engines: Readonly<Record<string, FakeEngine>> = {
    latentgrad: { ...DEVICE, ms: [500] },
    absent: { ms: [] },
    closed: { ...DEVICE, ms: [500], fails: "open" },
    sound: { ...DEVICE, ms: [1000] },
  };
  const sides = Object.entries(engines).map(([name, engine]) => ({
    name,
    tasks: [STEP, PRODUCT],
    async start() {
      if (name === "absent") throw new Error("no such program\nat all");
      const runner = new FakeRunner(name, engine, []);
      runners[name] = runner;
      return runner;
    },
  }));
  const report = await comparePeers({ sides, runtime: "deno", steps: 5, log: () => {} });
  assert.equal(
    report.peers.map(({ peer, what }) => [peer, what]),
    [STEP, PRODUCT].map((task) => ["sound", taskName(task)]),
  );
  const failed = (peer: string, message: string) =>
    [STEP, PRODUCT].map((task) => ({ peer, what: taskName(task), message }));
  assert.equal(report.failures, [
    ...failed("absent", "no such program\nat all"),
    ...failed("closed", "out of memory"),
  ]);
  assert.is(invalid(report), 4);
  assert.match(text(report), /failed: absent, step\/vae-conv\/128: no such program$/m);
  assert.equal(Object.keys(runners), ["latentgrad", "closed", "sound"]);
  assert.ok(Object.values(runners).every(({ closed }) => closed));
});

for (const [fails, when] of [
  ["open", "when it opens"],
  ["read", "at a task"],
] as const)
  test(`our own failure ${when} is the comparison's, and every engine is closed`, async () => {
    const runners: FakeRunner[] = [];
    const start = async () => {
      const runner = new FakeRunner("latentgrad", { ...DEVICE, ms: [1], fails }, []);
      runners.push(runner);
      return runner;
    };
    const sides = [{ name: "latentgrad", tasks: [PRODUCT], start }];
    let message = "";
    await comparePeers({ sides, runtime: "deno", steps: 5, log: () => {} }).catch((error) => {
      message = (error as Error).message;
    });
    assert.is(message, "out of memory");
    assert.ok(runners[0]?.closed);
  });

test("results agree by their size or by the mean square of all", () => {
  const ours = Float32Array.of(100, -100, 0.001, 0);
  const near = difference(ours, Float32Array.of(100.01, -100, 0.002, 0.001));
  assert.ok(near > 0.9e-4 && near < 1.1e-4, `${near}`);
  assert.is(difference(ours, ours), 0);
  assert.is(difference(Float32Array.of(0, 0), Float32Array.of(0, 0)), 0);
  for (const wrong of [
    Float32Array.of(Number.NaN, -100, 0.001, 0),
    Float32Array.of(100, Number.POSITIVE_INFINITY, 0.001, 0),
    Float32Array.of(100, -100, 0.001),
  ])
    assert.is(difference(ours, wrong), Number.POSITIVE_INFINITY);
  assert.is(difference(Float32Array.of(), Float32Array.of()), Number.POSITIVE_INFINITY);
  assert.is(difference(Float32Array.of(Number.NaN, 1), ours.subarray(0, 2)), Infinity);
  assert.is(difference(Float32Array.of(0, 0), Float32Array.of(0, 1)), Infinity);
});

test("losses agree step by step", () => {
  assert.ok(Math.abs(lossDifference([100, 50], [100, 50.5]) - 0.01) < 1e-12);
  assert.is(lossDifference([100], [Number.NaN]), Number.POSITIVE_INFINITY);
  assert.is(lossDifference([Number.NaN], [100]), Number.POSITIVE_INFINITY);
  assert.is(lossDifference([100, 50], [100]), Number.POSITIVE_INFINITY);
  assert.is(lossDifference([], []), Number.POSITIVE_INFINITY);
});

test.run();
